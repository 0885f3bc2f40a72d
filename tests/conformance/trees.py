"""Spans as text: `run(step, tool)` is a run with two children, and what else can be said of them.

    a, b        two roots
    a(b(c))     c below b below a
    a/b         b, below a of the other backend
    ?/b         b, below a span that reached no backend
    b*2         b, delivered twice

Siblings stand in the order of the alphabet.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

NOTHING: Final = "nothing"
"""How a backend that got no span is told."""


@dataclass(frozen=True)
class Span:
    """A span as a backend got it; ids are hexadecimal, `parent` is None for a root."""

    label: str
    trace: str
    id: str
    parent: str | None

    @property
    def place(self) -> tuple[str, str]:
        """What identifies it among all spans."""
        return self.trace, self.id


def told(spans: Iterable[Span], elsewhere: Iterable[Span] = ()) -> str:
    """Return the trees that spans form, as text.

    Args:
        spans: what one backend got, a span that arrived twice twice.
        elsewhere: what the other backend got; only names of parents are taken from it.
    """
    unique: dict[tuple[str, str], Span] = {}
    times: defaultdict[tuple[str, str], int] = defaultdict(int)
    for span in spans:
        unique[span.place] = span
        times[span.place] += 1
    others = {span.place: span.label for span in elsewhere}
    children: defaultdict[tuple[str, str], list[Span]] = defaultdict(list)
    tops: list[Span] = []
    for span in unique.values():
        if span.parent is not None and (span.trace, span.parent) in unique:
            children[span.trace, span.parent].append(span)
        else:
            tops.append(span)

    def branch(span: Span) -> str:
        below = ", ".join(sorted(map(branch, children[span.place])))
        again = f"*{times[span.place]}" if times[span.place] > 1 else ""
        return f"{span.label}{again}({below})" if below else f"{span.label}{again}"

    def top(span: Span) -> str:
        if span.parent is None:
            return branch(span)
        return f"{others.get((span.trace, span.parent), '?')}/{branch(span)}"

    return ", ".join(sorted(map(top, tops))) or NOTHING


def parents(spans: Iterable[Span], elsewhere: Iterable[Span] = ()) -> dict[str, str]:
    """Return the label of the parent by the label of a span: `-` for a root, `?` for an unknown one."""
    spans = list(spans)
    known = {span.place: span.label for span in (*elsewhere, *spans)}
    return {
        span.label: "-" if span.parent is None else known.get((span.trace, span.parent), "?")
        for span in spans
    }
