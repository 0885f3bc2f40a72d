"""Spans find their place below their runs."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextcompany.local.reading.grouping import Node, Totals, runs, totals, usage
from contextcompany.local.reading.read import read
from contextcompany.local.reading.reading import Reading
from contextcompany.semconv import attributes
from tests.local import foreign_spans
from tests.local.agent_spans import feedback, run, step, tool
from tests.local.samples import span

if TYPE_CHECKING:
    from contextcompany.local.otlp.spans import SpanRecord


def _shape(node: Node) -> Any:
    """Write a node as kind, id, and the shapes of its children."""
    name = node.span.span_id if node.span is not None else node.run_id
    mark = "?" if node.is_orphan else ""
    return (node.kind + mark, name, [_shape(child) for child in node.children])


def _shapes(*spans: SpanRecord) -> Any:
    """Group spans, given in any order, and write what stands at the top."""
    forward = [_shape(node) for node in runs(spans)]
    assert [_shape(node) for node in runs(reversed(spans))] == forward
    return forward


def test_children_stand_below_their_parents_in_the_order_of_time() -> None:
    """Steps below the run, a tool call below the step that asked for it, feedback below the run."""
    top = run(span_id="run")
    second = step(parent=top, span_id="second", start_ms=5)
    first = step(parent=top, span_id="first", start_ms=1)
    call = tool(parent=first, span_id="call", start_ms=2)
    word = feedback(parent=top, span_id="word", start_ms=90)
    assert _shapes(top, second, first, call, word) == [
        (
            "run",
            "run",
            [("step", "first", [("tool", "call", [])]), ("step", "second", []), ("feedback", "word", [])],
        )
    ]


def test_runs_are_ordered_by_their_start() -> None:
    """What stands at the top comes in the order in which it began."""
    late, early = run("late", span_id="late", start_ms=10), run("early", span_id="early", start_ms=1)
    assert _shapes(late, early) == [("run", "early", []), ("run", "late", [])]


def test_a_step_of_another_trace_joins_its_run_by_run_id() -> None:
    """What another process recorded with a run id alone is shown in the run."""
    top = run(span_id="run")
    far = step(span_id="far", start_ms=1)
    word = feedback(span_id="word", start_ms=2)
    assert far.trace_id != top.trace_id
    assert _shapes(top, far, word) == [("run", "run", [("step", "far", []), ("feedback", "word", [])])]


def test_the_run_id_goes_before_the_span_around() -> None:
    """A step of one run, made inside another, belongs to the run it names."""
    one, other = run("r-1", span_id="one"), run("r-2", span_id="other", start_ms=1)
    inside = step("r-1", parent=other, span_id="inside", start_ms=2)
    assert _shapes(one, other, inside) == [("run", "one", [("step", "inside", [])]), ("run", "other", [])]


def test_spans_of_others_between_a_run_and_its_step_stay_there() -> None:
    """Bare spans carry no run id; the step below them stays below them."""
    top = run(span_id="run")
    request = span("POST", parent=top, span_id="post", start_ms=1)
    inner = step(parent=request, span_id="step", start_ms=2)
    assert _shapes(top, request, inner) == [("run", "run", [("span", "post", [("step", "step", [])])])]


def test_a_nested_run_stands_below_what_started_it() -> None:
    """A delegated run is below the tool call that delegated."""
    top = run(span_id="run")
    call = tool(parent=top, span_id="call", start_ms=1)
    inner = run("r-2", {attributes.TCC_PARENT_RUN_ID: "r-1"}, parent=call, span_id="inner", start_ms=2)
    below = step("r-2", parent=inner, span_id="below", start_ms=3)
    assert _shapes(top, call, inner, below) == [
        ("run", "run", [("tool", "call", [("run", "inner", [("step", "below", [])])])])
    ]


def test_a_nested_run_of_another_trace_is_found_by_its_parent_run() -> None:
    """Without the span that started it, the run it came from is the place."""
    top = run(span_id="run")
    remote = run("r-2", {attributes.TCC_PARENT_RUN_ID: "r-1"}, span_id="remote", start_ms=2)
    lost = run("r-3", {attributes.TCC_PARENT_RUN_ID: "gone"}, span_id="lost", start_ms=3)
    itself = run("r-4", {attributes.TCC_PARENT_RUN_ID: "r-4"}, span_id="self", start_ms=4)
    assert _shapes(top, remote, lost, itself) == [
        ("run", "run", [("run", "remote", [])]),
        ("run", "lost", []),
        ("run", "self", []),
    ]


def test_a_run_below_an_application_span_stands_below_it() -> None:
    """The application's own tree is shown as it is, with the run in its place."""
    request = span("GET /chat", span_id="get")
    top = run(parent=request, span_id="run", start_ms=1)
    query = span("SELECT", parent=request, span_id="select", start_ms=2)
    assert _shapes(request, top, query) == [("span", "get", [("run", "run", []), ("span", "select", [])])]


