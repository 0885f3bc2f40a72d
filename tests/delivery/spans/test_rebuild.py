"""Copies of ended spans."""

from __future__ import annotations

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.trace import Link, Status, StatusCode

from contextcompany.delivery.spans.rebuild import RedactedSpan, rebuilt
from tests.handmade import ELSEWHERE, STEP, ended_span, whole


def crowded() -> ReadableSpan:
    """Return a span that lost attributes, events and links to the limits of its provider."""
    return ended_span(
        "chat gpt-4o",
        {**{f"k{number}": number for number in range(9)}, "list": ["a", "b"], "flag": True, "part": 0.5},
        events=[(f"event-{number}", {"n": number}) for number in range(5)],
        links=[Link(ELSEWHERE, {"n": number}) for number in range(4)],
        limits=SpanLimits(max_span_attributes=8, max_events=3, max_links=2),
        status=Status(StatusCode.ERROR, "why"),
    )


def test_a_copy_is_the_same_span() -> None:
    """A copy without changes equals its original, in what it holds, what was dropped, and on the wire."""
    span = crowded()
    copy = rebuilt(span)
    assert copy is not span
    assert type(copy) is ReadableSpan
    assert whole(copy) == whole(span)
    assert whole(copy)["dropped"] == (4, 2, 2)
    assert encode_spans([copy]) == encode_spans([span])
    assert copy.to_json() == span.to_json()


def test_a_copy_of_a_plain_span() -> None:
    """A span without attributes, events and links is copied too."""
    span = ended_span("bare")
    assert whole(rebuilt(span)) == whole(span)
    assert encode_spans([rebuilt(span)]) == encode_spans([span])


def test_a_copy_of_a_span_made_without_the_sdk() -> None:
    """A span built by hand, without context, times and collections, is copied as it is."""
    span = ReadableSpan("bare")
    assert whole(rebuilt(span)) == whole(span)


def test_changes_are_in_the_copy_alone() -> None:
    """Further attributes and another status are all that differs, and the original keeps its own."""
    span = crowded()
    before = whole(span)
    copy = rebuilt(
        span, add={"k8": "new", "tcc.violations": ["step.prompt"]}, status=Status(StatusCode.UNSET)
    )
    assert whole(span) == before
    assert whole(copy) == {
        **before,
        "attributes": {**before["attributes"], "k8": "new", "tcc.violations": ("step.prompt",)},
        "status": (StatusCode.UNSET, None),
    }


def test_other_attributes_links_and_another_name() -> None:
    """What is given stands in the place of what the span had; the counts of what was dropped stay."""
    span = crowded()
    link = Link(ELSEWHERE, {"n": "other"})
    copy = rebuilt(span, attributes={"a": 1}, add={"b": 2}, links=[link], name="other")
    assert whole(copy) == {
        **whole(span),
        "name": "other",
        "attributes": {"a": 1, "b": 2},
        "links": [(ELSEWHERE, {"n": "other"})],
    }


def test_the_mark_of_redaction_stays() -> None:
    """Each copy of a redacted span is a redacted span, and no other copy is one."""
    assert not isinstance(rebuilt(crowded()), RedactedSpan)
    marked = rebuilt(crowded(), redacted=True)
    assert isinstance(marked, RedactedSpan)
    assert isinstance(rebuilt(marked, add={"a": 1}), RedactedSpan)
    assert encode_spans([marked]) == encode_spans([rebuilt(marked)])


def test_a_copy_is_frozen_and_shares_nothing_mutable() -> None:
    """What is still done to an open original does not reach a copy that was made before."""
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("t")
    span = tracer.start_span("open", attributes=STEP)
    assert isinstance(span, ReadableSpan)
    copy = rebuilt(span)
    before = whole(copy)
    span.set_attribute("late", 1)
    span.add_event("late")
    span.add_link(ELSEWHERE)
    assert whole(copy) == before
    span.end()
