"""The messages of a span as a page shows them, whichever library wrote them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

PartKind: TypeAlias = Literal["text", "reasoning", "call", "result", "media", "other"]


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a message.

    `text` holds the words of a text or a reasoning, and the data of any other as indented JSON or as it
    stands; `name` the tool of a call or the kind of a medium; `call_id` joins a call to its result.
    """

    kind: PartKind
    text: str = ""
    name: str = ""
    call_id: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One message; `role` is `system`, `user`, `assistant`, `tool` or what the library wrote.

    Where messages were left out, one of the role `other` stands in their place and says how many.
    """

    role: str
    parts: tuple[Part, ...]
    finish_reason: str = ""


@dataclass(frozen=True, slots=True)
class Conversation:
    """What went into a span and what came out, in order; `arguments` and `result` are those of a tool call.

    `arguments` and `result` are JSON, indented, or the text as it stands where it is none; None where there
    is none. `tools` names the tools that a model was offered.
    """

    system: tuple[Part, ...] = ()
    asked: tuple[Message, ...] = ()
    answered: tuple[Message, ...] = ()
    arguments: str | None = None
    result: str | None = None
    tools: tuple[str, ...] = ()
