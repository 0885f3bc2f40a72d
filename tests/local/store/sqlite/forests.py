"""Wild sets of spans for the store: a few traces, any parents, any claims, a few kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from contextcompany.semconv import attributes
from tests.local.agent_spans import feedback, run, said, step, tool
from tests.local.samples import span

if TYPE_CHECKING:
    from contextcompany.local.otlp.spans import AttributeValue, SpanRecord

TRACES = tuple(f"{number:032x}" for number in (1, 2))
RUN_IDS = (None, None, "r-1", "r-2", "r-3", TRACES[0])
_MOST_SPANS = 9
_OF_RUNS = st.fixed_dictionaries(
    {},
    optional={
        attributes.TCC_PARENT_RUN_ID: st.sampled_from(RUN_IDS[2:]),
        attributes.TCC_METADATA_PREFIX + "plan": st.sampled_from(("x", "y")),
    },
)


@st.composite
def forests(draw: st.DrawFn) -> list[SpanRecord]:
    """Draw spans; each has a span id of its own, parents are here, missing, in circles or none."""
    count = draw(st.integers(1, _MOST_SPANS))
    return [_span(draw, number, count) for number in range(count)]


def _span(draw: st.DrawFn, number: int, count: int) -> SpanRecord:
    parent = draw(st.one_of(st.none(), st.integers(0, count)))
    fields: dict[str, Any] = {
        "trace_id": draw(st.sampled_from(TRACES)),
        "span_id": f"{number + 1:016x}",
        "parent_span_id": None if parent is None else f"{parent + 1:016x}",
        "start_ms": draw(st.integers(0, 5)),
        "ms": draw(st.integers(0, 5)),
    }
    run_id = draw(st.sampled_from(RUN_IDS))
    more: dict[str, AttributeValue] = {}
    if draw(st.booleans()):
        fields["status"] = ("ERROR", "it broke")
        more[attributes.ERROR_TYPE] = "E1"
    more |= draw(
        st.fixed_dictionaries(
            {},
            optional={
                attributes.GEN_AI_INPUT_MESSAGES: st.just(said("user", f"ask {number}")),
                attributes.GEN_AI_OUTPUT_MESSAGES: st.just(said("assistant", f"answer {number}")),
                attributes.TCC_AGENT: st.sampled_from(("a", "b")),
            },
        )
    )
    kind = draw(st.sampled_from(("run", "run", "step", "step", "tool", "span", "span", "feedback")))
    if kind == "run":
        return run(run_id, more | draw(_OF_RUNS), **fields)
    if kind == "step":
        cost = draw(st.one_of(st.none(), st.floats(0, 10)))
        return step(run_id, more, model=draw(st.sampled_from("mn")), tokens=(3, 1, 2), cost=cost, **fields)
    if kind == "tool":
        return tool(run_id, more, name=draw(st.sampled_from("tu")), **fields)
    if kind == "feedback" and run_id is not None:
        return feedback(run_id, text=draw(st.sampled_from((None, "good", "bad"))), **fields)
    own: dict[str, AttributeValue] = {} if run_id is None else {attributes.TCC_RUN_ID: run_id}
    return span("GET /", own | more, **fields)
