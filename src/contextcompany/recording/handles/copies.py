"""Copies of handles: harmless, and still aware of where they are.

Frameworks copy and pickle the state of their graphs, and handles with it. A copy records nothing by
itself, is watched by nobody and is never open; what is started from it lands in the run.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from contextcompany.diagnostics import logger
from contextcompany.propagation.carriers import Carried, unsampled
from contextcompany.recording.places.placing import carried_place, off_place
from contextcompany.recording.spans.recording import Recording, State
from contextcompany.runtime.process import process

if TYPE_CHECKING:
    from contextcompany.runtime.places import Place


class Memo(NamedTuple):
    """What a copy knows: ids, and nothing that was recorded, nor where it was sent.

    Attributes:
        kind: `run`, `step` or `tool_call`.
        run_id: the run's id.
        own_id: the id of the run, the step or the tool call.
        session_id: the run's session, or None.
        run: trace id, span id and flags of the run's span; all zero where nothing is recorded.
        own: trace id, span id and flags of the handle's own span.
    """

    kind: str
    run_id: str
    own_id: str
    session_id: str | None
    run: tuple[int, int, int]
    own: tuple[int, int, int]


_NOWHERE: Final = (0, 0, 0)


class CopiedRecording(Recording):
    """What a copy has in the place of the recording of its original: closed from the beginning.

    Args:
        memo: what the copy knows.
        place: where its run is, or None to look for it when it is first needed: a copy may be
            unpickled before the application has configured anything.
    """

    __slots__ = ("memo",)

    def __init__(self, memo: Memo, place: Place | None) -> None:
        self.memo = memo
        self.kind = memo.kind
        self.span = NonRecordingSpan(_context(memo.own))
        self.content = False
        self.fields = {}
        self.state = State.CLOSED
        self.identity = {}
        self.metadata = {}
        self.extra = {}
        self.size = 0
        self._lock = threading.RLock()
        self._closed_by = (0.0, "being copied")
        self._warned = False
        self.stream = None
        self.duplicates = None
        if place is not None:
            self.place = place

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Place:
            """Look for the run when the place is first needed."""
            if name != "place":
                raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
            self.place = _found(self.memo)
            return self.place

    @property
    def run_id(self) -> str:
        """Return the id of the run."""
        return self.memo.run_id

    def _refuse(self, setter: str) -> None:
        if not self._warned:
            self._warned = True
            logger.warning(
                "a %s that was copied, or began in another process, is not recorded here: "
                "%s and later calls do nothing; use the original",
                self.kind.replace("_", " "),
                setter,
            )


def memo_of(recording: Recording, own_id: str) -> Memo:
    """Return what a copy of a handle is to know."""
    if isinstance(recording, CopiedRecording):
        return recording.memo
    place = recording.place
    return Memo(
        recording.kind,
        place.run_id,
        own_id,
        place.session_id,
        _NOWHERE if place.is_off else _numbers(_carried(place)),
        _numbers(recording.span.get_span_context()),
    )


def copied(recording: Recording, own_id: str) -> CopiedRecording:
    """Return what a copy made in this process records with; it shares its original's place."""
    return CopiedRecording(memo_of(recording, own_id), recording.place)


def recording_at(place: Place) -> CopiedRecording:
    """Return what stands for the recording of a run that began in another process."""
    context = _NOWHERE if place.is_off else _numbers(place.span_context)
    return CopiedRecording(Memo("run", place.run_id, place.run_id, place.session_id, context, context), place)


def restored(cls: Any, *memo: Any) -> Any:
    """Return a handle that was pickled; pickles name this function."""
    known = Memo(*memo)
    return cls._around(CopiedRecording(known, None), known.own_id)


def _found(memo: Memo) -> Place:
    context = _context(memo.run)
    if not context.is_valid:
        return off_place(memo.run_id, process.instance(), memo.session_id)
    return carried_place(memo.run_id, Carried(context, memo.run_id, memo.session_id))


def _carried(place: Place) -> SpanContext:
    return place.span_context if place.is_delivered else unsampled(place.span_context)


def _numbers(context: SpanContext) -> tuple[int, int, int]:
    return context.trace_id, context.span_id, int(context.trace_flags)


def _context(numbers: tuple[int, int, int]) -> SpanContext:
    trace_id, span_id, flags = numbers
    return SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags))
