"""`tcc export` and `tcc import`: runs as lines of JSON, out of a database and into another."""

import io
import os
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, Final, cast

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from contextcompany.cli.asking import ask
from contextcompany.cli.database import DatabaseOption, database_path, reading
from contextcompany.cli.failures import CommandError
from contextcompany.cli.filtering import with_filters
from contextcompany.cli.screens import error_screen, say
from contextcompany.local.store.filters import RunFilter
from contextcompany.settings import environment

if TYPE_CHECKING:
    from contextcompany.local.store.rows import Added

STANDARD: Final = "-"

_MOST_RUNS: Final = 10_000_000
_PIECE_BYTES: Final = 256 * 1024
_IMPORT_SECONDS: Final = 600.0
_TAKEN_IN: Final = 200
_NO_TOKEN: Final = frozenset({401, 403})
_WRITE_TOKEN: Final = "tcc_w_"  # noqa: S105 - how such tokens begin


@with_filters
def export_runs(
    file: Annotated[
        str, typer.Argument(metavar="[FILE]", help="Where to; `-` for the standard output.")
    ] = STANDARD,
    *,
    wanted: RunFilter,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    database: DatabaseOption = None,
) -> None:
    """Write runs as JSONL, a run to a line with its spans in OTLP/JSON, which any collector reads."""
    from contextcompany.local.api.lines import export_lines

    with reading(database) as store, _destination(file, force=force) as out, _progress() as progress:
        total = None if progress.disable else store.count_runs(wanted, limit=_MOST_RUNS)
        task = progress.add_task("Writing", total=total)
        lines = 0
        for line in export_lines(store, wanted):
            out.write(line)
            lines += 1
            progress.advance(task)
    if file != STANDARD:
        say(f"{_counted(lines, 'line')} written to {file}.")


def import_runs(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="What `tcc export` wrote; `-` for the standard input.")
    ],
    *,
    database: DatabaseOption = None,
) -> None:
    """Take in runs that were exported, all or nothing; spans that are here already are left out."""
    from contextcompany.local.store.sqlite.tables.ownership import owner_url

    path = database_path(database)
    with _source(file) as lines, _progress() as progress:
        # A pipe has no size.
        size = None if file == STANDARD else os.fstat(lines.fileno()).st_size
        task = progress.add_task("Reading", total=size)
        watched = _Watched(lines, partial(progress.advance, task))
        url = owner_url(path)
        accepted, duplicates = _kept(watched, path) if url is None else _sent(watched, url)
    said = f"{_counted(accepted, 'span')} taken in"
    say(f"{said}, {duplicates:,} were here already." if duplicates else f"{said}.")


class _Watched(io.BufferedIOBase):
    """A file that tells how much of it was read.

    Args:
        file: what is read.
        told: called with each number of bytes.
    """

    def __init__(self, file: BinaryIO, told: Callable[[float], None]) -> None:
        self._file = file
        self._told = told

    def read(self, size: int | None = -1, /) -> bytes:
        """Read so many bytes."""
        found = self._file.read(-1 if size is None else size)
        self._told(len(found))
        return found

    def readline(self, size: int | None = -1, /) -> bytes:
        """Read a line."""
        found = self._file.readline(-1 if size is None else size)
        self._told(len(found))
        return found


def _kept(lines: io.BufferedIOBase, path: Path) -> tuple[int, int]:
    from contextcompany.local.api.lines import BadLineError, import_lines, merged
    from contextcompany.local.store.sqlite.store import SqliteRunStore

    store = SqliteRunStore.open(path)
    try:
        added: Added = store.add_all(merged(import_lines(lines)))
    except BadLineError as error:
        raise CommandError(f"{error}; nothing was taken in") from error
    finally:
        store.close()
    return added.accepted, added.duplicates


def _sent(lines: io.BufferedIOBase, url: str) -> tuple[int, int]:
    """Hand the lines to the server that owns the database."""
    headers = {"Content-Type": "application/jsonl"}
    key = environment.text("TCC_API_KEY") or ""
    if key.startswith(_WRITE_TOKEN):
        headers["Authorization"] = f"Bearer {key}"
    pieces = iter(lambda: lines.read(_PIECE_BYTES), b"")
    answer = ask(url, "/api/import", method="POST", body=pieces, headers=headers, seconds=_IMPORT_SECONDS)
    fields: Mapping[str, object] = {} if answer is None else answer.fields()
    accepted, duplicates = fields.get("accepted"), fields.get("duplicates")
    if answer is not None and answer.status == _TAKEN_IN and isinstance(accepted, int):
        return accepted, duplicates if isinstance(duplicates, int) else 0
    if answer is not None and answer.status in _NO_TOKEN:
        raise CommandError(
            f"the server at {url} wants a write token: set TCC_API_KEY to one (tcc tokens add)"
        )
    error = fields.get("error")
    message = cast("dict[str, object]", error).get("message") if isinstance(error, dict) else None
    if not isinstance(message, str):
        message = "it did not answer: stop it and try again, or name another database with --db"
    raise CommandError(f"the server at {url}: {message}")


@contextmanager
def _source(file: str) -> Generator[BinaryIO]:
    if file == STANDARD:
        yield sys.stdin.buffer
        return
    with Path(file).expanduser().open("rb") as found:
        yield found


@contextmanager
def _destination(file: str, *, force: bool) -> Generator[BinaryIO]:
    """Give what to write to; a file is there under its name only when it is whole."""
    if file == STANDARD:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(file).expanduser()
    if path.exists() and not force:
        raise CommandError(f"{path} is there already: name another file, or replace it with --force")
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    # What people said to agents is in it.
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as out:
            yield out
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _progress() -> Progress:
    """Return a bar on the error stream, which is drawn on a terminal only."""
    console = error_screen()
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