def test_a_run_whose_parent_never_came_is_a_root() -> None:
    """A run below an application span that went elsewhere is a tree of its own."""
    assert _shapes(run(span_id="run", parent_span_id="elsewhere")) == [("run?", "run", [])]


def test_an_orphan_stands_below_its_run() -> None:
    """A step whose parent span did not arrive is shown in its run, and marked."""
    top = run(span_id="run")
    orphan = step(trace_id=top.trace_id, parent_span_id="lost", span_id="orphan", start_ms=1)
    assert _shapes(top, orphan) == [("run", "run", [("step?", "orphan", [])])]


def test_a_run_whose_own_span_is_missing_still_holds_its_steps() -> None:
    """Steps of a run that has not ended yet are shown together under its id, in whatever trace."""
    one, two = step("r-9", span_id="one", start_ms=1), tool("r-9", span_id="two", start_ms=2, ms=30)
    (node,) = runs([one, two])
    assert _shape(node) == ("run", "r-9", [("step", "one", []), ("tool", "two", [])])
    assert (node.span, node.start_ns, node.end_ns) == (None, one.start_ns, two.end_ns)


def test_a_trace_without_a_run_is_a_tree_below_its_root() -> None:
    """Spans that know nothing of runs are shown as the trace they are."""
    root = span("GET", span_id="get")
    child = span("SELECT", parent=root, span_id="select", start_ms=1)
    bare = step(None, span_id="bare", start_ms=5)
    assert _shapes(root, child, bare) == [("span", "get", [("span", "select", [])]), ("step", "bare", [])]


def test_of_two_runs_with_one_id_the_step_takes_that_of_its_trace_else_the_latest_begun() -> None:
    """A run id used twice does not mix the runs up."""
    first, second = run(span_id="first"), run(span_id="second", start_ms=100)
    near = step(trace_id=first.trace_id, parent_span_id="lost", span_id="near", start_ms=150)
    far = step(span_id="far", start_ms=150)
    early = step(span_id="early", start_ms=50)
    before = step(span_id="before", start_ms=-50)
    assert _shapes(first, second, near, far, early, before) == [
        ("run", "first", [("step", "before", []), ("step", "early", []), ("step?", "near", [])]),
        ("run", "second", [("step", "far", [])]),
    ]


def test_a_span_given_twice_is_shown_once() -> None:
    """Duplicates do not double anything."""
    top = run(span_id="run")
    assert _shapes(top, top) == [("run", "run", [])]


def test_cycles_are_cut_at_their_earliest_span() -> None:
    """Broken parents cannot make spans vanish or loop."""
    one = replace(span("one", span_id="one", start_ms=1), parent_span_id="two", trace_id="t")
    two = replace(span("two", span_id="two", start_ms=2), parent_span_id="one", trace_id="t")
    itself = replace(span("self", span_id="self", start_ms=3), parent_span_id="self", trace_id="t")
    assert _shapes(one, two, itself) == [("span", "one", [("span", "two", [])]), ("span", "self", [])]
    a = run("a", {attributes.TCC_PARENT_RUN_ID: "b"}, span_id="a", start_ms=4)
    b = run("b", {attributes.TCC_PARENT_RUN_ID: "a"}, span_id="b", start_ms=5)
    assert _shapes(a, b) == [("run", "a", [("run", "b", [])])]


def test_deep_trees_end_on_a_level_that_can_be_drawn() -> None:
    """However deep the nesting, all spans are there and no recursion is."""
    chain = [run(span_id="0")]
    for number in range(1, 3_000):
        chain.append(span(parent=chain[-1], span_id=str(number), start_ms=number))
    (node,) = runs(chain)
    depth, seen, level = 0, 1, node.children
    while level:
        depth, seen = depth + 1, seen + len(level)
        level = [child for parent in level for child in parent.children]
    assert (depth, seen) == (20, 3_000)


def test_attributes_of_the_wrong_type_do_no_harm() -> None:
    """Ids and names that are no text are as good as absent."""
    odd = span(
        attributes={
            attributes.TCC_RUN_ID: 7,
            attributes.GEN_AI_OPERATION_NAME: {"a": ()},
            attributes.TCC_PARENT_RUN_ID: {"a": 1},
        },
        span_id="odd",
    )
    parentless = run(more={attributes.TCC_PARENT_RUN_ID: {"a": 1}}, span_id="run", start_ms=1)
    assert _shapes(odd, parentless) == [("span", "odd", []), ("run", "run", [])]


_IDS = st.sampled_from(["a", "b", "c", "d", "e", "f"])


