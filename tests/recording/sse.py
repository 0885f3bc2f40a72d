"""What the servers of providers send as streams, and a server that sends it."""

from __future__ import annotations

import json
from typing import Any, Final

from tests.loopback import Answer

MODEL: Final = "gpt-5-2025-08-07"


def sse(*events: dict[str, Any] | str, length: int | None = None) -> Answer:
    """Return an answer of server-sent events; a text stands as it is."""
    lines: list[str] = []
    for event in events:
        if isinstance(event, dict) and "type" in event:
            lines.append(f"event: {event['type']}")
        data = event if isinstance(event, str) else json.dumps(event)
        lines += [f"data: {data}", ""]
    body = "\n".join([*lines, ""]).encode()
    return Answer(200, body, (("Content-Type", "text/event-stream"),), length=length)


def chunk(delta: dict[str, Any] | None, reason: str | None = None, **more: Any) -> dict[str, Any]:
    """Return a chunk of a chat completion as OpenAI sends it."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1_760_000_000,
        "model": MODEL,
        "service_tier": "default",
        "system_fingerprint": None,
        "choices": [] if delta is None else [choice],
        "usage": None,
        **more,
    }


def calling(index: int, arguments: str, **first: str) -> dict[str, Any]:
    """Return the delta of a tool call; the first of a call has its id and name."""
    call: dict[str, Any] = {"index": index, "function": {"arguments": arguments}}
    if first:
        call |= {"id": first["id"], "type": "function"}
        call["function"]["name"] = first["name"]
    return {"tool_calls": [call]}


CHAT_USAGE: Final[dict[str, Any]] = {
    "prompt_tokens": 100,
    "completion_tokens": 20,
    "total_tokens": 120,
    "prompt_tokens_details": {"cached_tokens": 64, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 7, "audio_tokens": 0},
}

CHAT_TEXT: Final[tuple[dict[str, Any], ...]] = (
    chunk({"role": "assistant", "content": "", "refusal": None}),
    chunk({"content": "Clear "}),
    chunk({"content": "in both."}),
    chunk({}, "stop"),
    chunk(None, usage=CHAT_USAGE),
)

CHAT_CALLS: Final[tuple[dict[str, Any], ...]] = (
    chunk({"role": "assistant", "content": None}),
    chunk(calling(0, "", id="call_1", name="weather")),
    chunk(calling(0, '{"city":')),
    chunk(calling(0, ' "Oslo"}')),
    chunk(calling(1, "", id="call_2", name="weather")),
    chunk(calling(1, '{"city": "Rome"}')),
    chunk({}, "tool_calls"),
    chunk(None, usage=CHAT_USAGE),
)

_RESPONSE: Final[dict[str, Any]] = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1_760_000_000,
    "model": MODEL,
    "status": "in_progress",
    "output": [],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
}
_TEXT: Final[dict[str, Any]] = {"type": "output_text", "text": "Clear in both.", "annotations": []}
_REASONING: Final[dict[str, Any]] = {"type": "summary_text", "text": "I look twice."}
RESPONSE_OUTPUT: Final[list[dict[str, Any]]] = [
    {"id": "rs_1", "type": "reasoning", "summary": [_REASONING]},
    {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [_TEXT]},
    {
        "id": "fc_1",
        "type": "function_call",
        "call_id": "call_1",
        "name": "weather",
        "arguments": '{"city": "Oslo"}',
        "status": "completed",
    },
]
RESPONSE_USAGE: Final[dict[str, Any]] = {
    "input_tokens": 100,
    "input_tokens_details": {"cached_tokens": 64, "cache_write_tokens": 16},
    "output_tokens": 20,
    "output_tokens_details": {"reasoning_tokens": 7},
    "total_tokens": 120,
}


def _event(number: int, kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}", "sequence_number": number, **fields}


def response(status: str, **more: Any) -> dict[str, Any]:
    """Return a response in a status."""
    return {**_RESPONSE, "status": status, **more}


RESPONSE_EVENTS: Final[tuple[dict[str, Any], ...]] = (
    _event(0, "created", response=response("in_progress")),
    _event(1, "output_item.added", output_index=0, item={**RESPONSE_OUTPUT[0], "summary": []}),
    _event(
        2,
        "reasoning_summary_text.delta",
        item_id="rs_1",
        output_index=0,
        summary_index=0,
        delta="I look twice.",
    ),
    _event(3, "output_item.done", output_index=0, item=RESPONSE_OUTPUT[0]),
    _event(4, "output_item.added", output_index=1, item={**RESPONSE_OUTPUT[1], "content": []}),
    _event(
        5,
        "content_part.added",
        item_id="msg_1",
        output_index=1,
        content_index=0,
        part={**_TEXT, "text": ""},
    ),
    *(
        _event(
            number,
            "output_text.delta",
            item_id="msg_1",
            output_index=1,
            content_index=0,
            delta=text,
            logprobs=[],
        )
        for number, text in ((6, "Clear "), (7, "in both."))
    ),
    _event(8, "output_item.done", output_index=1, item=RESPONSE_OUTPUT[1]),
    _event(9, "output_item.added", output_index=2, item={**RESPONSE_OUTPUT[2], "arguments": ""}),
    _event(10, "function_call_arguments.delta", item_id="fc_1", output_index=2, delta='{"city": "Oslo"}'),
    _event(11, "output_item.done", output_index=2, item=RESPONSE_OUTPUT[2]),
    _event(12, "completed", response=response("completed", output=RESPONSE_OUTPUT, usage=RESPONSE_USAGE)),
)

CLAUDE: Final = "claude-sonnet-5"


def _block(index: int, start: dict[str, Any], *deltas: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    return (
        {"type": "content_block_start", "index": index, "content_block": start},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    )


MESSAGE_START: Final[dict[str, Any]] = {
    "type": "message_start",
    "message": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": CLAUDE,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {
            "input_tokens": 20,
            "cache_read_input_tokens": 64,
            "cache_creation_input_tokens": 16,
            "output_tokens": 1,
        },
    },
}
MESSAGE_TEXT: Final = _block(
    0,
    {"type": "text", "text": ""},
    {"type": "text_delta", "text": "Clear "},
    {"type": "text_delta", "text": "in both."},
)


def message_end(reason: str) -> tuple[dict[str, Any], ...]:
    """Return the events that end a message."""
    return (
        {
            "type": "message_delta",
            "delta": {"stop_reason": reason, "stop_sequence": None},
            "usage": {"output_tokens": 20},
        },
        {"type": "message_stop"},
    )


MESSAGE_EVENTS: Final[tuple[dict[str, Any], ...]] = (
    MESSAGE_START,
    {"type": "ping"},
    *MESSAGE_TEXT,
    *message_end("end_turn"),
)

MESSAGE_CALLS: Final[tuple[dict[str, Any], ...]] = (
    MESSAGE_START,
    *_block(
        0,
        {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "thinking_delta", "thinking": "I look "},
        {"type": "thinking_delta", "thinking": "twice."},
        {"type": "signature_delta", "signature": "c2lnbmVk"},
    ),
    *_block(
        1,
        {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}},
        {"type": "input_json_delta", "partial_json": '{"city":'},
        {"type": "input_json_delta", "partial_json": ' "Oslo"}'},
    ),
    *message_end("tool_use"),
)
