"""What a step takes, seen from the two spans alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider

import contextcompany as tcc
from contextcompany.integrations.collecting.folding import folded, has
from tests.conftest import attributes_of

if TYPE_CHECKING:
    from contextcompany.testing import Captured


def ended(**attributes: Any) -> ReadableSpan:
    """Return an ended span."""
    span = TracerProvider(shutdown_on_exit=False).get_tracer("x").start_span("chat", attributes=attributes)
    span.end()
    assert isinstance(span, ReadableSpan)
    return span


def test_has() -> None:
    """Messages of either kind of instrumentation count; a step has no other fields to be filled."""
    spans = [
        ended(**{"llm.input_messages.0.message.role": "user"}),
        ended(**{"gen_ai.output.messages": "[]"}),
    ]
    assert [has(spans, field) for field in ("prompt", "response", "name")] == [True, True, False]
    assert not has([ended(**{"gen_ai.operation.name": "chat"})], "prompt")


def test_nothing_to_take(captured: Captured) -> None:
    """A step that lacks nothing is returned as it is."""
    place = tcc.run().prompt("hi")._place
    step = ended(**{"gen_ai.request.model": "mine", "gen_ai.provider.name": "openai"})
    assert folded(step, [ended(**{"gen_ai.request.model": "theirs"})], place) is step


def test_of_two_spans_the_outer_one_counts(captured: Captured) -> None:
    """What both know is taken from the first, and the step's name follows the model."""
    place = tcc.run().prompt("hi")._place
    outer = ended(**{"gen_ai.request.model": "outer"})
    inner = ended(**{"gen_ai.request.model": "inner", "gen_ai.response.id": "1"})
    step = folded(ended(), [outer, inner], place)
    assert step.name == "chat outer"
    assert attributes_of(step) == {"gen_ai.request.model": "outer", "gen_ai.response.id": "1"}


def test_counts_of_one_side_belong_together(captured: Captured) -> None:
    """Where the caller set one count of the input, none of that side is taken; of the output all are."""
    place = tcc.run().prompt("hi")._place
    counts = {
        "gen_ai.usage.input_tokens": 19,
        "gen_ai.usage.cache_read.input_tokens": 4,
        "gen_ai.usage.output_tokens": 7,
    }
    step = folded(ended(**{"gen_ai.usage.input_tokens": 1}), [ended(**counts)], place)
    assert attributes_of(step) == {"gen_ai.usage.input_tokens": 1, "gen_ai.usage.output_tokens": 7}
