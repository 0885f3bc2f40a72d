"""What a stream brings to the step that it answers, from its first chunk until the step ends."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from contextcompany import invariants
from contextcompany.diagnostics import guard, logger, warn_once
from contextcompany.recording.spans.failures import failure_from, safe_message
from contextcompany.recording.spans.recording import STREAM_ENDED, STREAM_FAILED
from contextcompany.semconv import attributes as names
from contextcompany.semconv.streams.reader import StreamReader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from contextcompany.recording.spans.mapping import Fields
    from contextcompany.recording.spans.recording import Recording

_PROMPT_PARTS: Final = ("prompt_uncached", "prompt_cached", "cache_write")
_ANSWER_PARTS: Final = ("completion", "reasoning")
_PARTIAL: Final = "the stream was not read to its end"


class Outcome(Enum):
    """How a stream went so far."""

    RUNNING = "running"
    EXHAUSTED = "exhausted"
    FAILED = "failed"
    STOPPED = "stopped"


class Arriving:
    """The answer of one stream; knows nothing of who reads the stream, who may go at any time.

    Attributes:
        ends: whether the step ends with the stream.
        first: seconds from the start of the step to the first chunk, or None before it.
        outcome: how the stream went so far.
        whole: gives the answer as the provider's client put it together, where chunks are only its text.
    """

    __slots__ = ("_content", "_is_settled", "_reader", "ends", "first", "outcome", "whole")

    def __init__(self, *, content: bool, ends: bool) -> None:
        self.ends = ends
        self.first: float | None = None
        self.outcome = Outcome.RUNNING
        self.whole: Callable[[], object] | None = None
        self._content = content
        self._is_settled = False
        self._reader = StreamReader(content=content)

    def take(self, recording: Recording, chunk: object) -> None:
        """Take a chunk; after the end of the step there is nothing to take it for."""
        if self.first is None:
            self.first = recording.seconds()
        if not self._is_settled:
            self._reader.take(chunk)

    def end(self, recording: Recording, error: BaseException | None) -> None:
        """End the step with the stream, unless another stream has taken its place."""
        if not self.ends or recording.stream is not self:
            return
        failure = None if error is None else failure_from(error)
        missing = recording.leave_block(failure, STREAM_ENDED if error is None else STREAM_FAILED)
        if missing:
            rules = tuple(rule.name for rule in missing)
            warn_once(("stream", rules), "a step ended with its stream: %s", invariants.describe(missing))

    def settle(self, fields: Fields, extra: Mapping[str, Any]) -> None:
        """Add what arrived to what was set by hand, which wins."""
        self._is_settled = True
        if self.whole is not None:
            self._take_whole(self.whole)
        collected = self._reader.collected()
        fields.setdefault("response", collected.response if self._content else (None, False))
        found: dict[str, object] = {**collected.names, "streamed": True}
        if self.first is not None:
            found["first_chunk"] = self.first
        for field, key in (
            ("response_id", names.GEN_AI_RESPONSE_ID),
            ("streamed", names.GEN_AI_REQUEST_STREAM),
            ("first_chunk", names.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK),
        ):
            if key in extra:
                found.pop(field, None)
        for parts in (_PROMPT_PARTS, _ANSWER_PARTS):
            # Counts of two sources do not add up to one: what was given by hand is given whole.
            if fields.keys().isdisjoint(parts):
                found.update({part: collected.usage[part] for part in parts if part in collected.usage})
        for field, value in found.items():
            fields.setdefault(field, value)
        if "status_code" not in fields:
            self._set_status(fields, collected.failure)
        if collected.unread:
            logger.debug("%d chunks of a stream had no known shape and were not read", collected.unread)

    def _set_status(self, fields: Fields, failure: str | None) -> None:
        if failure is not None:
            fields["status_code"] = names.STATUS_CODE_ERROR
            fields["status_message"] = safe_message(failure)
        elif self.outcome is not Outcome.EXHAUSTED:
            fields["status_code"] = names.STATUS_CODE_PARTIAL
            fields["status_message"] = _PARTIAL

    def _take_whole(self, whole: Callable[[], object]) -> None:
        try:
            answer = whole()
        except Exception as error:  # noqa: BLE001 - the client refuses it while there is none
            logger.debug("a stream's client has no whole answer: %s", type(error).__name__)
            return
        with guard:
            self._reader.take(answer)
