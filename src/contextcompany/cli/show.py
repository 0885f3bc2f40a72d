"""`tcc show`: one run as a tree."""

import difflib
from typing import Annotated, Final

import typer

from contextcompany.cli.database import DatabaseOption, reading
from contextcompany.cli.failures import CommandError
from contextcompany.cli.records import detail_record, print_record
from contextcompany.cli.screens import screen
from contextcompany.local.reading.grouping import runs
from contextcompany.local.reading.preview import one_line
from contextcompany.local.store.filters import RunFilter
from contextcompany.local.store.interface import RunStore
from contextcompany.local.store.rows import RunDetail
from contextcompany.local.terminal.tree import render

LAST: Final = "last"

_MOST_CANDIDATES: Final = 200
_MOST_NAMED: Final = 5
_LONGEST_ID: Final = 200


def show(
    run: Annotated[
        str,
        typer.Argument(metavar="RUN", help="The id of a run, its beginning, or `last`.", show_default=False),
    ],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON with all spans.")] = False,
    database: DatabaseOption = None,
) -> None:
    """Show a run as a tree: what happened, how long it took, what it used, where it went wrong."""
    with reading(database) as store:
        detail = found_run(store, run)
    if as_json:
        print_record(detail_record(detail), indent=2)
        return
    screen().print(render(runs(detail.spans)))


def found_run(store: RunStore, named: str) -> RunDetail:
    """Return the run that somebody means by an id, its beginning, or `last`.

    Raises:
        CommandError: None is meant, or several are.
    """
    detail = store.run(named)
    if detail is None and named == LAST:
        rows = store.runs(RunFilter(), limit=1).items
        if not rows:
            raise CommandError("there are no runs yet: send some, then ask again")
        detail = store.run(rows[0].address)
    elif detail is None and named:
        candidates = store.addresses(named, limit=_MOST_NAMED + 1)
        if len(candidates) > 1:
            raise CommandError(
                f"several runs begin with {_shown(named)}: {_listed(candidates)}; type more of it"
            )
        if candidates:
            detail = store.run(candidates[0])
    if detail is None:
        raise CommandError(f"there is no run {_shown(named)}{_hint(store, named)}")
    return detail


def _hint(store: RunStore, named: str) -> str:
    """Say which ids look alike: of those that begin like it, else of the newest."""
    beginning = named[:_LONGEST_ID]
    while beginning:
        candidates = store.addresses(beginning, limit=_MOST_CANDIDATES)
        if candidates:
            break
        beginning = beginning[: len(beginning) // 2]
    else:
        candidates = tuple(row.address for row in store.runs(RunFilter(), limit=_MOST_CANDIDATES).items)
    near = difflib.get_close_matches(named[:_LONGEST_ID], candidates, n=1)
    return f": did you mean {_shown(near[0])}?" if near else ": tcc runs lists them"


def _listed(addresses: tuple[str, ...]) -> str:
    more = ", …" if len(addresses) > _MOST_NAMED else ""
    return ", ".join(map(_shown, addresses[:_MOST_NAMED])) + more


def _shown(address: str) -> str:
    return one_line(address, _LONGEST_ID)
