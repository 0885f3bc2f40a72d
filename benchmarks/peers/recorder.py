"""What an adapter gives to the harness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.peers.workload import Variant


@dataclass(frozen=True, slots=True)
class Recorder:
    """One library, set up.

    Attributes:
        run: record one run.
        flush: the call by which the library sends everything now.
    """

    run: Callable[[Variant], None]
    flush: Callable[[], object]
