"""Spans written without messages: byte for byte what the stock encoder writes, or nothing at all."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import Link, SpanContext, Status, StatusCode

import contextcompany as tcc
from contextcompany.delivery.spans.direct import DirectEncoder
from contextcompany.delivery.spans.own import OwnSpan
from contextcompany.delivery.spans.rebuild import rebuilt
from contextcompany.delivery.spans.repairing import is_whole
from contextcompany.testing import capture
from tests.delivery.spans import good
from tests.delivery.spans.hostile import LONE, SPANS
from tests.handmade import ELSEWHERE, ended_span
from tests.recording.hostile import HOSTILE, LyingText, cyclic_list, deep

PATIENT = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))


class Text(str):
    """Text of a class of its own."""

    __slots__ = ()


class Number(int):
    """A number of a class of its own."""


def deep_mapping(levels: int) -> Any:
    """Return mappings inside each other."""
    found: Any = "bottom"
    for _ in range(levels):
        found = {"a": found}
    return found


def stock(span: ReadableSpan) -> bytes:
    """Return the bytes of a span within what the stock encoder writes."""
    message = encode_spans([span])
    return message.resource_spans[0].scope_spans[0].spans[0].SerializeToString()


def attempt(direct: DirectEncoder, span: ReadableSpan) -> bytes | None:
    """Return what is written for a span, or None if it is refused."""
    try:
        return direct.span(span)
    except Exception:  # noqa: BLE001  (any class: see its docstring)
        return None


def span_with(value: Any, key: Any = "key") -> ReadableSpan:
    """Return a span made past the SDK, which would have cleaned its attributes."""
    return ReadableSpan("chat", ELSEWHERE, attributes={"before": 1, key: value, "after": 2})


@PATIENT
@given(st.lists(good.SPANS, min_size=1, max_size=4))
def test_equals_the_stock_encoder(spans: list[ReadableSpan]) -> None:
    """Spans with good values in every field are written as the stock encoder writes them, in any company."""
    direct = DirectEncoder()
    assert [direct.span(span) for span in spans] == [stock(span) for span in spans]


@PATIENT
@given(st.lists(SPANS, min_size=1, max_size=3))
def test_writes_nothing_else_than_the_stock_encoder(spans: list[ReadableSpan]) -> None:
    """Whatever a span holds, it is refused or written as the stock encoder writes it, all of it."""
    direct = DirectEncoder()
    for span in spans:
        written = attempt(direct, span)
        if written is not None:
            assert is_whole(span)
            assert written == stock(span)


def test_equals_the_stock_encoder_for_what_is_recorded() -> None:
    """None of the spans that the recording API makes has to take the slower way."""
    with capture() as captured:
        r = tcc.run("run", "session")
        r.prompt("hi", "be kind").metadata(plan="free", seats=3, share=0.5, tags=["a"]).response("é" * 3_000)
        with r.step() as s:
            s.prompt([{"role": "user", "content": "hi"}]).response("hello").model("gpt-5", "gpt-5-2025")
            s.tokens(150, 50, 25).cost(0.25).finish_reason("stop")
            s.tool_call("search").args({"q": 1}).result([1]).end()
        r.error(LookupError("no such order"))
        spans = captured.spans
    direct = DirectEncoder()
    assert len(spans) == 3
    assert [direct.span(span) for span in spans] == [stock(span) for span in spans]


@pytest.mark.parametrize(
    "attributes",
    [
        {"flag": True, "number": 1, "float": 1.0},
        {"number": 1, "flag": True, "float": 1.0},
        {"zero": 0, "float": -0.0, "flag": False},
        {"a": "1", "b": "1", "1": "a"},
        {"a": "same", "A": "same", "": "same"},
        {"x" * 200: "short", "x" * 20_000: "short"},
    ],
    ids=str,
)
def test_what_is_remembered_is_not_mixed_up(attributes: dict[str, Any]) -> None:
    """Values that are equal but of other types, and texts under other keys, keep their own bytes."""
    direct = DirectEncoder()
    for key, value in attributes.items():
        first, again = ended_span(attributes={key: value}), ended_span(attributes={"key": value, key: value})
        for span in (first, again, first):
            assert direct.span(span) == stock(span)


def test_remembers_within_bounds() -> None:
    """A batch in which nothing repeats is written right after there is no more room to remember."""
    direct = DirectEncoder()
    spans = [
        ReadableSpan(f"n{number}", ELSEWHERE, attributes={f"k{number}{i}": f"{i}" for i in range(100)})
        for number in range(60)
    ]
    assert [direct.span(span) for span in spans] == [stock(span) for span in spans]
    assert direct._span_attributes._remembered > 4_096
    assert len(direct._span_attributes._keys) <= 4_096
    assert direct.span(spans[-1]) == stock(spans[-1])


REFUSED: dict[str, ReadableSpan] = {
    "lone surrogate": span_with(LONE),
    "lone surrogate in a long text": span_with(LONE * 100),
    "lone surrogate in a list": span_with(["a", LONE]),
    "lone surrogate as a key": span_with(1, LONE),
    "lone surrogate as a key inside": span_with({LONE: 1}),
    "large integer": span_with(2**63),
    "small integer": span_with(-(2**63) - 1),
    "number as a key": span_with(1, 5),
    "number as a key inside": span_with({5: 1}),
    "text of a class of its own": span_with(Text("a")),
    "number of a class of its own": span_with(Number(5)),
    "key of a class of its own": span_with("text", Text("key")),
    "key that lies": span_with(1, LyingText("before")),
    "object": span_with(object()),
    "set": span_with({1}),
    "cycle": span_with(cyclic_list()),
    "too deep": span_with(deep(21)),
    "mapping too deep": span_with(deep_mapping(21)),
    "without ids": ReadableSpan("chat", None),
    "trace id": ReadableSpan("chat", SpanContext(2**128, 1, is_remote=False)),
    "negative id": ReadableSpan("chat", SpanContext(1, -1, is_remote=False)),
    "name": ReadableSpan(f"chat {LONE}", ELSEWHERE),
    "name of a class of its own": ReadableSpan(Text("chat"), ELSEWHERE),
    "no name": ReadableSpan(None, ELSEWHERE),  # type: ignore[arg-type]  # made past the SDK
    "event name": ReadableSpan("chat", ELSEWHERE, events=[Event(LONE, {}, 1)]),
    "event attribute": ReadableSpan("chat", ELSEWHERE, events=[Event("e", {"a": 2**64}, 1)]),
    "event time": ReadableSpan("chat", ELSEWHERE, events=[Event("e", {}, -1)]),
    "link attribute": ReadableSpan("chat", ELSEWHERE, links=[Link(ELSEWHERE, {"a": LONE})]),
    "status": ReadableSpan("chat", ELSEWHERE, status=Status(StatusCode.ERROR, LONE)),
    "no status": ReadableSpan("chat", ELSEWHERE, status=None),  # type: ignore[arg-type]  # made past the SDK
    "kind": ReadableSpan("chat", ELSEWHERE, kind=1),  # type: ignore[arg-type]  # made past the SDK
    "negative time": ReadableSpan("chat", ELSEWHERE, start_time=-1),
    "large time": ReadableSpan("chat", ELSEWHERE, end_time=2**64),
    "fractional time": ReadableSpan("chat", ELSEWHERE, start_time=0.5),  # type: ignore[arg-type]  # made past the SDK
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_unusual_is_refused(name: str) -> None:
    """A span with anything in it that has no certain form here raises, and the next one is not disturbed."""
    direct = DirectEncoder()
    before = span_with("text")
    assert direct.span(before) == stock(before)
    with pytest.raises(Exception):  # noqa: B017, PT011  (any class: see its docstring)
        direct.span(REFUSED[name])
    assert direct.span(before) == stock(before)


@pytest.mark.parametrize("value", [deep(20), deep_mapping(20)], ids=["lists", "mappings"])
def test_what_is_just_not_too_deep_is_written(value: Any) -> None:
    """Containers are written to the depth that every receiver parses."""
    span = span_with(value)
    assert DirectEncoder().span(span) == stock(span)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_value_is_refused_or_written_whole(name: str) -> None:
    """Each value that recorders choke on is refused, or is one that the stock encoder takes whole."""
    for span in (span_with(HOSTILE[name]()), span_with([HOSTILE[name]()])):
        written = attempt(DirectEncoder(), span)
        if written is not None:
            assert is_whole(span)
            assert written == stock(span)


def test_more_dropped_than_can_be_counted_is_refused() -> None:
    """A count beyond 32 bits has no form; it is not cut silently."""
    span = ended_span(attributes={"a": 1})
    assert span._attributes is not None
    span._attributes.dropped = 2**32  # type: ignore[attr-defined]  # the SDK's own mapping
    with pytest.raises(Exception):  # noqa: B017, PT011  (any class: see its docstring)
        DirectEncoder().span(span)


@pytest.mark.unchecked
@pytest.mark.parametrize("what", ["plain", "one set by others", "crowded", "both"])
def test_what_spans_of_a_run_share_is_written_where_it_stands(what: str) -> None:
    """Attributes that many spans start with are encoded once, and each span says all of its own, in order."""
    spans: list[OwnSpan] = []
    with capture():
        run = tcc.run("run-1", session_id="s").prompt("p")
        for number in range(3):
            step = run.step(f"step-{number}").prompt("q").response("a")
            if what in {"one set by others", "both"} and number:
                step.span.set_attribute("tcc.runId", f"another {number}")
            if what in {"crowded", "both"}:
                step.attributes({f"app.{key}": key for key in range(395 + 100 * number)})
            assert isinstance(step.span, OwnSpan)
            assert step.span.common
            spans.append(step.span)
            step.end()
        run.end()
    direct = DirectEncoder()
    for span in spans:
        assert direct.span(span) == stock(rebuilt(span))
