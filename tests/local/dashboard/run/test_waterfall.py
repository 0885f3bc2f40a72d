"""The waterfall of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contextcompany.local.dashboard.run.waterfall import MOST_DEPTH, SCALE, Waterfall, waterfall
from contextcompany.local.store.rows import RunOutline, RunRow, SpanLine
from contextcompany.semconv import attributes
from tests.local.agent_spans import feedback, run, step, tool
from tests.local.dashboard.outlines import outline
from tests.local.samples import START_NS, span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contextcompany.local.otlp.spans import SpanRecord


def _tree(found: Waterfall) -> list[tuple[int, str, str]]:
    return [
        (place.depth, place.kind, place.line.name if place.line is not None else place.run)
        for place in found.places
    ]


def _agent(name: str, **more: str) -> dict[str, str]:
    return {attributes.TCC_AGENT: name} | more


def test_spans_stand_below_those_that_called_them() -> None:
    """Nested agents, steps and tool calls are indented below their callers, earliest first."""
    root = run("r-1", _agent("host"), ms=100)
    asks = step(parent=root, start_ms=1, ms=20)
    search = tool(parent=asks, start_ms=5)
    inner = run("r-2", _agent("guest"), parent=search, start_ms=6, ms=8)
    thinks = step("r-2", model="small", parent=inner, start_ms=7, ms=2)
    lookup = span("SELECT", parent=thinks, start_ms=8, ms=1)
    fetch = tool(parent=root, name="fetch", start_ms=50)
    assert _tree(waterfall(outline([fetch, lookup, thinks, inner, search, asks, root]))) == [
        (0, "run", "host"),
        (1, "step", "gpt-5"),
        (2, "tool", "search"),
        (3, "run", "guest"),
        (4, "step", "small"),
        (5, "span", "SELECT"),
        (1, "tool", "fetch"),
    ]


def test_a_span_of_another_trace_stands_below_the_run_it_names() -> None:
    """What a run left in other processes is part of it; a nested run shows alone when asked for alone."""
    root = run("r-1", _agent("host"), ms=100)
    elsewhere = tool(start_ms=30, parent_span_id="00000000000000ff")
    delegated = run("r-2", _agent("guest", **{attributes.TCC_PARENT_RUN_ID: "r-1"}), start_ms=40)
    spans = [root, elsewhere, delegated]
    assert _tree(waterfall(outline(spans))) == [
        (0, "run", "host"),
        (1, "tool", "search"),
        (1, "run", "guest"),
    ]
    assert _tree(waterfall(outline(spans, "r-2"))) == [(0, "run", "guest")]


def test_a_run_that_has_not_ended_stands_over_its_spans() -> None:
    """Steps arrive before their run: they are shown below its id until it comes."""
    early = step("r-9", start_ms=5, ms=5)
    late = tool("r-9", trace_id=early.trace_id, start_ms=20, ms=5)
    found = waterfall(outline([early, late], "r-9"))
    assert _tree(found) == [(0, "run", "r-9"), (1, "step", "gpt-5"), (1, "tool", "search")]
    assert (found.start_ns, found.end_ns) == (early.start_ns, late.end_ns)
    assert found.places[0].line is None


def test_a_trace_without_a_run_stands_under_its_root() -> None:
    """Spans of a library that knows no runs make a tree of their own."""
    root = span("POST /chat", ms=30)
    asks = step(None, parent=root)
    assert _tree(waterfall(outline([root, asks], root.trace_id))) == [
        (0, "span", "POST /chat"),
        (1, "step", "gpt-5"),
    ]


def test_a_run_counts_what_is_in_it_once() -> None:
    """Sums include nested runs, and leave out a request that a second instrumentation saw as well."""
    root = run(ms=100)
    seen = step(parent=root, tokens=(100, 40, 10), cost=0.01)
    again = step(None, parent=seen, tokens=(100, 40, 10), cost=0.01)
    inside = tool(parent=again)
    inner = run("r-2", parent=inside)
    other = step("r-2", parent=inner, tokens=(5, 0, 1), cost=0.002)
    places = {
        place.line.span_id: place
        for place in waterfall(outline([root, seen, again, inside, inner, other])).places
        if place.line
    }
    whole = places[root.span_id]
    assert (whole.input_tokens, whole.cached_tokens, whole.output_tokens) == (105, 40, 11)
    assert whole.cost == pytest.approx(0.012)
    assert whole.below == 5
    assert places[again.span_id].is_seen_twice
    assert places[other.span_id].agents == 2


def test_bars_lie_where_their_spans_lie() -> None:
    """A bar begins and ends in proportion; none is too short to be seen, none leaves the scale."""
    root = run(ms=1000)
    half = step(parent=root, start_ms=500, ms=250)
    short = tool(parent=root, start_ms=1000, ms=0)
    before = tool(parent=root, start_ms=-500, ms=10)
    found = waterfall(outline([root, half, short]))
    bars = [found.bar(place) for place in found.places]
    assert (bars[0].x, bars[0].width) == (0, SCALE)
    assert (bars[1].x, bars[1].width) == (500, 250)
    assert bars[2].width > 1
    assert bars[2].x + bars[2].width <= SCALE
    assert waterfall(outline([root, half, short, before])).start_ns == before.start_ns


def test_feedback_does_not_stretch_the_scale() -> None:
    """A thumb of the next day stands in its line and leaves the bars as they were."""
    root = run(ms=100)
    given = feedback(start_ms=86_400_000)
    found = waterfall(outline([root, given]))
    assert [place.kind for place in found.places] == ["run", "feedback"]
    assert found.end_ns == root.end_ns


def test_nothing_in_the_tree_is_without_a_name() -> None:
    """A run without an agent goes by its id; what has no name says so, each in its words."""
    root = run()
    spans = [root, step(parent=root, model="", start_ms=1), tool(parent=root, name="", start_ms=2)]
    names = [place.name for place in waterfall(outline(spans)).places]
    assert names[1] == "no model named"
    assert all(names)


def test_the_first_failure_is_the_innermost() -> None:
    """Of a chain of failures that one is worth to be seen that began it."""
    failed = ("ERROR", "no")
    root = run(ms=100, status=failed)
    outer = tool(parent=root, start_ms=1, ms=50, status=failed)
    inner = step(parent=outer, start_ms=2, ms=10, status=failed)
    later = step(parent=root, start_ms=60, ms=10, status=failed)
    found = waterfall(outline([root, outer, inner, later])).first_failure()
    assert found is not None
    assert found.line is not None
    assert found.line.span_id == inner.span_id
    assert waterfall(outline([run()])).first_failure() is None


def test_spans_of_one_id_in_two_traces_have_keys_of_their_own() -> None:
    """Ids are unique in a trace alone; where two meet in a run, both can be chosen."""
    root = run()
    spans = [root, tool(span_id="00000000000000aa", parent=root), tool(span_id="00000000000000aa")]
    found = waterfall(outline(spans))
    keys = [place.key for place in found.places]
    assert len(set(keys)) == 3
    assert [found.number(key) for key in keys] == [0, 1, 2]
    assert found.number("00000000000000aa") is None


def test_deep_trees_are_indented_no_further() -> None:
    """A thousand levels stay on the page, each in its order, and cost no recursion."""
    spans: list[SpanRecord] = [run()]
    for number in range(1000):
        spans.append(tool(parent=spans[-1], start_ms=number))
    found = waterfall(outline(spans))
    assert len(found.places) == 1001
    assert max(place.depth for place in found.places) == MOST_DEPTH
    assert [place.start_ns for place in found.places[1:]] == [START_NS + 1_000_000 * n for n in range(1000)]


_ids = st.integers(0, 7).map("{:016x}".format)
_lines = st.builds(
    SpanLine,
    trace_id=st.sampled_from(["a" * 32, "b" * 32]),
    span_id=_ids,
    parent_span_id=st.none() | _ids,
    run=st.sampled_from(["r-1", "r-2", "r-3", "a" * 32]),
    kind=st.sampled_from(["run", "step", "tool", "feedback", "span"]),
    status=st.sampled_from(["ok", "partial", "failed"]),
    start_ns=st.integers(-(2**63), 2**63 - 1),
    end_ns=st.integers(-(2**63), 2**63 - 1),
    name=st.text(max_size=3),
    cost=st.none() | st.floats(0, 1e300),
    is_own=st.booleans(),
)
_runs = st.sampled_from(["r-1", "r-2", "r-3", "a" * 32, "r-4"])


@settings(max_examples=300)
@given(
    lines=st.lists(_lines, max_size=12, unique_by=lambda line: (line.trace_id, line.span_id)),
    parents=st.dictionaries(_runs, _runs, max_size=4),
)
def test_every_span_stands_in_one_line_however_broken_the_data(
    lines: Sequence[SpanLine], parents: dict[str, str]
) -> None:
    """Cycles of spans and runs, times that run backwards: each span is there once, each bar within bounds."""
    row = RunRow(address="r-1", trace_id="a" * 32, status="ok", start_ns=0, end_ns=1)
    found = waterfall(RunOutline(row, tuple(lines), parents))
    shown = [place.line for place in found.places if place.line is not None]
    assert sorted(shown, key=repr) == sorted(lines, key=repr)
    for place in found.places:
        bar = found.bar(place)
        assert 0 <= bar.x <= SCALE
        assert 0 < bar.width <= SCALE + 0.01 - bar.x
