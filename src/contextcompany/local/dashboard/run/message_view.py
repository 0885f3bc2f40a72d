"""Messages, arguments and results as a page shows them, and where the whole of each can be had."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from contextcompany.local.dashboard.run.plain_text import MOST_OPEN_LINES, MOST_SHOWN, Folded, code, prose

if TYPE_CHECKING:
    from contextcompany.local.reading.conversation import Conversation, Message, Part

ARGUMENTS: Final = "arguments"
RESULT: Final = "result"

_MOST_DIGITS: Final = 10
_MOST_INDENTED: Final = 200_000
_LABELS: Final = {"reasoning": "reasoning", "result": "result", "media": "media", "other": "note"}


@dataclass(frozen=True, slots=True)
class PartView:
    """A piece of a message; `source` says where in its span it stands, as `whole_text` reads it."""

    kind: str
    label: str
    name: str
    call_id: str
    source: str
    body: Folded


@dataclass(frozen=True, slots=True)
class MessageView:
    """One message; `role` is what stands above it."""

    role: str
    parts: tuple[PartView, ...]
    finish_reason: str = ""


def part_view(part: Part, source: str, most: int = MOST_SHOWN) -> PartView:
    """Show one part."""
    if part.kind in {"text", "reasoning"}:
        data = indented(part.text)
        body = prose(part.text, most) if data is None else code(data, most)
    else:
        body = code(part.text, most)
    return PartView(part.kind, _LABELS.get(part.kind, ""), part.name, part.call_id, source, body)


def data_view(
    text: str | None, source: str, most: int = MOST_SHOWN, lines: int = MOST_OPEN_LINES
) -> PartView | None:
    """Show the arguments or the result of a tool call; nothing for none."""
    if text is None:
        return None
    return PartView("data", source, "", "", source, code(text, most, lines))


def message_view(message: Message, source: str, most: int = MOST_SHOWN) -> MessageView:
    """Show one message."""
    parts = tuple(part_view(part, f"{source}.{number}", most) for number, part in enumerate(message.parts))
    return MessageView(message.role, parts, message.finish_reason)


def whole_text(conversation: Conversation, source: str) -> str | None:
    """Return the text that a `source` names, in full; None where there is none."""
    place, _, numbers = source.partition(".")
    if place == ARGUMENTS:
        return conversation.arguments
    if place == RESULT:
        return conversation.result
    path = [int(number) for number in numbers.split(".") if number.isdecimal() and len(number) < _MOST_DIGITS]
    if place == "system":
        found = conversation.system
    else:
        messages = {"asked": conversation.asked, "answered": conversation.answered}.get(place, ())
        found = messages[path[0]].parts if path and path[0] < len(messages) else ()
        path = path[1:]
    if numbers.count(".") != (place != "system") or len(path) != 1 or path[0] >= len(found):
        return None
    return found[path[0]].text


def indented(text: str) -> str | None:
    """Indent a text that is a JSON object or list; None for any other, and for a very long one."""
    if text.lstrip()[:1] not in {"{", "["} or len(text) > _MOST_INDENTED:
        return None
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return None
