"""A span cut until it fits: the longest texts first, valid to the end, and never its identity."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from google.protobuf.message import DecodeError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import Link, Status, StatusCode

from contextcompany.delivery.spans.shortening import SMALLEST, shortened
from contextcompany.semconv import attributes as names
from tests.delivery.spans.hostile import MAPPINGS, pairs, spans_in
from tests.delivery.spans.whole import encode
from tests.handmade import ELSEWHERE, RUN, STEP, ended_span

LONG = 40 << 10

IDENTITY = {
    "tcc.runId": "r" * LONG,
    "tcc.stepId": "step-1",
    "gen_ai.conversation.id": "c" * LONG,
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "m" * LONG,
    "gen_ai.usage.input_tokens": 7,
    "tcc.statusCode": 2,
    "tcc.violations": ("step.prompt",),
}


def messages(*contents: str) -> str:
    """Return messages as a model gave them, in JSON with escapes."""
    return json.dumps(
        [
            {"role": "assistant", "finish_reason": "stop", "parts": [{"type": "text", "content": content}]}
            for content in contents
        ]
    )


def body_of(attributes: dict[str, Any], **fields: Any) -> bytes:
    """Return a request with one span."""
    return encode([ReadableSpan("chat", ELSEWHERE, attributes=attributes, **fields)]).body


def stages(body: bytes) -> list[bytes]:
    """Return a request and all that shortening makes of it, the smallest last."""
    found = [body]
    while (smaller := shortened(found[-1])) is not None:
        found.append(smaller)
    return found


def attributes_in(body: bytes) -> dict[str, Any]:
    """Return the attributes of the one span of a request."""
    (span,) = spans_in(body)
    return pairs(span.attributes)


def test_one_call_halves() -> None:
    """A request comes to about half of its size at once."""
    body = body_of({**STEP, "text": "x" * LONG, "more": "y" * LONG})
    smaller = shortened(body)
    assert smaller is not None
    assert 0.4 * len(body) < len(smaller) < 0.55 * len(body)


def test_the_longest_are_cut_first() -> None:
    """A text that is shorter than what the longest are cut to stays whole."""
    smaller = shortened(body_of({"long": "x" * 100_000, "short": "y" * 10_000}))
    assert smaller is not None
    found = attributes_in(smaller)
    assert found["short"] == "y" * 10_000
    assert len(found["long"]) < 60_000
    assert found["tcc.truncated"] == ["long"]


@pytest.mark.parametrize("span", [ended_span("chat", STEP), ended_span("x", {"text": "x" * SMALLEST})])
def test_short_texts_are_never_cut(span: ReadableSpan) -> None:
    """A span whose texts have at most 1 KiB each is at its minimum."""
    assert shortened(encode([span]).body) is None


def test_nothing_to_shorten() -> None:
    """A request without spans is at its minimum."""
    assert shortened(b"") is None


def test_identity_is_never_cut() -> None:
    """Ids, names, models, counts and status codes are the same to the end, whatever their size."""
    body = body_of({**IDENTITY, "text": "x" * LONG}, status=Status(StatusCode.ERROR, "short"))
    (before,) = spans_in(body)
    for stage in stages(body)[1:]:
        (span,) = spans_in(stage)
        found = pairs(span.attributes)
        assert {key: value for key, value in found.items() if key in IDENTITY} == attributes_in_identity()
        assert found["tcc.truncated"] == ["text"]
        assert (span.name, span.trace_id, span.span_id) == (before.name, before.trace_id, before.span_id)
        assert span.status == before.status


def attributes_in_identity() -> dict[str, Any]:
    """Return the identity as it is read back."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in IDENTITY.items()}


def test_messages_stay_messages() -> None:
    """Content in JSON stays JSON of the same frame: roles, finish reasons and types stay, the text is cut."""
    body = body_of({**STEP, "gen_ai.output.messages": messages("x" * LONG, "short")})
    for stage in stages(body)[1:]:
        cut, whole = json.loads(attributes_in(stage)["gen_ai.output.messages"])
        (part,) = cut.pop("parts")
        assert cut == {"role": "assistant", "finish_reason": "stop"}
        assert part["type"] == "text"
        kept, _, marker = part["content"].partition("...[")
        assert kept == "x" * len(kept)
        assert marker == f"{LONG - len(kept)} characters cut]"
        assert whole == json.loads(messages("short"))[0]


def test_json_that_is_only_written_shorter_is_not_cut() -> None:
    """JSON that fits once it is written without escapes is whole, and is not named as cut."""
    smaller = shortened(body_of({"gen_ai.output.messages": messages("é" * LONG)}))
    assert smaller is not None
    found = attributes_in(smaller)
    assert list(found) == ["gen_ai.output.messages"]
    assert json.loads(found["gen_ai.output.messages"]) == json.loads(messages("é" * LONG))


def test_wrapped_values_stay_objects() -> None:
    """Arguments and results are JSON objects before and after."""
    body = body_of({"gen_ai.tool.call.arguments": json.dumps({"value": "a" * LONG})})
    for stage in stages(body)[1:]:
        text = attributes_in(stage)["gen_ai.tool.call.arguments"]
        assert list(json.loads(text)) == ["value"]


