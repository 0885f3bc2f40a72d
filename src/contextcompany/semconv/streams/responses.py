"""Responses of OpenAI's Responses API, put together from the events of their stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from contextcompany.semconv.streams.answer import Answer, fields_of, said_of, text_in
from contextcompany.semconv.streams.usage import response_usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contextcompany.semconv.plain import Plain
    from contextcompany.semconv.streams.answer import Budget, Fields

_DELTAS: Final[Mapping[str, tuple[str, str, str]]] = {
    "response.output_text.delta": ("message", "content", "output_text"),
    "response.refusal.delta": ("message", "content", "refusal"),
    "response.reasoning_summary_text.delta": ("reasoning", "summary", "summary_text"),
    "response.reasoning_text.delta": ("reasoning", "content", "reasoning_text"),
    "response.function_call_arguments.delta": ("function_call", "arguments", ""),
    "response.mcp_call_arguments.delta": ("mcp_call", "arguments", ""),
    "response.custom_tool_call_input.delta": ("custom_tool_call", "input", ""),
    "response.code_interpreter_call_code.delta": ("code_interpreter_call", "code", ""),
}
"""What a delta belongs to: the item's type, its field, and the part's type where the field has parts."""

_HEADS: Final = frozenset({"response.created", "response.queued", "response.in_progress"})
_ENDS: Final = frozenset({"response.completed", "response.incomplete", "response.failed"})


class ResponsesAnswer(Answer):
    """One response: as its last event tells it, else what its items and their deltas brought."""

    __slots__ = ("_items", "_output")

    def __init__(self, budget: Budget) -> None:
        super().__init__(budget)
        self._items: dict[int, _Item] = {}
        self._output: Plain = None

    def take(self, chunk: Fields) -> bool:
        """Take an event, or a whole response."""
        kind = chunk.get("type")
        delta = _DELTAS.get(kind) if type(kind) is str else None
        if delta is not None:
            item = self._item(chunk, delta[0])
            if item is not None:
                place = chunk.get("summary_index" if delta[1] == "summary" else "content_index")
                self.budget.add(item.pieces_of(delta[1], delta[2], place), chunk.get("delta"))
        elif kind in _HEADS:
            self.name(fields_of(chunk.get("response")))
        elif kind in _ENDS:
            self._end(fields_of(chunk.get("response")))
        elif kind == "response.output_item.added":
            if item := self._item(chunk):
                item.tell(chunk.get("item"), self.budget)
        elif kind == "response.output_item.done":
            if item := self._item(chunk):
                # Told whole at its end, it needs its deltas no more.
                item.forget(self.budget)
                item.tell(chunk.get("item"), self.budget)
        elif chunk.get("object") == "response":
            self._end(chunk)
        else:
            return type(kind) is str and kind.startswith("response.")
        return True

    def message(self) -> object:
        """Return the response as far as its output goes, or the text where it is nothing else."""
        output = self._output or [item.whole() for _, item in sorted(self._items.items())]
        return {"object": "response", "output": output}

    def _item(self, event: Fields, kind: str = "") -> _Item | None:
        index = event.get("output_index")
        number = index if type(index) is int else 0
        found = self._items.get(number)
        if found is None and self.budget.entry():
            found = self._items[number] = _Item(kind)
        return found

    def _end(self, response: Fields) -> None:
        self.name(response)
        usage = response.get("usage")
        if usage is not None:
            self.usage = response_usage(fields_of(usage))
        details = response.get("incomplete_details")
        reason = None if details is None else fields_of(details).get("reason")
        status = text_in(response.get("status"))
        self.finish_reason = text_in(reason) or status
        if status == "failed":
            self.failure = said_of(response.get("error"))
        output = response.get("output")
        if output and self.budget.content:
            for item in self._items.values():
                item.forget(self.budget)
            self._items = {}
            self._output = self.budget.keep(output)


class _Item:
    __slots__ = ("_fields", "_head", "_kind", "_size")

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._fields: dict[str, dict[tuple[int, str], list[str]]] = {}
        self._head: Plain = None
        self._size = 0

    def pieces_of(self, field: str, part: str, place: object) -> list[str]:
        number = place if type(place) is int else 0
        return self._fields.setdefault(field, {}).setdefault((number, part), [])

    def tell(self, item: object, budget: Budget) -> None:
        """Keep the item as an event tells it."""
        before = budget.left
        self._head = budget.keep(item)
        self._size += before - budget.left

    def forget(self, budget: Budget) -> None:
        """Give back the room of all that was kept."""
        texts = (pieces for parts in self._fields.values() for pieces in parts.values())
        budget.left += self._size + sum(len(piece) for pieces in texts for piece in pieces)
        self._fields, self._head, self._size = {}, None, 0

    def whole(self) -> dict[str, Any]:
        known = isinstance(self._head, dict)
        head: dict[str, Any] = cast("dict[str, Any]", self._head) if known else {"type": self._kind}
        if head.get("type") == "message":
            head = {"role": "assistant", "content": [], **head}
        for field, parts in list(self._fields.items()):
            texts = [(part, "".join(pieces)) for (_, part), pieces in sorted(parts.items())]
            head = {**head, field: [_part(*text) for text in texts] if texts[0][0] else texts[0][1]}
        return head


def _part(kind: str, text: str) -> dict[str, Any]:
    return {"type": kind, "refusal" if kind == "refusal" else "text": text}
