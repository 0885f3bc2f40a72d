"""Which database a command works on, and how it is opened for reading."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import platformdirs
import typer

from contextcompany.cli.failures import CommandError
from contextcompany.local.store.interface import RunStore

VARIABLE: Final = "TCC_LOCAL_DB"

DatabaseOption = Annotated[
    Path | None,
    typer.Option(
        "--db",
        metavar="PATH",
        help=f"The database; else {VARIABLE}, else one in your user data directory.",
        show_default=False,
    ),
]


def database_path(given: Path | None) -> Path:
    """Return where the database is: as given, else as the environment says, else the user's own."""
    named = given if given is not None else Path(os.environ.get(VARIABLE, "").strip())
    if named == Path():
        # Without an author: on Windows it would stand in the path twice.
        return platformdirs.user_data_path("contextcompany", appauthor=False) / "local.db"
    path = named.expanduser().absolute()
    if path.is_dir():
        raise CommandError(f"{path} is a folder: name a file in it with --db")
    return path


@contextmanager
def reading(given: Path | None) -> Generator[RunStore]:
    """Open the database for the length of a block, to read; a server may go on writing to it.

    Raises:
        CommandError: There is none yet.
        StoreError: It cannot be read.
    """
    path = database_path(given)
    if not path.exists():
        raise CommandError(f"there is no database at {path}: start tcc serve, or name one with --db")
    from contextcompany.local.store.sqlite.store import SqliteRunStore

    store = SqliteRunStore.open(path, read_only=True)
    try:
        yield store
    finally:
        store.close()
