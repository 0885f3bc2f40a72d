"""Where runs are: enough to hang a child on a run, also after it ended or in another process."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from opentelemetry.trace import NonRecordingSpan

from contextcompany.settings.dashboard import dashboard_beside, run_address
from contextcompany.settings.destination import origin

if TYPE_CHECKING:
    import weakref
    from collections.abc import Mapping

    from opentelemetry.trace import Span, SpanContext, Tracer
    from opentelemetry.util.types import AttributeValue

    from contextcompany.runtime.holding import HeldRun
    from contextcompany.runtime.instance import Instance
    from contextcompany.settings.destination import Destination

MOST_RECENT: Final = 10_000


class Place:
    """One run as its children need it.

    Attributes:
        run_id: the run's id.
        span_context: the context of the run's span, the parent of last resort.
        first: the context of the first span of a run that was resumed, else of the run's span.
        shared: the tracer of the application's provider where that makes the spans, else None.
        instance: the settings and the delivery that were in force when the run began.
        destination: where its spans go, or None for the instance's own destination.
        is_off: whether nothing is recorded.
        is_unsampled: whether that is because the sample rate left the run out; runs inside of it are
            left out with it.
        sample_rate: the share of runs that is recorded, among which this one is.
        held: holds the spans back until it is known whether the root run fails, or None.
        sets_context: whether entered handles are current in the OpenTelemetry context too.
        identity: the reserved metadata keys that were set so far; children created later carry them.
        common: the attributes with which spans of a kind start, beside the identity they were made for.
        borrowed: those of them that came from around the run, not from its metadata.
        session_id: the session it belongs to, or None.
        outer: the run around it, for one that started inside another.
        run: what the caller holds of the run, weakly; None for a run of another process.
    """

    __slots__ = (
        "borrowed",
        "common",
        "destination",
        "first",
        "held",
        "identity",
        "instance",
        "is_off",
        "is_over",
        "is_unsampled",
        "outer",
        "run",
        "run_id",
        "sample_rate",
        "seen_exception",
        "session_id",
        "sets_context",
        "shared",
        "span_context",
    )

    def __init__(
        self,
        *,
        run_id: str,
        span_context: SpanContext,
        instance: Instance,
        destination: Destination | None,
        shared: Tracer | None = None,
        is_off: bool = False,
        sets_context: bool = False,
        identity: dict[str, str] | None = None,
        borrowed: frozenset[str] = frozenset(),
        session_id: str | None = None,
        outer: Place | None = None,
        is_unsampled: bool = False,
        sample_rate: float = 1.0,
        held: HeldRun | None = None,
        first: SpanContext | None = None,
    ) -> None:
        self.run: weakref.ref[object] | None = None
        self.run_id = run_id
        self.span_context = span_context
        self.first = span_context if first is None else first
        self.shared = shared
        self.instance = instance
        self.destination = destination
        self.is_off = is_off
        self.sets_context = sets_context
        self.identity = {} if identity is None else identity
        self.borrowed = borrowed
        self.common: dict[str, tuple[Mapping[str, str], Mapping[str, AttributeValue]]] = {}
        self.session_id = session_id
        self.outer = outer
        self.is_unsampled = is_unsampled
        self.sample_rate = sample_rate
        self.held = held
        self.seen_exception: BaseException | None = None
        self.is_over = False

    @property
    def is_shared(self) -> bool:
        """Return whether the spans are made by the application's provider."""
        return self.shared is not None

    @property
    def is_delivered(self) -> bool:
        """Return whether spans of this run are delivered for certain, as other processes are to be told."""
        return not self.is_off and (self.held is None or self.held.is_kept)

    @property
    def url(self) -> str | None:
        """Return where people look at the run; None where that is not known, or nothing is recorded."""
        settings, own = self.instance.settings, self.destination
        if self.is_off:
            return None
        # A run that goes elsewhere is on no dashboard of the others.
        is_usual = own is None or origin(own.url) == origin(settings.destination.url)
        if is_usual and settings.dashboard_url is not None:
            return run_address(settings.dashboard_url, self.run_id)
        goes_to_others = settings.exporter is not None or (self.is_shared and not settings.has_destination)
        if own is None and goes_to_others:
            return None
        dashboard = dashboard_beside(settings.destination if own is None else own)
        return None if dashboard is None else run_address(dashboard, self.run_id)

    def is_first_to_see(self, exception: BaseException) -> bool:
        """Return whether no span of this run, or of the runs around it, has recorded an exception.

        The runs hold on to the last one until they end: nothing is written onto the exception, and
        its address alone could be that of another one by then.
        """
        runs: list[Place] = []
        place: Place | None = self
        while place is not None:
            runs.append(place)
            place = place.outer
        if any(run.seen_exception is exception for run in runs):
            return False
        for run in runs:
            if run.run is not None and not run.is_over:
                run.seen_exception = exception
        return True

    def forget_exception(self) -> None:
        """Let go of the last exception, at the end of the run."""
        self.is_over = True
        self.seen_exception = None

    def as_span(self) -> Span:
        """Return the run's span as a parent."""
        return NonRecordingSpan(self.span_context)


class Places:
    """The live and the last 10,000 runs of this process, by run id."""

    def __init__(self) -> None:
        self._live: dict[str, Place] = {}
        self._ended: OrderedDict[str, Place] = OrderedDict()
        self._lock = threading.RLock()

    def __len__(self) -> int:
        """Return how many runs are known."""
        return len(self._live) + len(self._ended)

    def get(self, run_id: str) -> Place | None:
        """Return where a run is, or None for one this process does not know."""
        return self._live.get(run_id) or self._ended.get(run_id)

    def add(self, place: Place) -> None:
        """Remember a run that begins."""
        with self._lock:
            self._live[place.run_id] = place

    def end(self, place: Place) -> None:
        """Remember a run that has ended, among the last ones; the oldest goes when there are too many."""
        place.common = {}
        with self._lock:
            if self._live.get(place.run_id) is place:
                del self._live[place.run_id]
            self._ended[place.run_id] = place
            self._ended.move_to_end(place.run_id)
            while len(self._ended) > MOST_RECENT:
                self._ended.popitem(last=False)

    def clear(self) -> None:
        """Forget all runs."""
        with self._lock:
            self._live.clear()
            self._ended.clear()

    def renew_lock(self) -> None:
        """Take a new lock in a forked child: another thread of the parent may have held it."""
        self._lock = threading.RLock()
