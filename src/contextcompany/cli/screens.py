"""The consoles that commands draw on."""

from __future__ import annotations

import errno
import os
import select
import sys
from typing import Final

from rich.console import Console

# Of what is no terminal, such as a file: wide enough for every column.
_WIDTH_ELSEWHERE: Final = 160


def screen() -> Console:
    """Return the standard output; nothing in a text is taken for markup or for a link."""
    console = Console(markup=False, highlight=False, emoji=False)
    return console if console.is_terminal else _elsewhere()


def error_screen() -> Console:
    """Return the error stream, for progress and the like."""
    return Console(stderr=True, markup=False, highlight=False, emoji=False)


def say(text: str) -> None:
    """Tell on the error stream what became of a command, so that its output stays clean."""
    error_screen().print(text, style="dim", soft_wrap=True)


def end_without_reader() -> None:
    """End where nobody reads the standard output any more, as behind `| head -1`.

    Writing would tell as well, and there may be nothing to write for long.

    Raises:
        BrokenPipeError: Nobody does.
    """
    # Windows cannot look at pipes this way.
    if not hasattr(select, "poll"):
        return
    try:
        output = sys.stdout.fileno()
    except (OSError, ValueError):
        return
    poll = select.poll()
    poll.register(output, 0)
    if any(state & select.POLLERR for _, state in poll.poll(0)):
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def _elsewhere() -> Console:
    # COLUMNS is for terminals, and a program that reads the lines would lose their ends.
    return Console(markup=False, highlight=False, emoji=False, width=_WIDTH_ELSEWHERE)
