"""Messages of Anthropic, put together from the events of their stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from contextcompany.semconv.streams.answer import Answer, fields_of, items_of, text_in
from contextcompany.semconv.streams.usage import message_usage
from contextcompany.semconv.values import read_json

if TYPE_CHECKING:
    from contextcompany.semconv.plain import Plain
    from contextcompany.semconv.streams.answer import Budget, Fields

_TELLING_NOTHING_NEW: Final = frozenset(
    {"content_block_stop", "message_stop", "ping", "text", "input_json", "thinking", "signature", "citation"}
)
"""Events without content of their own; most are what the client's helper makes of the others."""

_TEXTS: Final = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}
"""The field of a delta that has its text, by the delta's type."""


class MessageAnswer(Answer):
    """One message with its content blocks."""

    __slots__ = ("_blocks",)

    def __init__(self, budget: Budget) -> None:
        super().__init__(budget)
        self._blocks: dict[int, _Block] = {}

    def take(self, chunk: Fields) -> bool:
        """Take an event, or a whole message."""
        kind = chunk.get("type")
        if kind == "content_block_delta":
            if self.budget.content:
                self._take_delta(chunk.get("index"), fields_of(chunk.get("delta")))
        elif kind == "content_block_start":
            if block := self._block(chunk.get("index")):
                block.start(chunk.get("content_block"), self.budget)
        elif kind == "message_start":
            self._take_message(fields_of(chunk.get("message")))
        elif kind == "message_delta":
            self._take_end(fields_of(chunk.get("delta")), chunk.get("usage"))
        elif kind == "message":
            self._blocks = {}
            self._take_message(chunk)
        else:
            return kind in _TELLING_NOTHING_NEW and bool(self._blocks or self.model)
        return True

    def message(self) -> object:
        """Return the text where there is nothing else, or the message with its blocks."""
        blocks = [block.whole() for _, block in sorted(self._blocks.items())]
        if all(block.keys() == {"type", "text"} for block in blocks) and len(blocks) <= 1:
            return blocks[0]["text"] if blocks else ""
        return {"role": "assistant", "content": blocks}

    def _take_message(self, message: Fields) -> None:
        self.name(message)
        self._take_end(message, message.get("usage"))
        for index, content in enumerate(items_of(message.get("content"))):
            if block := self._block(index):
                block.start(content, self.budget)

    def _take_end(self, source: Fields, usage: object) -> None:
        self.finish_reason = text_in(source.get("stop_reason")) or self.finish_reason
        if usage is not None:
            # The counts of a later event are those of the whole message so far.
            self.usage |= message_usage(fields_of(usage))

    def _take_delta(self, index: object, delta: Fields) -> None:
        block = self._block(index)
        if block is None:
            return
        kind = delta.get("type")
        field = _TEXTS.get(kind) if type(kind) is str else None
        if field is not None:
            self.budget.add(block.pieces_of(field), delta.get(field))
        elif kind == "citations_delta" and self.budget.entry():
            block.citations.append(self.budget.keep(delta.get("citation")))

    def _block(self, index: object) -> _Block | None:
        number = index if type(index) is int else 0
        found = self._blocks.get(number)
        if found is None and self.budget.entry():
            found = self._blocks[number] = _Block()
        return found


class _Block:
    __slots__ = ("_head", "_pieces", "citations")

    def __init__(self) -> None:
        self._head: dict[str, Any] = {}
        self._pieces: dict[str, list[str]] = {}
        self.citations: list[Plain] = []

    def start(self, content: object, budget: Budget) -> None:
        plain = budget.keep(content)
        self._head = cast("dict[str, Any]", plain) if isinstance(plain, dict) else {}

    def pieces_of(self, field: str) -> list[str]:
        found = self._pieces.get(field)
        if found is None:
            found = self._pieces[field] = []
        return found

    def whole(self) -> dict[str, Any]:
        block = {key: value for key, value in self._head.items() if value is not None}
        for field, pieces in list(self._pieces.items()):
            text = "".join(pieces)
            if field == "partial_json":
                block["input"] = _read(text)
                block.setdefault("type", "tool_use")
            else:
                block[field] = (text_in(block.get(field)) or "") + text
                block.setdefault("type", field)
        if self.citations:
            block["citations"] = list(self.citations)
        return block


def _read(arguments: str) -> Plain:
    """Return the input of a tool; what was cut off in its middle stays text."""
    found, is_json = read_json(arguments)
    return found if is_json else arguments
