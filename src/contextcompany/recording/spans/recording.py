"""One open span and all that was set on it; outlives the handle that the caller holds."""

from __future__ import annotations

import datetime
import time
from _thread import RLock
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from contextcompany import invariants
from contextcompany.delivery.spans.own import OwnSpan
from contextcompany.delivery.spans.processor import description_of
from contextcompany.diagnostics import guard, logger, warn_once
from contextcompany.recording.spans.failures import Failure
from contextcompany.recording.spans.writing import finish
from contextcompany.runtime.process import process
from contextcompany.runtime.watch import LOST
from contextcompany.semconv import attributes as names
from contextcompany.semconv.values import weighed, weight

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.trace import Span
    from opentelemetry.util.types import AttributeValue

    from contextcompany.recording.spans.mapping import Fields
    from contextcompany.recording.spans.moments import Clock
    from contextcompany.recording.spans.sources import Duplicates, Stream
    from contextcompany.runtime.places import Place

_FAILED: Final = names.STATUS_CODE_ERROR

STREAM_ENDED: Final = "the end of its stream"
STREAM_FAILED: Final = "the failure of its stream"
_STREAM_REASONS: Final = (STREAM_ENDED, STREAM_FAILED)


class State(Enum):
    """Where a handle is in its life."""

    OPEN = "open"
    ENDED = "ended"
    CLOSED = "closed"


_OPEN: Final = State.OPEN
# Such a text needs no closer look where nothing in it is unusual.
_SHORT_TEXT: Final = 64 << 10
_ENTRY: Final = 200
# What stands for content that is not recorded.
_UNKEPT: Final = (None, False)


class Shortened(NamedTuple):
    """A value of which something was left out already: `tcc.truncated` is to name it."""

    value: Any


