"""What can become of one request.

Apart from what finds it out, so that those who keep account need not load that.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """What an answer, or the lack of one, means for the spans of a request."""

    DELIVERED = "delivered"
    LATER = "to be tried again soon"
    STAYS = "kept, and not tried again at once"
    MALFORMED = "the collector cannot read the request"
    TOO_LARGE = "the request is too large"
    REJECTED = "refused for good, by an exporter"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one request.

    Attributes:
        verdict: what it means for the spans.
        reason: plain words for a person; empty when all went well. Never content, headers or keys.
        refused_spans: how many spans the collector says it refused of a request that it accepted.
            Its own word: it may be more than were sent.
        retry_after: seconds that the collector asks to be left alone; only with LATER.
    """

    verdict: Verdict
    reason: str = ""
    refused_spans: int = 0
    retry_after: float | None = None
