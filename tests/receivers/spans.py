"""What a trace says, in one form for what was sent and for what each receiver made of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

RUN = "run"
STEP = "step"
TOOL_CALL = "tool call"
OTHER = "other"

OK = "ok"
ERROR = "error"
NO_ROOT = "without a root"


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation: its texts, the tool calls it asks for, the results it brings."""

    role: str
    texts: tuple[str, ...] = ()
    calls: tuple[tuple[str, str, str], ...] = ()
    """Id, tool and arguments of each call."""
    results: tuple[tuple[str, str], ...] = ()
    """Id of the call and its result."""


@dataclass(frozen=True, slots=True)
class Span:
    """A span as its reader understands it."""

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    kind: str
    state: str
    status_message: str
    session: str | None
    tokens: tuple[int | None, int | None, int | None] = (None, None, None)
    """Input, output, and the part of the input that came from a cache."""
    input: tuple[Message, ...] = ()
    output: tuple[Message, ...] = ()
    arguments: str = ""
    result: str = ""


@dataclass(frozen=True, slots=True)
class Trace:
    """A trace as its reader shows it: who belongs to it, its session, its token sums, how it ended."""

    trace_id: str
    root: str | None
    """Span id of the root, None where the reader sees none."""
    state: str
    session: str | None
    tokens: tuple[int, int]
    """Input and output, summed by the reader."""
    spans: Mapping[str, Span]
    """By span id."""


def canonical(value: object) -> str:
    """Write a JSON value, or a text that may be one, in the same way whoever wrote it before."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return json.dumps(value)
    return json.dumps(value, sort_keys=True)


def content(value: object) -> str:
    """Write arguments or a result like `canonical`; "" stands for none, and for empty ones."""
    written = canonical(value)
    return "" if written in ("null", '""', "{}") else written


def messages(value: object) -> tuple[Message, ...]:
    """Read `gen_ai.input.messages` or `gen_ai.output.messages`, as JSON text or already read."""
    read: Any = json.loads(value) if isinstance(value, str) else value
    return tuple(_message(message["role"], message["parts"]) for message in read or ())


def system_message(value: object) -> tuple[Message, ...]:
    """Read `gen_ai.system_instructions` as the message that stands before all others."""
    parts: Any = json.loads(value) if isinstance(value, str) else value
    return (_message("system", parts),) if parts else ()


def _message(role: str, parts: Iterable[Mapping[str, Any]]) -> Message:
    texts: list[str] = []
    calls: list[tuple[str, str, str]] = []
    results: list[tuple[str, str]] = []
    for part in parts:
        if part["type"] == "tool_call":
            calls.append((part.get("id") or "", part["name"], canonical(part.get("arguments"))))
        elif part["type"] == "tool_call_response":
            results.append((part.get("id") or "", canonical(part["response"])))
        elif part.get("content"):
            texts.append(part["content"])
    return Message(role, tuple(texts), tuple(calls), tuple(results))
