"""Tables without the spaces with which rich fills their lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult


class Trimmed:
    """What is drawn, each line ending with its last visible character.

    Args:
        drawn: What is to be drawn.
    """

    def __init__(self, drawn: RenderableType) -> None:
        self._drawn = drawn

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it."""
        for line in console.render_lines(self._drawn, options, pad=False):
            while line and not line[-1].text.strip(" "):
                line.pop()
            yield from line[:-1]
            for text, style, control in line[-1:]:
                yield Segment(text.rstrip(" "), style, control)
            yield Segment.line()
