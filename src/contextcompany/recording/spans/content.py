"""What a handle was given until its end, and the attributes that become of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from contextcompany.recording.places.identity import run_identity
from contextcompany.recording.spans.mapping import ATTRIBUTES_OF, SpanAttributes, span_name
from contextcompany.semconv import attributes as names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.util.types import AnyValue

    from contextcompany.recording.spans.failures import Failure
    from contextcompany.recording.spans.recording import Recording

_CROWD: Final = 500
_WENT_WELL: Final[dict[str, Any]] = {names.TCC_STATUS_CODE: names.STATUS_CODE_SUCCESS}


class Content:
    """Everything that stands on a span when its handle has ended it.

    It shares nothing that its makers still change, so that it may be asked in the background.

    Args:
        recording: what nothing else touches any more.
        failure: why it failed, or None.
        violations: the rules that it broke.

    Attributes:
        size: about the bytes that it takes in memory.
    """

    __slots__ = (
        "_capture",
        "_extra",
        "_fields",
        "_identity",
        "_kind",
        "_last",
        "_metadata",
        "_named",
        "_subject",
        "size",
    )

    def __init__(self, recording: Recording, failure: Failure | None, violations: list[str] | None) -> None:
        place = recording.place
        fields = recording.fields
        self._kind = recording.kind
        self._fields = fields
        self._metadata = recording.metadata
        self._extra = recording.extra
        self._capture = recording.content
        self._subject = place.identity.get(names.TCC_AGENT)
        self._identity = recording.identity
        self._named = _CROWD if place.is_shared else len(self._metadata) + len(self._extra)
        self.size = recording.size
        is_named = bool(place.identity) and recording.kind == "run"
        if failure is None and "status_code" not in fields and "status_message" not in fields:
            self._last = {**run_identity(place.identity), **_WENT_WELL} if is_named else _WENT_WELL
            return
        last: dict[str, Any] = {**run_identity(place.identity)} if is_named else {}
        code = fields.get("status_code", names.STATUS_CODE_SUCCESS)
        message = fields.get("status_message", "")
        if failure is not None:
            code, message = names.STATUS_CODE_ERROR, failure.message or message
            last[names.ERROR_TYPE] = failure.error_type
        last[names.TCC_STATUS_CODE] = code
        # The texts of our own making hold no content; those of the caller may.
        if message and (recording.content or (failure is not None and failure.is_ours)):
            last[names.TCC_STATUS_MESSAGE] = message
        if violations:
            last[names.TCC_VIOLATIONS] = tuple(violations)
        self._last = last
        self.size += len(message)

    def attributes(self, before: Mapping[str, AnyValue]) -> dict[str, AnyValue]:
        """Return the attributes behind those that the span has already.

        Who the span belongs to stands last where an attribute limit may evict the oldest, which the SDK
        does for spans of the application, and we do for our own.
        """
        collected = SpanAttributes()
        ATTRIBUTES_OF[self._kind](self._fields, collected, content=self._capture)
        if self._metadata:
            prefix = names.TCC_METADATA_PREFIX
            collected.free({prefix + key: value for key, value in self._metadata.items()})
        if self._extra:
            collected.free(self._extra)
        if self._named + len(before) < _CROWD:
            return {**before, **collected.named, **collected.finished(), **self._last}
        first = {key: value for key, value in before.items() if key not in self._identity}
        return {**first, **collected.named, **collected.finished(), **self._identity, **self._last}

    def name(self) -> str:
        """Return the name of the span."""
        return span_name(self._kind, self._fields, self._subject)

    @property
    def message(self) -> str | None:
        """Return what is said of the status, where something may be said."""
        said = self._last.get(names.TCC_STATUS_MESSAGE)
        return said if isinstance(said, str) else None
