"""What became of the spans of this process, as the application is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Stats:
    """What became of the spans of this process so far.

    Attributes:
        delivered: spans that a collector confirmed.
        pending: spans that wait in memory or are on their way.
        spooled: spans on disk, for this process or the next one with the same key to deliver.
        handed_over: spans on disk that another process with the same key took to deliver.
        recovered: spans of earlier processes that this one delivered.
        dropped: spans that are lost, by reason.
        last_error: the last problem in plain words, or None.
        open_handles: runs, steps and tool calls that were started and not ended.
        internal_errors: errors of this package that were kept from the application.
        unsampled: runs that `sample_rate` left out, those inside other runs counted each.
    """

    delivered: int
    pending: int
    spooled: int = 0
    handed_over: int = 0
    recovered: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict[str, int])
    last_error: str | None = None
    open_handles: int = 0
    internal_errors: int = 0
    unsampled: int = 0


@dataclass(frozen=True, slots=True)
class FlushResult:
    """What a flush achieved; truthy only when everything recorded so far was delivered.

    Attributes:
        complete: whether nothing was left and nothing was lost since the flush began.
        delivered: spans that a collector confirmed, since the process began.
        pending: spans that still wait in memory or are on their way.
        spooled: spans on disk, for this process or the next one with the same key to deliver.
        handed_over: spans on disk that another process with the same key took to deliver.
        dropped: spans that are lost, by reason, since the process began.
        last_error: the last problem in plain words, or None.
    """

    complete: bool
    delivered: int
    pending: int
    spooled: int = 0
    handed_over: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict[str, int])
    last_error: str | None = None

    def __bool__(self) -> bool:
        """Return whether everything was delivered."""
        return self.complete
