"""Chat completions of OpenAI and of all who speak its protocol, put together from their chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from contextcompany.semconv.streams.answer import Answer, fields_of, items_of, text_in
from contextcompany.semconv.streams.usage import chat_usage
from contextcompany.semconv.text import class_of

if TYPE_CHECKING:
    from contextcompany.semconv.streams.answer import Budget, Fields


class ChatAnswer(Answer):
    """One chat completion; of more than one choice each is kept."""

    __slots__ = ("_choices",)

    def __init__(self, budget: Budget) -> None:
        super().__init__(budget)
        self._choices: dict[int, _Choice] = {}

    def take(self, chunk: Fields) -> bool:
        """Take a chunk, or a whole completion."""
        choices: Any = chunk.get("choices")
        if not issubclass(class_of(choices), list | tuple):
            return False
        if not self.model or not self.response_id:
            self.name(chunk)
        usage = chunk.get("usage")
        if usage is not None:
            self.usage = chat_usage(fields_of(usage))
        for choice in choices:
            get = fields_of(choice).get
            kept = self._choice(get("index"))
            if kept is None:
                continue
            reason = get("finish_reason")
            if reason is not None:
                self._finish(kept, text_in(reason))
            if self.budget.content:
                delta = get("delta")
                if delta is None:
                    delta = get("message")
                kept.take({"content": get("text")} if delta is None else fields_of(delta))
        return True

    def message(self) -> object:
        """Return the text of the only choice if it is nothing else, or the message, or all choices."""
        choices = [choice for _, choice in sorted(self._choices.items())]
        if len(choices) <= 1:
            return choices[0].message() if choices else ""
        return [
            {"finish_reason": choice.reason, "message": {"role": "assistant", **choice.fields()}}
            for choice in choices
        ]

    def _choice(self, index: object) -> _Choice | None:
        number = index if type(index) is int else 0
        kept = self._choices.get(number)
        if kept is None and (not self._choices or self.budget.entry()):
            kept = self._choices[number] = _Choice(self.budget)
        return kept

    def _finish(self, choice: _Choice, reason: str | None) -> None:
        choice.reason = reason or choice.reason
        if choice is self._choices[min(self._choices)]:
            self.finish_reason = choice.reason


class _Choice:
    __slots__ = ("_budget", "_calls", "_latest", "reason", "reasoning", "refusal", "spoken", "texts")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._calls: list[_Call] = []
        self._latest: dict[object, _Call] = {}
        self.reason: str | None = None
        self.reasoning: list[str] = []
        self.refusal: list[str] = []
        self.spoken: list[str] = []
        self.texts: list[str] = []

    def take(self, delta: Fields) -> None:
        get, add = delta.get, self._budget.add
        content = get("content")
        if type(content) is str:
            add(self.texts, content)
        elif content is not None:
            for part in items_of(content):
                add(self.texts, fields_of(part).get("text"))
        # No server sends both names of the thoughts with different texts.
        if reasoning := get("reasoning_content") or get("reasoning"):
            add(self.reasoning, reasoning)
        if refusal := get("refusal"):
            add(self.refusal, refusal)
        if calls := get("tool_calls"):
            for call in items_of(calls):
                self._take_call(fields_of(call))
        if call := get("function_call"):
            self._take_call({"index": -1, "function": call})
        if audio := get("audio"):
            add(self.spoken, fields_of(audio).get("transcript"))

    def _take_call(self, delta: Fields) -> None:
        index, call_id = delta.get("index"), text_in(delta.get("id"))
        key: object = index if type(index) is int else call_id
        call = self._latest.get(key) if key is not None else next(reversed(self._calls), None)
        # Some servers give every call the index 0, and tell them apart by their ids only.
        if call is None or (call_id and call.id and call_id != call.id):
            if not self._budget.entry():
                return
            call = self._latest[key] = _Call()
            self._calls.append(call)
        call.take(call_id, delta, self._budget)

    def message(self) -> object:
        fields = self.fields()
        return fields["content"] or "" if fields.keys() == {"content"} else {"role": "assistant", **fields}

    def fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = {"content": "".join(self.texts) or None}
        if self.reasoning:
            fields["reasoning_content"] = "".join(self.reasoning)
        if self.refusal:
            fields["refusal"] = "".join(self.refusal)
        if self.spoken:
            fields["audio"] = {"transcript": "".join(self.spoken)}
        if self._calls:
            fields["tool_calls"] = [call.whole() for call in list(self._calls)]
        return fields


class _Call:
    __slots__ = ("_is_custom", "_name", "_pieces", "id")

    def __init__(self) -> None:
        self.id: str | None = None
        self._is_custom = False
        self._name: str | None = None
        self._pieces: list[str] = []

    def take(self, call_id: str | None, delta: Fields, budget: Budget) -> None:
        self.id = self.id or call_id
        details = delta.get("function")
        if details is None:
            details = delta.get("custom")
            if details is None:
                return
            self._is_custom = True
        fields = fields_of(details)
        self._name = self._name or text_in(fields.get("name"))
        budget.add(self._pieces, fields.get("input" if self._is_custom else "arguments"))

    def whole(self) -> dict[str, Any]:
        kind, text = ("custom", "input") if self._is_custom else ("function", "arguments")
        return {"id": self.id, "type": kind, kind: {"name": self._name, text: "".join(self._pieces)}}
