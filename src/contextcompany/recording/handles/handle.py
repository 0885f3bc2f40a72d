"""The life cycle that runs, steps and tool calls share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar, cast, overload

from opentelemetry import trace

from contextcompany import invariants
from contextcompany.diagnostics import guard, warn_once
from contextcompany.propagation.frames import frame_at, generator_frame, may_be_generator
from contextcompany.recording.handles.copies import copied, memo_of, restored
from contextcompany.recording.handles.wrapping import wrapped
from contextcompany.recording.places.entering import enter, leave
from contextcompany.recording.spans.failures import failure_from, safe_message
from contextcompany.recording.spans.moments import nanoseconds
from contextcompany.runtime.process import process
from contextcompany.semconv import attributes as names
from contextcompany.semconv.values import attribute_value, clean_text

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from types import FrameType, TracebackType

    from opentelemetry.trace import Span

    from contextcompany.propagation.current import Node
    from contextcompany.recording.spans.moments import Moment
    from contextcompany.recording.spans.recording import Recording
    from contextcompany.runtime.places import Place
    from contextcompany.runtime.process import CurrentRecording

P = ParamSpec("P")
T = TypeVar("T")

_STATUS_CODES = (names.STATUS_CODE_SUCCESS, names.STATUS_CODE_PARTIAL, names.STATUS_CODE_ERROR)
_MOST_KEY_BYTES = 256
# What streams tell has no setter: where there was no `stream()`, it can be said by hand.
_KNOWN_KEYS = names.KNOWN_KEYS - {
    names.GEN_AI_REQUEST_STREAM,
    names.GEN_AI_RESPONSE_ID,
    names.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK,
}
_NAMESPACE = names.TCC_METADATA_PREFIX.partition(".")[0] + "."


class Handle:
    """A span of this package that its caller fills and ends; a context manager, sync and async.

    Setters return the handle. After the caller's own `end()` or `error()` they raise
    `RuntimeError`; after this package closed the handle (time limit, exit, fork, shutdown, the end
    of its `with` block) they do nothing, with one warning.
    """

    __slots__ = ("__weakref__", "_entered", "_recording")

    def __init__(self, recording: Recording, timeout: float | None = None) -> None:
        self._recording = recording
        self._entered: list[Node[CurrentRecording]] = []
        if recording.is_open and not recording.place.is_off:
            process.watch.add(self, recording, timeout)

    @classmethod
    def _around(cls, recording: Recording, own_id: str) -> Self:
        """Return a handle with this id around a copied recording."""
        raise NotImplementedError

    @property
    def _own_id(self) -> str:
        """Return the id of what this handle stands for."""
        raise NotImplementedError

    def __copy__(self) -> Self:
        """Return a copy that records nothing, and from which steps and tool calls land in the run."""
        return self._around(copied(self._recording, self._own_id), self._own_id)

    def __deepcopy__(self, memo: object) -> Self:
        """Return what a shallow copy is."""
        return self.__copy__()

    def __reduce_ex__(self, protocol: object) -> tuple[Any, ...]:
        """Pickle into ids and nothing else; what is unpickled records as little as a copy does."""
        return restored, (type(self), *memo_of(self._recording, self._own_id))

    @property
    def _place(self) -> Place:
        return self._recording.place

    @property
    def run_id(self) -> str:
        """Return the id of the run that this belongs to."""
        return self._recording.run_id

    @property
    def span(self) -> Span:
        """Return the OpenTelemetry span, for what this API has no word for."""
        return self._recording.span

    @property
    def url(self) -> str | None:
        """Return the address of the run on the dashboard in force.

        That is `dashboard_url=` of `configure`, else the dashboard of the local collector where the run
        goes to this machine, whether or not one runs there. None for any other destination, and where
        nothing is recorded. It holds no key, and asking sends nothing.
        """
        return self._place.url

    @property
    def trace_id(self) -> str:
        """Return the trace id as 32 hexadecimal digits; all zero while nothing is recorded."""
        return trace.format_trace_id(self.span.get_span_context().trace_id)

    def status(self, code: int, message: str | None = None) -> Self:
        """Set how it went; takes effect at `end()`.

        Args:
            code: 0 success, 1 partial success, 2 error.
            message: a description, or None to leave an earlier one; secrets in it are masked.

        Raises:
            ValueError: for any other code.
            RuntimeError: after `end()` or `error()`.
        """
        if isinstance(code, bool) or not isinstance(code, int) or code not in _STATUS_CODES:
            raise ValueError(
                f"status code must be 0 (success), 1 (partial success) or 2 (error): got {code!r}; "
                "pass one of them"
            )
        self._recording.put("status()", "status_code", int(code))
        if message is not None:
            self._recording.put("status()", "status_message", safe_message(message))
        return self

    def attributes(self, attributes: Mapping[str, object]) -> Self:
        """Set span attributes for which there is no setter.

        Args:
            attributes: by full attribute key; what has a setter of its own is left out. Text,
                numbers, booleans and lists of one of them keep their type, anything else becomes
                JSON text, None removes a key.

        Raises:
            TypeError: for anything but a mapping.
            RuntimeError: after `end()` or `error()`.
        """
        free = converted("attributes", attributes)
        for key in [key for key in free if key in _KNOWN_KEYS or key.startswith(_NAMESPACE)]:
            del free[key]
            warn_once(("known key", key), "attributes() does not set %s: it has a setter of its own", key)
        self._recording.put_extra(free)
        return self

    def end(self, *, end_time: Moment | None = None) -> None:
        """End with what was set.

        Args:
            end_time: when it ended, if not now: an aware datetime or seconds since the epoch.

        Raises:
            ValueError: where a required field is missing; the handle stays open.
            RuntimeError: when it was ended before.
        """
        self._recording.end(nanoseconds("end_time", end_time))

    def error(self, status_message: object = "", *, end_time: Moment | None = None) -> None:
        """End as failed; needs no fields.

        Args:
            status_message: what went wrong, as text or as the exception itself; secrets in it are
                masked. A text given inside an `except` block takes the class of that exception.
            end_time: when it ended, if not now: an aware datetime or seconds since the epoch.

        Raises:
            RuntimeError: when it was ended before.
        """
        ended_at = nanoseconds("end_time", end_time)
        self._recording.fail(failure_from(status_message), ended_at)

    @overload
    def wrap(
        self, function: Callable[P, Coroutine[Any, Any, T]], /
    ) -> Callable[P, Coroutine[Any, Any, T]]: ...
    @overload
    def wrap(self, function: Callable[P, T], /) -> Callable[P, T]: ...

    def wrap(self, function: Callable[..., Any], /) -> Callable[..., Any]:
        """Return a function that runs with this handle current, in any thread or task; never ends it.

        Args:
            function: a function, or a coroutine function, which gives one again. A coroutine that a plain
                function returns runs with this handle current too.

        Raises:
            TypeError: for what cannot be called, and for generator functions.
        """
        return wrapped(function, self._make_current)

    def __enter__(self) -> Self:
        """Make the handle current until the block is left; inside a generator, while the generator runs."""
        self._entered.append(self._make_current(frame_at(1)))
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the handle, failed if an exception leaves the block; the exception goes on.

        A step whose stream is given up by the end of the generator around it has not failed.

        Raises:
            ValueError: where the block is left without a required field; the span was sent, repaired.
        """
        try:
            if self._entered:
                leave(process.current, self._entered.pop())
        except Exception as error:  # noqa: BLE001  (as in a block of the guard)
            guard.caught(error)
        failure = None if exc is None or self._recording.is_given_up_by(exc) else failure_from(exc)
        missing = self._recording.leave_block(failure)
        if missing and exc is None:
            raise ValueError(invariants.describe(missing))

    async def __aenter__(self) -> Self:
        """Make the handle current as `__enter__` does."""
        self._entered.append(self._make_current(frame_at(1)))
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the handle as `__exit__` does."""
        self.__exit__(exc_type, exc, traceback)

    def _make_current(self, entering: FrameType | None = None) -> Node[CurrentRecording]:
        frame = generator_frame(entering) if entering is not None and may_be_generator(entering) else None
        return enter(process.current, self._recording, sets_context=self._place.sets_context, frame=frame)

    def _describe(self, *ids: tuple[str, str]) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in ids)
        return f"{type(self).__name__.removeprefix('Off')}({shown}, {self._recording.state.value})"


def converted(argument: str, given: object) -> dict[str, Any]:
    """Return a mapping with its keys as text and its values as attribute values with "was cut".

    Raises:
        TypeError: for anything but a mapping.
    """
    if type(given) is not dict and not isinstance(given, Mapping):
        raise TypeError(f"{argument} must be a mapping: got {type(given).__name__}; pass a dict")
    pairs: dict[str, Any] = {}
    for key, value in dict(cast("Mapping[object, object]", given)).items():
        if type(key) is str and key.isascii() and len(key) < _MOST_KEY_BYTES and "\0" not in key:
            name = key
        else:
            name = clean_text(key, _MOST_KEY_BYTES)[0]
        if not name:
            warn_once((argument, "empty key"), "%s with an empty key is left out", argument)
            continue
        pairs[name] = None if value is None else attribute_value(value)
    return pairs
