"""`docs/conformance.md`, made from the kept results."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.conformance.adapter import OPERATIONS
from tests.conformance.programs import GROUPS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tests.conformance.adapter import Adapter
    from tests.conformance.program import Check, Program
    from tests.conformance.programs import Group
    from tests.conformance.results import Results

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "conformance.md"

_HEAD: Final = """\
# Conformance

What a package for tracing does to the application around it: the same small programs, run with this package
and with others. `make conformance` and `make conformance-peers` run them and write this page; nothing here
is written by hand.
"""

_READING: Final = """\
## How to read this

Each program is a process of its own, in an environment of its own, between two backends on loopback: the
package's, and the one to which the application's own OpenTelemetry provider exports. A program uses each
package as its documentation says and with its defaults; what that is stands at the end. When the process
has ended, what both backends got is compared with what is expected.

`✓` is what is expected, `✗` anything else; what was found instead stands below the tables, one line for
each cell. `plain` marks a cell where the package offers nothing for the purpose and the plain thing stands
in its place. An empty cell was not run.

Trees are written in one line: `run(step, tool)` is a run with two children, and `a, b` are two roots.
`request/run` is a run whose parent is at the other backend, `?/run` one whose parent arrived nowhere, and
`run*2` arrived twice.

What is expected is what this package promises: a guest that changes nothing of the application's own
tracing. Packages that mean to be the application's tracing share its provider on purpose; `✗` in the first
two tables is then a decision of theirs, with consequences for the application that the cell tells. The
programs are in `tests/conformance/programs`, each beside what it expects. To see another package, write its
adapter in `tests/conformance/adapters` and what to install in `constraints/peers`.
"""


def page(columns: Mapping[type[Adapter], Results | None]) -> str:
    """Return the page.

    Args:
        columns: the packages in the order of the columns, with their results.
    """
    parts = [
        _HEAD,
        _table(["", *(adapter.distribution for adapter in columns)], _summary(columns)),
        _READING,
        *(part for group in GROUPS for part in _group(group, columns)),
        "## What was found instead\n",
        *(_found(adapter, results) for adapter, results in columns.items()),
        "## What was used\n",
        _table(["", *(adapter.distribution for adapter in columns)], _means(columns)),
        *(f"{adapter.distribution}: {adapter.remark}\n" for adapter in columns if adapter.remark),
    ]
    return "\n".join(parts)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _checks(group: Group) -> Iterator[tuple[Program, Check]]:
    for program in group.programs:
        for check in program.checks:
            yield program, check


def _summary(columns: Mapping[type[Adapter], Results | None]) -> Iterator[list[str]]:
    for group in GROUPS:
        checks = list(_checks(group))
        yield [group.title, *(_passes(checks, results) for results in columns.values())]
    for title, of in (("version", "version"), ("OpenTelemetry SDK", "opentelemetry"), ("Python", "python")):
        yield [title, *("" if results is None else str(getattr(results, of)) for results in columns.values())]


def _passes(checks: Sequence[tuple[Program, Check]], results: Results | None) -> str:
    if results is None:
        return ""
    return f"{sum(results.passed(program, check) is True for program, check in checks)} of {len(checks)}"


def _group(group: Group, columns: Mapping[type[Adapter], Results | None]) -> Iterator[str]:
    yield f"## {group.title}\n\n{group.text}\n"
    rows = [
        [
            check.title,
            f"`{check.expected}`",
            *(_cell(program, check, adapter, results) for adapter, results in columns.items()),
        ]
        for program, check in _checks(group)
    ]
    yield _table(["", "expected", *(adapter.distribution for adapter in columns)], rows)


def _cell(program: Program, check: Check, adapter: type[Adapter], results: Results | None) -> str:
    passed = None if results is None else results.passed(program, check)
    if passed is None:
        return ""
    is_plain = check.operation is not None and check.operation not in adapter.means
    return ("✓" if passed else "✗") + (" plain" if is_plain else "")


def _found(adapter: type[Adapter], results: Results | None) -> str:
    if results is None:
        return f"**{adapter.distribution}**: not run.\n"
    lines = [
        f"- {check.title}: `{results.found[program.name][check.name]}`\n"
        for group in GROUPS
        for program, check in _checks(group)
        if results.passed(program, check) is False
    ]
    return f"**{adapter.distribution}**" + (
        f"\n\n{''.join(lines)}" if lines else ": nothing else anywhere.\n"
    )


def _means(columns: Mapping[type[Adapter], Results | None]) -> Iterator[list[str]]:
    for operation in OPERATIONS:
        yield [operation, *(adapter.means.get(operation, "nothing") for adapter in columns)]