@given(
    st.lists(
        st.tuples(_IDS, st.none() | _IDS, st.sampled_from([run, step, tool, feedback, span]), _IDS, _IDS),
        max_size=12,
    )
)
def test_every_span_has_exactly_one_place(
    drawn: list[tuple[str, str | None, Any, str, str]],
) -> None:
    """Whatever the parents and run ids are, each span appears once and siblings are in order."""
    spans = []
    for number, (span_id, parent_id, make, run_id, parent_run) in enumerate(drawn):
        more = {} if make in {feedback, span} else {"more": {attributes.TCC_PARENT_RUN_ID: parent_run}}
        given_run = {} if make is span else {"run_id": run_id}
        spans.append(
            make(
                **given_run,
                **more,
                span_id=span_id,
                trace_id="t" if number % 2 else "u",
                parent_span_id=parent_id,
                start_ms=number * 7 % 5,
            )
        )
    seen: list[tuple[str, str]] = []
    waiting = runs(spans)
    while waiting:
        assert all(a.start_ns <= b.start_ns for a, b in pairwise(waiting))
        below = []
        for node in waiting:
            if node.span is not None:
                seen.append((node.span.trace_id, node.span.span_id))
            assert all(a.start_ns <= b.start_ns for a, b in pairwise(node.children))
            below.extend(node.children)
        waiting = sorted(below, key=lambda node: node.start_ns)
    assert sorted(seen) == sorted({(span.trace_id, span.span_id) for span in spans})


def test_totals_add_up_the_steps_at_and_below_a_run() -> None:
    """Tokens and costs of nested runs count, models are named once."""
    top = run()
    inner = run("r-2", parent=top, start_ms=3)
    (node,) = runs(
        [
            top,
            step(parent=top, tokens=(100, 40, 10), cost=0.25, start_ms=1),
            step(parent=top, model="gpt-5-mini", tokens=(50, 0, 5), cost=0.5, start_ms=2),
            inner,
            step("r-2", parent=inner, model="house-model", tokens=(7, 0, 3), start_ms=4),
        ]
    )
    assert totals(node) == Totals(3, ("gpt-5", "gpt-5-mini", "house-model"), 157, 40, 18, 0.75, 1)


def test_a_request_seen_by_two_instrumentations_counts_once() -> None:
    """A step directly below a step is the same request; below a tool call it is another one."""
    top = run()
    ours = step(parent=top, tokens=(100, 0, 10), cost=0.25, start_ms=1)
    theirs = step(None, parent=ours, tokens=(100, 0, 10), start_ms=2)
    call = tool(parent=ours, start_ms=3)
    delegated = step(parent=call, tokens=(8, 0, 2), cost=0.5, start_ms=4)
    (node,) = runs([top, ours, theirs, call, delegated])
    assert totals(node) == Totals(2, ("gpt-5",), 108, 0, 12, 0.75, 0)


def test_a_run_without_steps_used_nothing() -> None:
    """No steps, no models, no cost."""
    (node,) = runs([run()])
    assert totals(node) == Totals(0, (), 0, 0, 0, None, 0)


def test_the_answering_model_is_named_and_a_failed_step_names_none() -> None:
    """The version that answered goes before the name that was asked for."""
    answered = step(more={attributes.GEN_AI_RESPONSE_MODEL: "gpt-5-2025-08-07"})
    assert usage(answered).models == ("gpt-5-2025-08-07",)
    assert usage(step()).models == ("gpt-5",)
    assert usage(step(status=("ERROR", ""))).models == ()


@pytest.mark.parametrize("value", ["12", True, -1, float("nan"), float("inf"), (1,), None])
def test_counts_and_costs_that_are_no_amounts_are_left_out(value: Any) -> None:
    """Broken numbers do not spoil a sum."""
    odd = step(
        model="house-model",
        more={
            attributes.GEN_AI_USAGE_INPUT_TOKENS: value,
            attributes.GEN_AI_USAGE_OUTPUT_TOKENS: 3,
            attributes.TCC_COST: value,
        },
    )
    assert usage(odd) == Totals(1, ("house-model",), 0, 0, 3, None, 1)


def test_agents_of_others_are_runs_with_what_happened_below_them() -> None:
    """A workflow, its agents, requests and tools are a tree like ours, and its steps are added up."""
    top = span("support.workflow", foreign_spans.OPENLLMETRY_WORKFLOW, span_id="top")
    task = span("prepare.task", foreign_spans.OPENLLMETRY_TASK, parent=top, span_id="task", start_ms=1)
    agent = span("agent", foreign_spans.OPENINFERENCE_AGENT, parent=task, span_id="agent", start_ms=2)
    chat = span("openai.chat", foreign_spans.OPENLLMETRY_CHAT, parent=agent, span_id="chat", start_ms=3)
    call = span("find.tool", foreign_spans.OPENLLMETRY_TOOL, parent=agent, span_id="call", start_ms=4)
    assert _shapes(top, task, agent, chat, call) == [
        ("run", "top", [("span", "task", [("run", "agent", [("step", "chat", []), ("tool", "call", [])])])])
    ]
    (node,) = runs([top, task, agent, chat, call])
    assert totals(node) == Totals(1, ("gpt-4o-2024-08-06",), 1_000, 0, 100, 0.0035, 0)


def test_a_node_says_what_its_span_says() -> None:
    """Also of a run whose span is missing, as far as it is known."""
    (node,) = runs([step("r-9", tokens=(1, 0, 1))])
    assert node.reading == Reading("run", name="r-9", run_id="r-9")
    (child,) = node.children
    assert child.span is not None
    assert child.reading == read(child.span)
    assert child.reading is child.reading
