"""Responses of the Responses API from the events of their stream."""

from __future__ import annotations

from typing import Any

from contextcompany.semconv.messages import output_messages
from contextcompany.semconv.streams.reader import Collected, StreamReader
from tests.recording.sse import RESPONSE_EVENTS, RESPONSE_OUTPUT, response

NAMES = {"model_used": "gpt-5-2025-08-07", "response_id": "resp_1"}
USAGE = {"prompt_uncached": 20, "prompt_cached": 64, "cache_write": 16, "completion": 20, "reasoning": 7}


def read(*events: object, content: bool = True, limit: int = 1 << 20) -> Collected:
    """Return what a reader made of some events."""
    reader = StreamReader(content=content, limit=limit)
    for event in events:
        reader.take(event)
    return reader.collected()


def test_a_whole_stream_is_the_response_of_its_last_event() -> None:
    """The last event has all; what came before it is not kept twice."""
    assert read(*RESPONSE_EVENTS) == Collected(
        ({"object": "response", "output": [*RESPONSE_OUTPUT]}, False),
        {**NAMES, "finish_reason": "completed"},
        USAGE,
        None,
        0,
    )


def test_every_beginning_of_a_stream_is_an_answer() -> None:
    """Wherever a stream stops, what arrived is one message, and the items that are done are whole."""
    seen = [
        output_messages(read(*RESPONSE_EVENTS[:end]).response[0]) for end in range(len(RESPONSE_EVENTS) + 1)
    ]
    assert all(len(messages) == 1 for messages in seen)
    assert seen[-1] == seen[-2]


def test_deltas_without_their_item_are_kept_by_what_they_are() -> None:
    """A stream that is joined in its middle has deltas whose items were never announced."""

    def delta(kind: str, index: int, text: str, **more: int) -> dict[str, Any]:
        return {"type": f"response.{kind}.delta", "output_index": index, "delta": text, **more}

    seen = read(
        delta("reasoning_summary_text", 0, "a", summary_index=0),
        delta("reasoning_summary_text", 0, "b", summary_index=1),
        delta("output_text", 1, "c", content_index=0),
        delta("refusal", 1, "d", content_index=1),
        delta("function_call_arguments", 2, "{}"),
        delta("custom_tool_call_input", 3, "e"),
    )
    assert seen.response[0] == {
        "object": "response",
        "output": [
            {
                "type": "reasoning",
                "summary": [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}],
            },
            {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "c"}, {"type": "refusal", "refusal": "d"}],
            },
            {"type": "function_call", "arguments": "{}"},
            {"type": "custom_tool_call", "input": "e"},
        ],
    }


def test_an_incomplete_response_says_why() -> None:
    """The finish reason is the detail where there is one, else the status."""
    details = {"reason": "max_output_tokens"}
    event = {"type": "response.incomplete", "response": response("incomplete", incomplete_details=details)}
    assert read(event).names == {**NAMES, "finish_reason": "max_output_tokens"}


def test_a_failed_response_says_what_was_wrong() -> None:
    """A response that failed has the message of its error, or the word that there was none."""
    error = {"code": "server_error", "message": "No."}
    assert read({"type": "response.failed", "response": response("failed", error=error)}).failure == "No."
    assert read({"type": "response.failed", "response": response("failed")}).failure == (
        "the provider sent an error without a message"
    )


def test_a_whole_response_is_read() -> None:
    """A response that comes as one object is an answer too."""
    whole = response("completed", output=RESPONSE_OUTPUT)
    assert read(whole).response[0] == {"object": "response", "output": RESPONSE_OUTPUT}


def test_texts_that_are_told_again_take_no_room_twice() -> None:
    """An answer of more than half the limit fits, though it comes as deltas, as an item and at the end."""
    text = "x" * 600
    item = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}
    seen = read(
        {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": text},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": response("completed", output=[item])},
        limit=1000,
    )
    assert seen.response == ({"object": "response", "output": [item]}, False)


def test_without_content_the_facts_remain() -> None:
    """With content off names, usage and the finish reason are kept, and no output."""
    assert read(*RESPONSE_EVENTS, content=False) == Collected(
        (None, False), {**NAMES, "finish_reason": "completed"}, USAGE, None, 0
    )
