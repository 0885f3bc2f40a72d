"""What the checks need to know of a receiver."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from tests.receivers.spans import Trace


class Receiver(Protocol):
    """How a receiver is installed, started and read, and what it calls things."""

    name: ClassVar[str]
    distribution: ClassVar[str]
    requirement: ClassVar[str]
    """The releases whose behaviour the checks describe."""
    headers: ClassVar[dict[str, str]]
    """Headers without which it refuses a trace."""
    ready_path: ClassVar[str]
    unfinished: ClassVar[str]
    """The state of a trace whose root never came."""
    kinds: ClassVar[dict[str, str]]
    """Its names for kinds of spans, and ours."""

    def command(self, binaries: Path, port: int) -> list[str]:
        """Return the command that starts it on a loopback port."""
        ...

    def variables(self, folder: Path, port: int) -> dict[str, str]:
        """Return the environment variables of that command; it may write below `folder`."""
        ...

    def read(self, base: str) -> dict[str, Trace]:
        """Read all traces that it holds, by trace id; `base` is its address."""
        ...
