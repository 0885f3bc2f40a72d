"""Resumed runs: further spans of a run, in its trace, below and linked to its first one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import contextcompany as tcc
from contextcompany.testing import capture
from tests.recording.processes import run_python
from tests.recording.rows import parent_id, span_id, trace_id_of, user, whole

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from contextcompany.local.embedded.collector import Collector
    from contextcompany.testing import Captured

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN_ID = "00f067aa0ba902b7"
CARRIER = {
    "baggage": f"tcc-run-id=far,tcc-parent=00-{TRACE_ID}-{SPAN_ID}-01,tcc-session-id=chat-1",
}


def place(span: ReadableSpan) -> tuple[str, int | None, list[int]]:
    """Return a span's trace, parent and links."""
    return trace_id_of(span), parent_id(span), [link.context.span_id for link in span.links]


def test_a_run_goes_on_in_the_process_that_began_it(captured: Captured) -> None:
    """The whole span: same id, session and user, below the first one, linked, marked, children below it."""
    with tcc.run("run-1", session_id="chat-1") as first:
        first.prompt("Pay?").metadata({"tcc.userId": "u-1"})
    with tcc.run("run-1", resume=True) as second:
        second.prompt("Yes")
        tcc.tool_call(tool_name="inside").end()
    tcc.tool_call("run-1", tool_name="later").end()
    run, inside, resumed, later = captured.spans
    assert whole(resumed) == {
        "name": "invoke_agent",
        "kind": "INTERNAL",
        "parent": span_id(first),
        "status": ("UNSET", None),
        "attributes": {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.input.messages": user("Yes"),
            "gen_ai.conversation.id": "chat-1",
            "tcc.sessionId": "chat-1",
            "tcc.runId": "run-1",
            "tcc.resumed": True,
            "tcc.userId": "u-1",
            "user.id": "u-1",
            "tcc.statusCode": 0,
        },
        "events": [],
        "links": [span_id(first)],
    }
    assert [parent_id(span) for span in (run, inside, later)] == [None, span_id(second), span_id(second)]
    assert {trace_id_of(span) for span in captured.spans} == {first.trace_id}


def test_a_second_resumption_is_below_the_first_span_too(captured: Captured) -> None:
    """However often a run is resumed, each span is below the first one and linked to it."""
    with tcc.run("run-1") as first:
        first.prompt("p")
    for _ in range(2):
        with tcc.run("run-1", resume=True) as r:
            r.prompt("p")
    assert [place(span) for span in captured.spans[1:]] == [
        (first.trace_id, span_id(first), [span_id(first)])
    ] * 2


def test_elsewhere_the_run_id_is_enough(captured: Captured) -> None:
    """A process that knows the id only continues the trace that follows from it."""
    with tcc.run("run-1", resume=True, session_id="chat-2") as r:
        r.prompt("p")
    expected = json.loads(
        run_python(
            "import contextcompany as tcc, json\nr = tcc.run('run-1')\n"
            "print(json.dumps([r.trace_id, r.span.get_span_context().span_id]))\nr.error()"
        )
    )
    (span,) = captured.spans
    assert place(span) == (expected[0], expected[1], [expected[1]])
    assert span.attributes is not None
    assert span.attributes["tcc.sessionId"] == "chat-2"


@pytest.mark.parametrize("way", ["argument", "id and argument", "attached"])
def test_a_carrier_says_where_the_run_is(captured: Captured, way: str) -> None:
    """The carrier's place counts, and it names the run if nobody else does."""
    if way == "attached":
        with tcc.attach(CARRIER), tcc.run(resume=True) as r:
            r.prompt("p")
    else:
        with tcc.run("far" if way == "id and argument" else None, resume=True, carrier=CARRIER) as r:
            r.prompt("p")
    (span,) = captured.spans
    assert place(span) == (TRACE_ID, int(SPAN_ID, 16), [int(SPAN_ID, 16)])
    assert r.run_id == "far"
    assert span.attributes is not None
    assert (span.attributes["tcc.sessionId"], "tcc.parentRunId" in span.attributes) == ("chat-1", False)


@pytest.mark.parametrize("carrier", [None, {}, {"traceparent": f"00-{TRACE_ID}-{SPAN_ID}-01"}])
def test_nothing_to_resume_is_misuse(captured: Captured, carrier: Any) -> None:
    """Without an id, and without a carrier that names a run, there is nothing to resume."""
    with tcc.run("around") as r:
        r.prompt("p")
        with pytest.raises(ValueError, match=r"run\(resume=True\) needs the id of the run"):
            tcc.run(resume=True, carrier=carrier)
    assert len(captured.spans) == 1


