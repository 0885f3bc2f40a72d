"""Chat completions from their chunks, as OpenAI and those who speak its protocol send them."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from contextcompany.semconv.streams.reader import Collected, StreamReader


def read(*chunks: object, content: bool = True) -> Collected:
    """Return what a reader made of some chunks."""
    reader = StreamReader(content=content)
    for chunk in chunks:
        reader.take(chunk)
    return reader.collected()


def chunk(delta: dict[str, Any], index: int = 0, reason: str | None = None, **more: Any) -> dict[str, Any]:
    """Return a chunk with one choice."""
    return {"choices": [{"index": index, "delta": delta, "finish_reason": reason}], **more}


def call(arguments: str | None = None, **more: Any) -> dict[str, Any]:
    """Return a delta of a tool call."""
    name = more.pop("name", None)
    return {"tool_calls": [{**more, "function": {"name": name, "arguments": arguments}}]}


def function(call_id: str | None, name: str, arguments: str) -> dict[str, Any]:
    """Return a whole tool call."""
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def calls_of(*deltas: dict[str, Any]) -> object:
    """Return the tool calls of a message."""
    message = read(*map(chunk, deltas)).response[0]
    assert isinstance(message, dict)
    return message["tool_calls"]


def test_the_first_names_stay() -> None:
    """Azure begins with a chunk whose model and id are empty; what comes first with text is taken."""
    seen = read(
        {"id": "", "model": "", "choices": []}, chunk({"content": "a"}, id="c", model="m"), chunk({}, id="d")
    )
    assert seen == Collected(("a", False), {"model_used": "m", "response_id": "c"}, {}, None, 0)


def test_thoughts_refusals_and_speech_stand_beside_the_text() -> None:
    """What servers send beside text is kept under the names that whole messages have."""
    seen = read(
        chunk({"reasoning_content": "I "}),
        chunk({"reasoning": "think"}),
        chunk({"content": "a"}),
        chunk({"refusal": "No"}),
        chunk({"refusal": "."}),
        chunk({"audio": {"transcript": "spo"}}),
        chunk({"audio": {"transcript": "ken", "data": "AAAA"}}),
    )
    assert seen.response[0] == {
        "role": "assistant",
        "content": "a",
        "reasoning_content": "I think",
        "refusal": "No.",
        "audio": {"transcript": "spoken"},
    }


def test_content_in_parts_is_read() -> None:
    """Some servers send content as a list of parts."""
    assert (
        read(chunk({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]})).response[0]
        == "ab"
    )


def test_calls_are_told_apart_by_index_or_id() -> None:
    """Calls come by index; where all have the same or none, a new id is a new call."""
    whole = [function("x", "f", "{}"), function("y", "g", "[]")]
    assert (
        calls_of(
            call("{", index=0, id="x", name="f"), call("[]", index=1, id="y", name="g"), call("}", index=0)
        )
        == whole
    )
    assert calls_of(call("{}", index=0, id="x", name="f"), call("[]", index=0, id="y", name="g")) == whole
    assert calls_of(call("{}", id="x", name="f"), call("[", id="y", name="g"), call("]")) == whole
    # Repeated names and ids are those of the same call.
    assert calls_of(call("{", index=0, id="x", name="f"), call("}", index=0, id="x", name="f")) == whole[:1]


def test_the_old_function_call_is_a_call() -> None:
    """What was before tool calls is read as one without an id."""
    deltas = [{"function_call": {"name": "f", "arguments": "{"}}, {"function_call": {"arguments": "}"}}]
    assert calls_of(*deltas) == [function(None, "f", "{}")]


def test_a_custom_call_has_its_input() -> None:
    """A call of a custom tool has free text instead of arguments."""
    delta: dict[str, Any] = {"index": 0, "id": "x", "type": "custom", "custom": {"name": "f", "input": "a b"}}
    assert calls_of({"tool_calls": [delta]}) == [
        {"id": "x", "type": "custom", "custom": {"name": "f", "input": "a b"}}
    ]


def test_each_choice_is_an_answer() -> None:
    """Of a completion with several choices each is kept, with its own finish reason."""
    seen = read(
        chunk({"content": "b"}, 1), chunk({"content": "a"}), chunk({}, 0, "stop"), chunk({}, 1, "length")
    )
    assert seen.response[0] == [
        {"finish_reason": "stop", "message": {"role": "assistant", "content": "a"}},
        {"finish_reason": "length", "message": {"role": "assistant", "content": "b"}},
    ]
    assert seen.names == {"finish_reason": "stop"}


def test_old_completions_and_whole_ones_are_read() -> None:
    """The text of a completion without chat, and a whole answer in a stream, are answers too."""
    assert (
        read({"choices": [{"text": "a"}]}, {"choices": [{"text": "b", "finish_reason": "stop"}]}).response[0]
        == "ab"
    )
    assert read({"choices": [{"message": {"role": "assistant", "content": "a"}}]}).response[0] == "a"


def test_usage_is_what_the_last_chunk_says() -> None:
    """Cached and written tokens are parts of the prompt, and the parts add up to what the server counted."""

    def usage(prompt: int, **details: int) -> dict[str, int]:
        return read(
            {"choices": [], "usage": {"prompt_tokens": prompt, "prompt_tokens_details": details}}
        ).usage

    assert usage(10) == {"prompt_uncached": 10}
    assert usage(10, cached_tokens=4) == {"prompt_uncached": 6, "prompt_cached": 4}
    assert usage(10, cached_tokens=4, cache_write_tokens=5) == {
        "prompt_uncached": 1,
        "prompt_cached": 4,
        "cache_write": 5,
    }
    assert usage(10, cached_tokens=8, cache_write_tokens=5) == {
        "prompt_uncached": 0,
        "prompt_cached": 8,
        "cache_write": 2,
    }
    counting = [chunk({"content": "a"}, usage={"completion_tokens": number}) for number in (1, 2)]
    assert read(*counting).usage == {"completion": 2}


def test_without_content_the_facts_remain() -> None:
    """With content off no text and no call is kept."""
    seen = read(
        chunk({"content": "a"}, id="c", model="m"),
        chunk(call("{}", index=0, id="x", name="f")),
        chunk({}, 0, "tool_calls", usage={"completion_tokens": 3}),
        content=False,
    )
    names = {"model_used": "m", "response_id": "c", "finish_reason": "tool_calls"}
    assert seen == Collected((None, False), names, {"completion": 3}, None, 0)


@given(st.data())
def test_any_split_of_arguments_gives_the_same_calls(data: st.DataObject) -> None:
    """However arguments are cut, and the deltas of two calls are mixed, the calls are the same."""
    texts = ['{"city": "Oslo"}', '{"city": "Rome", "days": 3}']
    deltas = [call("", index=number, id=f"c{number}", name="f") for number in (0, 1)]
    left = list(texts)
    while any(left):
        number = data.draw(st.sampled_from([number for number in (0, 1) if left[number]]))
        size = data.draw(st.integers(1, len(left[number])))
        deltas.append(call(left[number][:size], index=number))
        left[number] = left[number][size:]
    assert calls_of(*deltas) == [function(f"c{number}", "f", texts[number]) for number in (0, 1)]
