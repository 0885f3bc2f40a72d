"""One reader for every kind of stream: it takes chunks as they come and tells what they were in the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from contextcompany.semconv.streams.answer import Answer, Budget, fields_of, said_of
from contextcompany.semconv.streams.anthropic import MessageAnswer
from contextcompany.semconv.streams.chat import ChatAnswer
from contextcompany.semconv.streams.responses import ResponsesAnswer
from contextcompany.semconv.values import MAX_VALUE_BYTES, clean_text, count, freeze

if TYPE_CHECKING:
    from contextcompany.semconv.plain import Plain
    from contextcompany.semconv.streams.answer import Fields

_MOST_NAME_BYTES: Final = 4_096
_PROVIDERS: Final[tuple[type[Answer], ...]] = (ChatAnswer, ResponsesAnswer, MessageAnswer)

_HELPERS: Final = frozenset(
    {
        "content.delta",
        "content.done",
        "refusal.delta",
        "refusal.done",
        "tool_calls.function.arguments.delta",
        "tool_calls.function.arguments.done",
        "logprobs.content.delta",
        "logprobs.content.done",
        "logprobs.refusal.delta",
        "logprobs.refusal.done",
    }
)
"""Events that the helper of OpenAI's client makes of chunks, and sends beside them."""


class Collected(NamedTuple):
    """What a stream brought.

    Attributes:
        response: the answer as a frozen value, and whether anything of it was cut.
        names: the model, the identifier of the answer and the finish reason, where they came.
        usage: token counts by the names of `Step.tokens`.
        failure: what the provider said when it gave up, or None.
        unread: how many chunks were of no known shape.
    """

    response: tuple[Plain, bool]
    names: dict[str, str]
    usage: dict[str, int]
    failure: str | None
    unread: int


class StreamReader:
    """Collect the chunks of one stream: text, or events of OpenAI or Anthropic as objects or dicts.

    Args:
        content: whether texts are kept; without it only names, usage and the finish reason are.
        limit: most characters of text that are kept.
    """

    __slots__ = ("_answer", "_budget", "_failure", "_texts", "_unread")

    def __init__(self, *, content: bool, limit: int = MAX_VALUE_BYTES) -> None:
        self._budget = Budget(limit, content=content)
        self._texts: list[str] = []
        self._answer: Answer | None = None
        self._failure: str | None = None
        self._unread = 0

    def take(self, chunk: object) -> None:
        """Take one chunk. Never raises for what it is."""
        if type(chunk) is str:
            self._budget.add(self._texts, chunk)
            return
        answer = self._answer
        try:
            is_known = (answer is not None and answer.take(fields_of(chunk))) or self._read(chunk)
        except Exception:  # noqa: BLE001 - whatever a chunk's own attributes raise is none of its reader's
            is_known = False
        if not is_known:
            self._unread += 1

    def collected(self) -> Collected:
        """Return what came so far. Never raises for what it is."""
        answer = self._answer
        if answer is None:
            text = "".join(self._texts) if self._budget.content else None
            return Collected(self._frozen(text), {}, {}, self._failure, self._unread)
        message = answer.message() if self._budget.content else None
        # Texts beside events are the same answer once more, unless the events brought none.
        found = (
            ("model_used", answer.model),
            ("response_id", answer.response_id),
            ("finish_reason", answer.finish_reason),
        )
        return Collected(
            self._frozen("".join(self._texts) if message == "" else message),
            {field: clean_text(given, _MOST_NAME_BYTES)[0] for field, given in found if given},
            {field: number for field, given in answer.usage.items() if (number := count(given)) is not None},
            answer.failure or self._failure,
            self._unread,
        )

    def _frozen(self, message: object) -> tuple[Plain, bool]:
        plain, was_cut = freeze(message)
        return plain, was_cut or self._budget.cut

    def _read(self, chunk: object) -> bool:
        fields = fields_of(chunk)
        kind = fields.get("type")
        if kind == "error":
            self._failure = said_of(fields.get("error") or chunk)
            return True
        if kind == "chunk":
            inner = fields.get("chunk")
            known = self._answer is not None and self._answer.take(fields_of(inner))
            return known or self._begin(fields_of(inner))
        return (isinstance(kind, str) and kind in _HELPERS) or self._begin(fields) or self._is_text(chunk)

    def _begin(self, fields: Fields) -> bool:
        """Find whose stream this is; what comes from another provider than before begins anew."""
        for provider in _PROVIDERS:
            answer = provider(self._budget)
            if answer.take(fields):
                self._answer = answer
                return True
        return False

    def _is_text(self, chunk: Any) -> bool:
        if not issubclass(type(chunk), str):
            return False
        self._budget.add(self._texts, str.__str__(chunk))
        return True