def test_below_an_application_the_process_knows_the_place(
    captured: Captured, application: tuple[TracerProvider, InMemorySpanExporter]
) -> None:
    """A run below an application's span is resumed in that trace, and from other traces too."""
    tracer = application[0].get_tracer("app")
    with tracer.start_as_current_span("request"), tcc.run("run-1") as first:
        first.prompt("p")
    with tracer.start_as_current_span("answer"), tcc.run("run-1", resume=True) as second:
        second.prompt("p")
    assert place(captured.spans[1]) == (first.trace_id, span_id(first), [span_id(first)])


def test_on_the_applications_provider(application: tuple[TracerProvider, InMemorySpanExporter]) -> None:
    """Shared, a resumed run is a span of the application's provider in the run's trace."""
    with tcc.run("run-1") as first:
        first.prompt("p")
    with tcc.run("run-1", resume=True) as second:
        second.prompt("p")
    one, two = application[1].get_finished_spans()
    assert place(two) == (trace_id_of(one), span_id(first), [span_id(first)])


def test_what_is_off_stays_off(captured: Captured) -> None:
    """A run whose first process records nothing is not recorded when it is resumed."""
    off = {"baggage": CARRIER["baggage"].replace("-01,", "-00,")}
    with tcc.run(resume=True, carrier=off) as r:
        r.prompt("p")
        tcc.tool_call(tool_name="t").end()
    assert (r.run_id, captured.spans) == ("far", ())


def test_a_resumed_run_keeps_its_destination(collector: Collector) -> None:
    """In the process that began the run its own collector gets the resumed span, unless another is named."""
    with capture() as elsewhere:
        with tcc.run("run-1", tcc_url=collector.url) as r:
            r.prompt("p")
        with tcc.run("run-1", resume=True) as r:
            r.prompt("p")
        assert elsewhere.spans == ()
        assert tcc.flush(20)
    assert len(collector.store.spans()) == 2


def test_a_run_of_elsewhere_with_an_id_that_is_known_here(collector: Collector) -> None:
    """The carrier tells runs with one id apart, so that nothing goes to the destination of the wrong one."""
    with capture() as captured:
        with tcc.run("far", tcc_url=collector.url, session_id="secret") as r:
            r.prompt("p")
        for run_id in (None, "far"):
            with tcc.run(run_id, resume=True, carrier=CARRIER) as again:
                again.prompt("q")
        tcc.step("far", carrier=CARRIER).error("late")
        found = [(trace_id_of(span), whole(span)["attributes"]["tcc.sessionId"]) for span in captured.spans]
    assert found == [(TRACE_ID, "chat-1")] * 3


def test_in_two_processes_with_a_person_between(collector: Collector) -> None:
    """One process asks and ends, another goes on with what was stored: one trace at the collector."""
    ask = """
    import json, contextcompany as tcc
    with tcc.run(session_id="chat-1") as r:
        r.prompt("Pay 100?").response("Please confirm.")
        print(json.dumps({"run": r.run_id, "carrier": tcc.inject()}))
    assert tcc.flush(20)
    """
    answer = """
    import json, os, contextcompany as tcc
    stored = json.loads(os.environ["STORED"])
    with tcc.run(stored["run"], resume=True, carrier=stored["carrier"]) as r:
        r.prompt("Confirmed").response("Paid.")
        with tcc.tool_call(tool_name="pay") as t:
            t.args({"amount": 100})
    assert tcc.flush(20)
    """
    stored = run_python(ask, TCC_URL=collector.url)
    run_python(answer, TCC_URL=collector.url, STORED=stored)
    spans = collector.store.spans()
    first = next(span for span in spans if span.parent_span_id is None)
    resumed = next(span for span in spans if "tcc.resumed" in span.attributes)
    tool = next(span for span in spans if span.name == "execute_tool pay")
    assert (resumed.parent_span_id, tool.parent_span_id) == (first.span_id, resumed.span_id)
    assert {span.trace_id for span in spans} == {first.trace_id}
    ids = [(span.attributes["tcc.runId"], span.attributes["tcc.sessionId"]) for span in spans]
    assert ids == [(json.loads(stored)["run"], "chat-1")] * 3
