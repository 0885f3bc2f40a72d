"""Messages of Anthropic from the events of their stream."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from contextcompany.semconv.streams.reader import Collected, StreamReader
from tests.recording.sse import CLAUDE, MESSAGE_CALLS, MESSAGE_EVENTS, MESSAGE_START

NAMES = {"model_used": CLAUDE, "response_id": "msg_1"}
USAGE = {"prompt_uncached": 20, "prompt_cached": 64, "cache_write": 16, "completion": 20}


def read(*events: object, content: bool = True) -> Collected:
    """Return what a reader made of some events."""
    reader = StreamReader(content=content)
    for event in events:
        reader.take(event)
    return reader.collected()


def start(index: int, **block: Any) -> dict[str, Any]:
    """Return the event that starts a block."""
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index: int, kind: str, **fields: Any) -> dict[str, Any]:
    """Return the event with more of a block."""
    return {"type": "content_block_delta", "index": index, "delta": {"type": f"{kind}_delta", **fields}}


def test_a_message_of_text_is_its_text() -> None:
    """One block of text is plain text, with the usage of the first and the last event together."""
    names = {**NAMES, "finish_reason": "end_turn"}
    assert read(*MESSAGE_EVENTS) == Collected(("Clear in both.", False), names, USAGE, None, 0)


def test_blocks_are_put_together() -> None:
    """Thinking and the input of a tool come in pieces; signatures are no text."""
    assert read(*MESSAGE_CALLS).response[0] == {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "I look twice.", "signature": ""},
            {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Oslo"}},
        ],
    }


def test_the_input_of_a_tool_that_was_cut_off_stays_text() -> None:
    """A stream that stops in the middle of an input has as much of it as came."""
    seen = read(
        start(0, type="tool_use", id="t", name="f", input={}), delta(0, "input_json", partial_json='{"a')
    )
    assert seen.response[0] == {
        "role": "assistant",
        "content": [{"type": "tool_use", "id": "t", "name": "f", "input": '{"a'}],
    }


def test_citations_stand_with_their_text() -> None:
    """Sources come one by one, and belong to the block they came for."""
    source = {"type": "char_location", "cited_text": "a"}
    seen = read(
        start(0, type="text", text=""), delta(0, "citations", citation=source), delta(0, "text", text="b")
    )
    block = {"type": "text", "text": "b", "citations": [source]}
    assert seen.response[0] == {"role": "assistant", "content": [block]}


def test_blocks_that_come_whole_are_kept() -> None:
    """What a provider's own tool found comes in the event that starts its block."""
    found = {"type": "web_search_tool_result", "tool_use_id": "t", "content": [{"type": "web_search_result"}]}
    seen = read(start(0, **found), start(1, type="text", text="a"), delta(1, "text", text="b"))
    assert seen.response[0] == {"role": "assistant", "content": [found, {"type": "text", "text": "ab"}]}


def test_deltas_without_their_block_are_kept_by_what_they_are() -> None:
    """A stream that is joined in its middle has deltas whose blocks were never announced."""
    seen = read(
        delta(0, "thinking", thinking="a"),
        delta(1, "text", text="b"),
        delta(2, "input_json", partial_json="{}"),
    )
    assert seen.response[0] == {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "a"},
            {"type": "text", "text": "b"},
            {"type": "tool_use", "input": {}},
        ],
    }


def test_the_counts_of_the_last_event_are_those_of_the_message() -> None:
    """Counts are cumulative: a later one replaces an earlier one, and what it leaves out stays."""
    usage = {
        "input_tokens": 30,
        "cache_read_input_tokens": None,
        "output_tokens": 9,
        "output_tokens_details": {"thinking_tokens": 4},
    }
    seen = read(
        MESSAGE_START, {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage}
    )
    assert seen.usage == {**USAGE, "prompt_uncached": 30, "completion": 9, "reasoning": 4}


def test_a_whole_message_takes_the_place_of_what_came_before() -> None:
    """What the client put together holds all that its events brought."""
    whole = {
        **MESSAGE_START["message"],
        "content": [{"type": "text", "text": "all"}],
        "stop_reason": "end_turn",
    }
    seen = read(*MESSAGE_EVENTS[:5], whole)
    assert (seen.response[0], seen.names["finish_reason"]) == ("all", "end_turn")


def test_without_content_the_facts_remain() -> None:
    """With content off names, usage and the finish reason are kept, and no block."""
    names = {**NAMES, "finish_reason": "tool_use"}
    assert read(*MESSAGE_CALLS, content=False) == Collected((None, False), names, USAGE, None, 0)


@given(st.lists(st.text(max_size=5), max_size=10))
def test_any_split_of_a_text_gives_the_same_text(parts: list[str]) -> None:
    """How a server cuts its text into deltas makes no difference."""
    deltas = [delta(0, "text", text=part) for part in parts]
    assert read(start(0, type="text", text=""), *deltas).response == read("".join(parts)).response
