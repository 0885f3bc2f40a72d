"""The life cycle that runs, steps and tool calls share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, cast

from opentelemetry import context as otel_context
from opentelemetry import trace

from contextcompany import invariants
from contextcompany.diagnostics import guard, warn_once
from contextcompany.recording.failures import failure_from, safe_message
from contextcompany.recording.moments import nanoseconds
from contextcompany.runtime.process import process
from contextcompany.semconv import attributes as names
from contextcompany.semconv.values import attribute_value, clean_text

if TYPE_CHECKING:
    from types import TracebackType

    from opentelemetry.trace import Span

    from contextcompany.propagation.current import Node
    from contextcompany.recording.moments import Moment
    from contextcompany.recording.recording import Recording

_STATUS_CODES = (names.STATUS_CODE_SUCCESS, names.STATUS_CODE_PARTIAL, names.STATUS_CODE_ERROR)
_MOST_KEY_BYTES = 256
_HAVE_SETTERS = names.KNOWN_KEYS - {names.GEN_AI_RESPONSE_ID}
_NAMESPACE = names.TCC_METADATA_PREFIX.partition(".")[0] + "."


class Handle:
    """A span of this package that its caller fills and ends; a context manager, sync and async.

    Setters return the handle. After the caller's own `end()` or `error()` they raise
    `RuntimeError`; after this package closed the handle (time limit, exit, fork, shutdown, the end
    of its `with` block) they do nothing, with one warning.
    """

    __slots__ = ("__weakref__", "_entered", "_place", "_recording")

    def __init__(self, recording: Recording, timeout: float | None = None) -> None:
        self._recording = recording
        self._place = recording.place
        self._entered: list[Node[Any]] = []
        if not recording.place.is_off:
            process.watch.add(self, recording, timeout)

    @property
    def span(self) -> Span:
        """Return the OpenTelemetry span, for what this API has no word for."""
        return self._recording.span

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
        for key in [key for key in free if key in _HAVE_SETTERS or key.startswith(_NAMESPACE)]:
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

    def __enter__(self) -> Self:
        """Make the handle current until the block is left."""
        node = process.current.enter(self._recording)
        if self._place.sets_context:
            node.before = otel_context.get_current()
            node.inside = trace.set_span_in_context(self.span, node.before)
            otel_context.attach(node.inside)
        self._entered.append(node)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the handle, failed if an exception leaves the block; the exception goes on.

        Raises:
            ValueError: where the block is left without a required field; the span was sent, repaired.
        """
        with guard:
            self._leave_context()
        failure = None if exc is None else failure_from(exc)
        missing = self._recording.leave_block(failure)
        if missing:
            raise ValueError(invariants.describe(missing))

    async def __aenter__(self) -> Self:
        """Make the handle current until the block is left."""
        return self.__enter__()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the handle as `__exit__` does."""
        self.__exit__(exc_type, exc, traceback)

    def _leave_context(self) -> None:
        if not self._entered:
            return
        node = self._entered.pop()
        gone = process.current.leave(node)
        # By value: the block may be left in another context than it was entered in, where a token
        # of the first one cannot be reset.
        if gone is None or gone.before is None:
            return
        current = otel_context.get_current()
        if current is node.inside:
            otel_context.attach(gone.before)
        elif trace.get_current_span(current) is self.span:
            # Somebody attached further values and left them: they stay, our span does not.
            outer = trace.get_current_span(gone.before)
            otel_context.attach(trace.set_span_in_context(outer, current))

    def _describe(self, *ids: tuple[str, str]) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in ids)
        return f"{type(self).__name__}({shown}, {self._recording.state.value})"


def converted(argument: str, given: object) -> dict[str, Any]:
    """Return a mapping with its keys as text and its values as attribute values with "was cut".

    Raises:
        TypeError: for anything but a mapping.
    """
    if not isinstance(given, Mapping):
        raise TypeError(f"{argument} must be a mapping: got {type(given).__name__}; pass a dict")
    pairs: dict[str, Any] = {}
    for key, value in dict(cast("Mapping[object, object]", given)).items():
        name = clean_text(key, _MOST_KEY_BYTES)[0]
        if not name:
            warn_once((argument, "empty key"), "%s with an empty key is left out", argument)
            continue
        pairs[name] = None if value is None else attribute_value(value)
    return pairs
