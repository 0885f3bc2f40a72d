"""The reader of streams: whatever kind they are of, and whatever their chunks do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextcompany.semconv.streams.reader import Collected, StreamReader


def read(*chunks: object, content: bool = True, limit: int = 1 << 20) -> Collected:
    """Return what a reader made of some chunks."""
    reader = StreamReader(content=content, limit=limit)
    for chunk in chunks:
        reader.take(chunk)
    return reader.collected()


def said(text: str) -> dict[str, Any]:
    """Return a chunk of a chat completion."""
    return {"choices": [{"index": 0, "delta": {"content": text}}]}


def test_texts_are_joined() -> None:
    """A stream of texts is their text; those that are of a class of their own count as well."""

    class Text(str):
        __slots__ = ()

    assert read("a", "", Text("b")) == Collected(("ab", False), {}, {}, None, 0)
    assert read() == Collected(("", False), {}, {}, None, 0)


@pytest.mark.parametrize(
    "chunk", [None, 5, b"ab", object(), {}, {"type": "ping"}, {"type": "new"}, [said("a")]]
)
def test_what_no_provider_sends_is_counted(chunk: object) -> None:
    """A chunk of no known shape changes nothing and is counted."""
    assert read("a", chunk, "b") == Collected(("ab", False), {}, {}, None, 1)


def test_objects_of_any_kind_are_read_by_their_fields() -> None:
    """Dataclasses, objects with properties and mappings are chunks as dicts and models are."""

    @dataclass
    class Delta:
        content: str

    class Choice:
        __slots__ = ()
        index = 0

        @property
        def delta(self) -> Delta:
            return Delta("b")

    class Chunk:
        def __init__(self) -> None:
            self.choices = [Choice()]

    assert read(said("a"), Chunk(), {"choices": ({"delta": Delta("c")},)}).response == ("abc", False)


def test_an_error_is_what_the_provider_said() -> None:
    """Error events of either provider tell what went wrong, as text or as an object with a message."""
    assert read(
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    ).failure == ("Overloaded")
    assert read({"type": "error", "code": "x", "message": "No"}).failure == "No"
    assert read({"type": "error", "error": "No"}).failure == "No"
    assert read({"type": "error"}).failure == "the provider sent an error without a message"


def test_the_events_that_clients_make_of_chunks_are_not_read_twice() -> None:
    """OpenAI's helper sends each chunk inside an event, and events about it beside."""
    seen = read(
        {"type": "chunk", "chunk": said("a")}, {"type": "content.delta", "delta": "a", "snapshot": "a"}
    )
    assert (seen.response, seen.unread) == (("a", False), 0)


def test_what_goes_beyond_the_limit_is_not_kept() -> None:
    """Text is kept up to the limit and never after a gap, and what is cut is said."""
    assert read("abc", "defg", "h", limit=5).response == ("abcde", True)
    assert read(said("abc"), said("defg"), said("h"), limit=5).response == ("abcde", True)
    assert read("abcde", limit=5).response == ("abcde", False)


def test_calls_and_blocks_without_number_are_bounded() -> None:
    """A stream that opens ever new calls or blocks without text comes to an end of its room."""
    calls = ({"choices": [{"delta": {"tool_calls": [{"index": n, "id": f"c{n}"}]}}]} for n in range(1000))
    seen = read(*calls, limit=6400)
    assert isinstance(seen.response[0], dict)
    assert len(seen.response[0]["tool_calls"]) == 100  # type: ignore[arg-type]
    assert seen.response[1]
    blocks = ({"type": "content_block_delta", "index": n, "delta": {}} for n in range(1000))
    assert read(*blocks, limit=6400).response[1]
    items = ({"type": "response.output_text.delta", "output_index": n, "delta": ""} for n in range(1000))
    assert read(*items, limit=6400).response[1]


def test_names_that_are_no_text_are_none() -> None:
    """Numbers and objects where names are expected are left out, and so are counts that are none."""
    chunk = {
        "id": 5,
        "model": object(),
        "choices": [{"index": "x", "delta": {"content": "a"}, "finish_reason": 7}],
        "usage": {
            "prompt_tokens": -1,
            "completion_tokens": "many",
            "prompt_tokens_details": {"cached_tokens": 2},
        },
    }
    assert read(chunk) == Collected(("a", False), {}, {"prompt_cached": 2}, None, 0)


class Raising:
    """An object that raises for whatever is asked of it."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)


@pytest.mark.parametrize(
    "shape",
    [
        lambda bad: bad,
        lambda bad: {"choices": bad},
        lambda bad: {"choices": [bad]},
        lambda bad: {
            "choices": [{"delta": bad, "finish_reason": bad, "index": bad}],
            "model": bad,
            "id": bad,
        },
        lambda bad: {
            "choices": [{"delta": {"content": bad, "tool_calls": bad, "refusal": bad, "audio": bad}}]
        },
        lambda bad: {"choices": [{"delta": {"tool_calls": [{"id": bad, "index": bad, "function": bad}]}}]},
        lambda bad: {"choices": [], "usage": bad},
        lambda bad: {"type": bad},
        lambda bad: {"type": "error", "error": bad},
        lambda bad: {"type": "response.completed", "response": bad},
        lambda bad: {"type": "response.completed", "response": {"output": bad, "usage": bad, "status": bad}},
        lambda bad: {"type": "response.output_text.delta", "output_index": bad, "delta": bad},
        lambda bad: {"type": "response.output_item.done", "output_index": bad, "item": bad},
        lambda bad: {"type": "message_start", "message": bad},
        lambda bad: {"type": "message_start", "message": {"content": bad, "usage": bad, "stop_reason": bad}},
        lambda bad: {
            "type": "content_block_start",
            "index": bad,
            "content_block": {"type": bad, "text": bad},
        },
        lambda bad: {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": bad}},
        lambda bad: {"type": "content_block_delta", "delta": {"type": "citations_delta", "citation": bad}},
        lambda bad: {"type": "message_delta", "delta": bad, "usage": bad},
    ],
    ids=range(19),
)
@pytest.mark.parametrize(
    "make",
    [
        Raising,
        lambda: [Raising()],
        lambda: {"type": Raising()},
        lambda: "\ud800",
        lambda: float("nan"),
        lambda: 10**400,
    ],
    ids=["raising", "a list", "a dict", "a surrogate", "no number", "a huge number"],
)
def test_nothing_raises_for_what_a_chunk_is(shape: Any, make: Any) -> None:
    """Chunks may be wrong in any place; the reader takes what it can and raises nothing."""
    seen = read("a", shape(make()), shape(make()))
    assert isinstance(seen, Collected)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "choices",
                    "delta",
                    "content",
                    "type",
                    "index",
                    "tool_calls",
                    "function",
                    "id",
                    "usage",
                    "item",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
kinds = st.sampled_from(
    [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "message_delta",
        "response.output_item.added",
        "response.output_text.delta",
        "response.completed",
        "chunk",
        "error",
    ]
)


@given(
    st.lists(
        st.builds(
            lambda kind, value: {"type": kind, **value},
            kinds,
            st.dictionaries(
                st.sampled_from(
                    [
                        "index",
                        "delta",
                        "content_block",
                        "message",
                        "item",
                        "response",
                        "output_index",
                        "choices",
                    ]
                ),
                json_values,
                max_size=4,
            ),
        )
        | json_values,
        max_size=6,
    )
)
def test_any_data_is_taken(chunks: list[Any]) -> None:
    """Events of any content are taken without an error, with content and without."""
    assert isinstance(read(*chunks), Collected)
    assert read(*chunks, content=False).response == (None, False)
