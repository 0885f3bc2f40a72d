"""Send one parcel, in smaller parts where the collector does not take it whole.

A request that is too large is halved down to the single span, which is then cut to fit. One that is
refused as malformed is bisected, so that a bad span cannot take its neighbours along.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from contextcompany.delivery.wire.outcomes import Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contextcompany.delivery.outbox.parcel import Parcel
    from contextcompany.delivery.outbox.sinks import Sink

TOO_LARGE: Final = "too large for the collector, even when cut"
MALFORMED: Final = "refused by the collector as malformed"
REFUSED: Final = "refused by the collector"
REJECTED: Final = "not taken by the exporter"

_FIRST_STRIKES: Final = 2
_MOST_STRIKES: Final = 9


@dataclass(slots=True)
class Dispatched:
    """What became of a parcel.

    Attributes:
        outcome: the last answer that says how the collector is.
        delivered: spans that it took.
        lost: spans that are lost for good, by reason.
        rest: what is still to be sent, oldest first.
        accepted: whether it took anything.
    """

    outcome: Outcome
    delivered: int = 0
    lost: Counter[str] = field(default_factory=Counter[str])
    rest: list[Parcel] = field(default_factory=list["Parcel"])
    accepted: bool = False


def dispatch(parcel: Parcel, sink: Sink, *, timeout: float) -> Dispatched:
    """Send a parcel and, where that helps, its parts.

    Args:
        parcel: what to send.
        sink: by what.
        timeout: seconds that each request may take.
    """
    return _Dispatch(sink, timeout).run(parcel)


class _Dispatch:
    def __init__(self, sink: Sink, timeout: float) -> None:
        self._sink = sink
        self._timeout = timeout
        self._result = Dispatched(Outcome(Verdict.DELIVERED))
        self._strikes = 0
        self._most_strikes = _FIRST_STRIKES
        self._is_repeated = False
        self._halted = False
        self._doubted: list[Parcel] = []

    def run(self, parcel: Parcel) -> Dispatched:
        # Each time that nothing of it was taken, the search may go deeper.
        self._most_strikes = min(_FIRST_STRIKES + parcel.refusals, _MOST_STRIKES)
        self._is_repeated = parcel.refusals > 0
        self._deliver([parcel])
        self._ask_again()
        result = self._result
        if not result.accepted and not result.lost and result.outcome.verdict is Verdict.MALFORMED:
            # Nothing is known of the parts, and each would become a file of its own.
            parcel.refusals += 1
            result.rest = [parcel]
        return result

    def _deliver(self, parts: Sequence[Parcel]) -> None:
        for part in parts:
            if self._halted:
                self._result.rest.append(part)
            elif self._send(part) is Verdict.MALFORMED:
                self._bisect(part)

    def _send(self, part: Parcel) -> Verdict:
        """Send a part and settle every answer but "malformed"."""
        outcome = self._sink.send(part, timeout=self._timeout)
        result, verdict = self._result, outcome.verdict
        if verdict is Verdict.DELIVERED:
            self._take(part, outcome)
            return verdict
        result.outcome = outcome
        if verdict is Verdict.TOO_LARGE:
            self._deliver(self._smaller(part))
        elif verdict is Verdict.REJECTED:
            self._lose(part, REJECTED)
        elif verdict is Verdict.MALFORMED:
            if part.refused_at is None:
                part.refused_at = self._sink.acceptances
        else:
            self._halted = True
            result.rest.append(part)
        return verdict

    def _take(self, part: Parcel, outcome: Outcome) -> None:
        result = self._result
        self._sink.acceptances += 1
        self._strikes = 0
        refused = min(outcome.refused_spans, part.spans)
        result.accepted = True
        result.delivered += part.spans - refused
        if refused:
            result.lost[REFUSED] += refused
        if outcome.reason:
            result.outcome = outcome
        part.settle(delivered=refused == 0)

    def _lose(self, part: Parcel, reason: str) -> None:
        self._result.lost[reason] += part.spans
        part.settle(delivered=False)

    def _smaller(self, part: Parcel) -> Sequence[Parcel]:
        halves = self._sink.halves(part)
        if halves is not None:
            return halves
        cut = self._sink.shortened(part)
        if cut is not None:
            return (cut,)
        self._lose(part, TOO_LARGE)
        return ()

    def _bisect(self, part: Parcel) -> None:
        """Find the bad spans of a refused part.

        Where twice in a row neither half is taken, the collector may refuse everything, which says
        nothing of the spans: they stay.
        """
        halves = self._sink.halves(part)
        if halves is None:
            self._judge(part)
            return
        bad: list[Parcel] = []
        for half in halves:
            if self._halted:
                self._result.rest.append(half)
            elif self._send(half) is Verdict.MALFORMED:
                bad.append(half)
        if len(bad) == len(halves):
            self._strikes += 1
            self._halted = self._halted or self._strikes >= self._most_strikes
        if self._is_repeated:
            # What the search does not come to this time has its turn another time.
            random.shuffle(bad)
        for half in bad:
            if self._halted:
                self._result.rest.append(half)
            else:
                self._bisect(half)

    def _judge(self, part: Parcel) -> None:
        # A single refusal may be the collector's fault. One before and one after it took something
        # else is about this span.
        if part.refused_at is not None and self._sink.acceptances > part.refused_at:
            self._lose(part, MALFORMED)
        else:
            self._doubted.append(part)

    def _ask_again(self) -> None:
        for part in self._doubted:
            if self._halted or self._sink.acceptances <= (part.refused_at or 0):
                self._result.rest.append(part)
            elif self._send(part) is Verdict.MALFORMED:
                self._lose(part, MALFORMED)