class Recording:
    """A span from its start to its end.

    Attributes:
        kind: `run`, `step` or `tool_call`.
        place: where its run is.
        span: the OpenTelemetry span.
        fields: what the setters were given, by field; content as a pair of snapshot and "was cut".
        metadata: what `metadata()` was given, but for the reserved keys.
        extra: what `attributes()` was given.
        identity: the attributes with which the span started.
        size: about the bytes that all of it takes in memory.
        state: open, ended by the caller, or closed by this package.
        stream: what a stream brings while it is recorded, or None.
        duplicates: the same request as others recorded it, if anybody did.
    """

    __slots__ = (
        "__weakref__",
        "_clock",
        "_closed_by",
        "_lock",
        "_warned",
        "content",
        "duplicates",
        "extra",
        "fields",
        "identity",
        "kind",
        "metadata",
        "place",
        "size",
        "span",
        "state",
        "stream",
    )

    def __init__(
        self,
        kind: str,
        place: Place,
        span: Span,
        clock: Clock,
        identity: Mapping[str, AttributeValue] | None = None,
    ) -> None:
        self.identity = identity or {}
        self.kind = kind
        self.place = place
        self.span = span
        self.content = place.instance.settings.capture_content and not place.is_off
        self.fields: Fields = {}
        self.size = 0
        self.state = _OPEN
        self.stream: Stream | None = None
        self.duplicates: Duplicates | None = None
        self._clock = clock
        self.metadata: dict[str, Any] = {}
        self.extra: dict[str, Any] = {}
        self._lock = RLock()
        self._closed_by = (0.0, "")
        self._warned = False

    @property
    def is_open(self) -> bool:
        """Return whether it has been neither ended nor closed."""
        return self.state is State.OPEN

    @property
    def run_id(self) -> str:
        """Return the id of the run that it belongs to."""
        return self.place.run_id

    def put(self, setter: str, field: str, value: object) -> None:
        """Keep a value; raises RuntimeError after the caller's end."""
        # Without the lock: what comes while another thread ends it is set or is not, as with one.
        if self.state is _OPEN:
            self.fields[field] = value
            return
        self._refuse(setter)

    def put_content(self, setter: str, field: str, value: object) -> None:
        """Keep a snapshot of content; with content off only that it was given."""
        if self.state is not _OPEN:
            self._refuse(setter)
            return
        cut = False
        if type(value) is str:
            is_short = self.content and len(value) <= _SHORT_TEXT
            if is_short and value.isascii() and "\0" not in value and value[:5] != "data:":
                self.size += len(value)
                self.fields[field] = (value, False)
                return
        elif type(value) is Shortened:
            value, cut = value.value, True
        frozen, size = weighed(value) if self.content else (_UNKEPT, 0)
        self.size += size
        self.fields[field] = (frozen[0], True) if cut else frozen

    def put_frozen(self, setter: str, field: str, value: object) -> None:
        """Keep a snapshot of what is recorded with content off, too: definitions of tools."""
        if self.state is not _OPEN:
            self._refuse(setter)
            return
        frozen, size = weighed(value)
        self.size += size
        self.fields[field] = frozen

    def require_open(self, setter: str) -> None:
        """Raise RuntimeError after the caller's end, for a setter that may have nothing to set."""
        if self.state is not State.OPEN:
            self._refuse(setter)

    def put_metadata(self, changes: dict[str, Any]) -> bool:
        """Merge metadata; None removes a key. Returns whether the recording was open."""
        self.size += _sizes(changes)
        return self._merge("metadata()", self.metadata, changes)

    def put_extra(self, changes: dict[str, Any]) -> None:
        """Merge attributes for which there is no setter; None removes a key."""
        self.size += _sizes(changes)
        self._merge("attributes()", self.extra, changes)

    def put_stream(self, stream: Stream) -> bool:
        """Let a stream bring what is not set by hand, from now on; returns whether it is open."""
        with self._lock:
            if self.state is State.OPEN:
                self.stream = stream
                return True
        self._refuse("stream()")
        return False

    def accompanied(self, begin: Callable[[], Duplicates]) -> Duplicates | None:
        """Return what others recorded of the same request, begun where nobody did; None after the end."""
        with self._lock:
            if self.state is not State.OPEN:
                return None
            if self.duplicates is None:
                self.duplicates = begin()
            return self.duplicates

    def seconds(self) -> float:
        """Return the seconds since the start."""
        return (self._clock.end() - self._clock.start) / 1e9

    def is_given_up_by(self, error: BaseException) -> bool:
        """Return whether an exception says no more than that nobody reads the stream any further."""
        return self.stream is not None and type(error) is GeneratorExit

    def end(self, end_time: int | None) -> None:
        """End with what was set.

        Raises:
            ValueError: where a required field is missing; the recording stays open.
            RuntimeError: after the caller's end.
        """
        with self._lock:
            is_open = self.state is State.OPEN
            missing = self._missing() if is_open else ()
            is_misuse = bool(missing) and self._is_misuse()
            if is_open and not is_misuse:
                self.state = State.ENDED
        if is_misuse:
            raise ValueError(invariants.describe(missing))
        if is_open:
            self._finish_checked(missing, None, end_time)
        elif self._closed_by[1] not in _STREAM_REASONS:
            self._refuse("end()")

    def fail(self, failure: Failure, end_time: int | None) -> None:
        """End as failed; needs no fields.

        Raises:
            RuntimeError: after the caller's end.
        """
        if self._leave_open(State.ENDED, ""):
            self._finish(failure, end_time)
        elif self._closed_by[1] != STREAM_FAILED:
            self._refuse("error()")

    def leave_block(
        self, failure: Failure | None, reason: str = "the end of its with block"
    ) -> tuple[invariants.Rule, ...]:
        """End at the end of a `with` block or of a stream, and return the rules that the caller broke.

        A recording that has ended already is left alone.
        """
        with self._lock:
            if self.state is not _OPEN:
                return ()
            self.state = State.CLOSED
            self._closed_by = (time.time(), reason)
            is_complete = failure is not None or self.fields.keys() >= invariants.REQUIRED[self.kind]
            missing = () if is_complete else self._missing()
            is_misuse = bool(missing) and self._is_misuse()
        if missing:
            self._finish_checked(missing, failure, None, warns=not is_misuse)
            return missing if is_misuse else ()
        if failure is None and "status_code" in self.fields:
            failure = self._status_failure()
        self._finish(failure, None)
        return ()

    def leave_out(self) -> None:
        """Close what nothing is recorded of, at the end of its `with` block."""
        self._close("the end of its with block")

    def close(self, reason: str, error_type: str | None) -> None:
        """End for a reason of this package unless it has ended: a time limit, exit, shutdown."""
        if reason is LOST and self.stream is not None and self.stream.ends:
            self.stream.end(self, None)  # it is the stream that was let go of, before its end
        elif self._leave_open(State.CLOSED, reason):
            failure = Failure(f"closed by {reason}", error_type or names.ERROR_TYPE_OTHER)
            self._finish(failure, None, violations=[rule.name for rule in self._missing()])

    def detach_after_fork(self) -> None:
        """Let go of the span in a forked child; the parent process ends it."""
        self._lock = RLock()
        if type(self.span) is OwnSpan:
            self.span.ending = RLock()
        if self.state is State.OPEN:
            self._close("a fork: the parent process ends it")

    def _close(self, reason: str) -> None:
        self.state = State.CLOSED
        self._closed_by = (time.time(), reason)

    def _leave_open(self, state: State, reason: str) -> bool:
        with self._lock:
            if self.state is not State.OPEN:
                return False
            if state is State.CLOSED:
                self._close(reason)
            self.state = state
            return True

    def _merge(self, setter: str, kept: dict[str, Any], changes: dict[str, Any]) -> bool:
        with self._lock:
            if self.state is State.OPEN:
                for key, value in changes.items():
                    if value is None:
                        kept.pop(key, None)
                    else:
                        kept[key] = value
                return True
        self._refuse(setter)
        return False

    def _missing(self) -> tuple[invariants.Rule, ...]:
        if self.fields.keys() >= invariants.REQUIRED[self.kind]:
            return ()
        return invariants.missing_fields(self.kind, self._is_known)

    def _is_misuse(self) -> bool:
        """Return whether it is the caller who has to bring what is missing.

        Instrumentation may be meant to bring what a step lacks. Whether it does depends on sampling and
        on the provider, and neither may decide whether the caller's code raises.
        """
        if self.kind != "step" or not process.has_collected:
            return True
        return self.duplicates is not None and self.duplicates.has_answer()

    def _is_known(self, field: str) -> bool:
        if field in self.fields or (field == "response" and self.stream is not None):
            return True
        return self.duplicates is not None and self.duplicates.fills(field)

    def _refuse(self, setter: str) -> None:
        kind = self.kind.replace("_", " ")
        if self.state is State.ENDED:
            raise RuntimeError(
                f"this {kind} has ended and cannot be changed: got {setter}; call it before end() or error()"
            )
        if not self._warned:
            self._warned = True
            moment, reason = self._closed_by
            when = datetime.datetime.fromtimestamp(moment, tz=datetime.UTC).isoformat(timespec="seconds")
            logger.warning(
                "a %s was closed at %s by %s: %s and later calls do nothing", kind, when, reason, setter
            )

    def _status_failure(self) -> Failure | None:
        if self.fields.get("status_code") != _FAILED:
            return None
        return Failure(self.fields.get("status_message", ""), names.ERROR_TYPE_OTHER)

    # From here on nothing else touches the recording: its state is no longer open.

    def _finish_checked(
        self,
        missing: tuple[invariants.Rule, ...],
        failure: Failure | None,
        end_time: int | None,
        *,
        warns: bool = True,
    ) -> None:
        if not missing:
            self._finish(failure or self._status_failure(), end_time)
            return
        rules = [rule.name for rule in missing]
        if warns and not self.place.is_off:
            warn_once(
                ("uncollected", *rules),
                "%s; the instrumentation that is collected told nothing of it either",
                invariants.describe(missing),
            )
        self._finish(Failure(description_of(missing), names.ERROR_TYPE_INCOMPLETE), end_time, rules)

    def _finish(
        self, failure: Failure | None, end_time: int | None, violations: list[str] | None = None
    ) -> None:
        stream, self.stream = self.stream, None
        try:
            if stream is not None:
                with guard:
                    stream.settle(self.fields, self.extra)
                    self.size += weight(self.fields.get("response"))
                failure = failure or self._status_failure()
            if not self.place.is_off:
                finish(self, failure, violations, self._clock.end(end_time))
        finally:
            process.watch.remove(self)
            # A task that outlives the block may hold the recording; the content need not stay.
            self.fields, self.metadata, self.extra = {}, {}, {}
            if self.kind == "run" and not self.place.is_off:
                self.place.forget_exception()
                process.places.end(self.place)


def _sizes(changes: dict[str, Any]) -> int:
    size = _ENTRY * len(changes)
    for change in changes.values():
        if change is not None:
            value = change[0]
            size += len(value) if type(value) is str else weight(value)
    return size