def test_events_links_and_status_are_cut_and_named() -> None:
    """Texts beside the attributes are cut too; all keys are named once, after the earlier ones."""
    long = "x" * LONG
    body = body_of(
        {**RUN, "tcc.truncated": ("gen_ai.input.messages",)},
        events=[Event("exception", {"exception.stacktrace": long, "exception.type": long}, 1)] * 2,
        links=[Link(ELSEWHERE, {"why": long})],
        status=Status(StatusCode.ERROR, long),
    )
    (span,) = spans_in(stages(body)[-1])
    assert sorted(pairs(span.attributes)["tcc.truncated"]) == [
        "exception.stacktrace",
        "gen_ai.input.messages",
        "tcc.statusMessage",
        "why",
    ]
    assert len(span.status.message) <= SMALLEST
    assert span.status.code == StatusCode.ERROR.value
    assert [pairs(event.attributes)["exception.type"] for event in span.events] == [long, long]
    assert all(len(pairs(event.attributes)["exception.stacktrace"]) <= SMALLEST for event in span.events)
    assert len(pairs(span.links[0].attributes)["why"]) <= SMALLEST


def test_nested_texts_and_bytes_are_cut() -> None:
    """Texts and bytes inside lists and objects are cut where they stand."""
    body = body_of({"nested": {"a": ["x" * LONG, 5], "b": b"y" * LONG}})
    found = attributes_in(stages(body)[-1])["nested"]
    assert found["a"][1] == 5
    assert len(found["a"][0]) <= SMALLEST
    assert found["b"] == b"y" * SMALLEST


def test_lists_lose_their_last_items_when_no_text_is_left_to_cut() -> None:
    """Many short texts are too much as well: a list keeps its first ones."""
    body = body_of({"list": [f"item {number}" for number in range(5_000)]})
    found = attributes_in(stages(body)[-1])
    assert found["list"] == [f"item {number}" for number in range(len(found["list"]))]
    assert 0 < len(found["list"]) < 400
    assert found["tcc.truncated"] == ["list"]


def test_text_that_only_looks_like_json_is_cut_as_text() -> None:
    """What begins like JSON and is none, as JSON cut by others, is cut as the text that it is."""
    body = body_of({"text": "[" * 100_000})
    smaller = shortened(body)
    assert smaller is not None
    kept, _, marker = attributes_in(smaller)["text"].partition("...[")
    assert marker == f"{100_000 - len(kept)} characters cut]"


_SIZES = st.sampled_from([1, SMALLEST - 1, SMALLEST, SMALLEST + 1, 2_000, 30_000])
_TEXTS = st.builds(
    lambda text, size: text * (size // len(text) + 1),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=5),
    _SIZES,
)
_VALUES = st.one_of(
    _TEXTS,
    st.lists(_TEXTS, max_size=3).map(lambda contents: messages(*contents)),
    st.lists(_TEXTS, max_size=3),
    st.dictionaries(st.sampled_from("ab"), st.one_of(_TEXTS, st.lists(_TEXTS, max_size=2))),
    st.lists(st.integers(0, 9), max_size=5).map(lambda numbers: numbers * 500),
    st.binary(max_size=3).map(lambda data: data * 2_000),
)
_KEYS = st.sampled_from(
    ["text", "gen_ai.output.messages", "tcc.metadata.a", "tcc.runId", "gen_ai.agent.name"]
)
_ATTRIBUTES = st.dictionaries(_KEYS, _VALUES, max_size=4)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(_ATTRIBUTES, MAPPINGS), _ATTRIBUTES, _ATTRIBUTES)
def test_shortening_comes_to_an_end(
    attributes: dict[str, Any], of_event: dict[str, Any], of_link: dict[str, Any]
) -> None:
    """Whatever a span holds, each cut is smaller, parses, and names what changed; few cuts are enough."""
    body = body_of(
        attributes,
        events=[Event("event", of_event, 1)],
        links=[Link(ELSEWHERE, of_link)],
        status=Status(StatusCode.ERROR, "x" * 5_000),
    )
    found = stages(body)
    assert len(found) < 40
    assert all(len(after) < len(before) for before, after in itertools.pairwise(found))
    before, after = owners(body), owners(found[-1])
    changed = {
        key
        for whole, cut in zip(before, after, strict=True)
        for key in whole
        if key != names.TCC_TRUNCATED and repr(whole[key]) != repr(cut[key])
    }
    assert {*before[0], names.TCC_TRUNCATED} == {*after[0], names.TCC_TRUNCATED}
    if changed:
        assert all(key in after[0][names.TCC_TRUNCATED] for key in changed)
    assert "tcc.runId" not in changed
    assert "gen_ai.agent.name" not in changed


def owners(body: bytes) -> list[dict[str, Any]]:
    """Return the attributes of a span, of its event and of its link."""
    (span,) = spans_in(body)
    return [pairs(attributes) for attributes in (span.attributes, *_of(span.events), *_of(span.links))]


def _of(items: Any) -> list[Any]:
    return [item.attributes for item in items]


def test_other_bytes_are_refused() -> None:
    """Bytes that are no request raise."""
    with pytest.raises(DecodeError):
        shortened(b"\xff no request")
