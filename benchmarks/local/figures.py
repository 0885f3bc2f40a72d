"""What is measured of a collector, and the table of it: of one alone, or of two side by side."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

_MIB: Final = 1024 * 1024


class Rate(NamedTuple):
    """Spans per second that passes, and per second that the processor works."""

    passed: float
    worked: float


_NO_RATE: Final = Rate(0.0, 0.0)


@dataclass(slots=True)
class Figures:
    """What was measured: seconds, spans per second, bytes; pages in milliseconds as median and worst."""

    name: str
    version: str
    ready: float = 0.0
    rate: Rate = _NO_RATE
    rate_full: Rate = _NO_RATE
    idle_bytes: int = 0
    peak_bytes: int = 0
    disk_bytes: int = 0
    pages: dict[str, tuple[float, float]] = field(default_factory=dict[str, tuple[float, float]])


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of the table: how the figure of a collector is found and written."""

    name: str
    find: Callable[[Figures], float]
    write: Callable[[Figures], str]
    is_more_better: bool = False

    def cells(self, figures: Sequence[Figures]) -> list[str]:
        """Write the line: a cell for each collector; with two, also by how much the first is better."""
        cells = [self.name, *map(self.write, figures)]
        if len(figures) > 1:
            ours, other = map(self.find, figures)
            cells.append(f"{ours / other if self.is_more_better else other / ours:.1f}")
        return cells


def table(figures: Sequence[Figures], runs: int) -> str:
    """Write what was measured of one collector or of two as a table in Markdown."""
    head = ["", *(f"{one.name} {one.version}" for one in figures)]
    if len(figures) > 1:
        head.append("better by")
    rows = [head, ["---"] * len(head), *(line.cells(figures) for line in _lines(figures[0].pages, runs))]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _lines(pages: Iterable[str], runs: int) -> Iterator[_Line]:
    yield _Line("start to ready", lambda one: one.ready, lambda one: f"{one.ready:.2f} s")
    yield from _rates("empty store", lambda one: one.rate)
    yield from _rates(f"{runs:,} runs stored", lambda one: one.rate_full)
    yield _size("memory, idle", lambda one: one.idle_bytes)
    yield _size("memory, peak", lambda one: one.peak_bytes)
    yield _size("disk", lambda one: one.disk_bytes)
    for page in pages:
        yield _page(page)


def _rates(where: str, find: Callable[[Figures], Rate]) -> Iterator[_Line]:
    yield _Line(
        f"spans taken in, {where}",
        lambda one: find(one).passed,
        lambda one: f"{find(one).passed:,.0f}/s",
        is_more_better=True,
    )
    yield _Line(
        f"spans for a second of the processor, {where}",
        lambda one: find(one).worked,
        lambda one: f"{find(one).worked:,.0f}",
        is_more_better=True,
    )


def _size(name: str, find: Callable[[Figures], int]) -> _Line:
    return _Line(name, find, lambda one: f"{find(one) / _MIB:,.0f} MiB")


def _page(page: str) -> _Line:
    return _Line(
        f"{page}, median (worst)",
        lambda one: one.pages[page][0],
        lambda one: f"{one.pages[page][0]:.0f} ({one.pages[page][1]:.0f}) ms",
    )
