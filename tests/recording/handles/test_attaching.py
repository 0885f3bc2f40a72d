"""Attaching carriers: what is recorded inside lands in the run of another process, or below others' spans."""

from __future__ import annotations

import asyncio
import contextvars
import http.client
import json
import logging
import os
import queue
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

import contextcompany as tcc
from contextcompany.propagation import ids
from contextcompany.testing import capture
from tests.recording.processes import run_python
from tests.recording.rows import parent_id, parsed, span_id, trace_id_of

if TYPE_CHECKING:
    from collections.abc import Generator

    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from contextcompany.local.embedded.collector import Collector
    from contextcompany.testing import Captured

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN_ID = "00f067aa0ba902b7"
FOREIGN = {"traceparent": f"00-{TRACE_ID}-{SPAN_ID}-01"}
OURS = {
    "traceparent": f"00-{'1' * 32}-{'2' * 16}-01",
    "baggage": f"tcc-run-id=far,tcc-parent=00-{TRACE_ID}-{SPAN_ID}-01,tcc-session-id=chat-1",
}
OFF = {"baggage": OURS["baggage"].replace(f"{SPAN_ID}-01", f"{SPAN_ID}-00")}
SECONDS = 20

Row = tuple[str, str, int | None, Any, Any, Any]


def row(span: ReadableSpan) -> Row:
    """Return where a span stands: name, trace, parent, run, run around it, session."""
    found = parsed(span)
    return (
        span.name,
        trace_id_of(span),
        parent_id(span),
        found["tcc.runId"],
        found.get("tcc.parentRunId"),
        found.get("tcc.sessionId"),
    )


def work() -> tcc.Run:
    """Record one of each kind, without saying which run it belongs to."""
    with tcc.step() as s:
        s.prompt("q").response("a")
        s.tool_call("inner").end()
    tcc.tool_call(tool_name="outer").end()
    tcc.submit_feedback(score="thumbs_up")
    with tcc.run("near") as near:
        near.prompt("p")
        near.tool_call("sub").end()
    return near


def test_all_that_is_recorded_inside_lands_in_the_run(captured: Captured) -> None:
    """Steps, tool calls, feedback and runs inside the block need no id: they go below the carrier's place."""
    with tcc.attach(OURS) as far:
        near = work()
        assert far is not None
        assert (far.run_id, far.trace_id) == ("far", TRACE_ID)
        assert tcc.current_run() is not None
    assert tcc.current_run() is None
    parent = int(SPAN_ID, 16)
    step = next(span for span in captured.spans if span.name == "chat")
    assert step.context is not None
    assert [row(span) for span in captured.spans] == [
        ("execute_tool inner", TRACE_ID, step.context.span_id, "far", None, "chat-1"),
        ("chat", TRACE_ID, parent, "far", None, "chat-1"),
        ("execute_tool outer", TRACE_ID, parent, "far", None, "chat-1"),
        ("tcc.feedback", TRACE_ID, parent, "far", None, "chat-1"),
        ("execute_tool sub", TRACE_ID, span_id(near), "near", None, "chat-1"),
        ("invoke_agent", TRACE_ID, parent, "near", "far", "chat-1"),
    ]


def test_what_attach_gives_takes_children_and_ends_nothing(
    captured: Captured, caplog: pytest.LogCaptureFixture
) -> None:
    """The run of elsewhere takes steps and feedback; its setters do nothing, with one warning."""
    with tcc.attach(OURS):
        far = tcc.current_run()
        assert far is not None
        far.prompt("p").metadata(a=1).response("r")
        far.end()
        far.step("s").prompt("q").response("a").end()
        far.feedback("thumbs_down")
    assert [(span.name, trace_id_of(span), parent_id(span)) for span in captured.spans] == [
        ("chat", TRACE_ID, int(SPAN_ID, 16)),
        ("tcc.feedback", TRACE_ID, int(SPAN_ID, 16)),
    ]
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "a run that was copied, or began in another process, is not recorded here"
    ]


def test_user_and_organisation_come_along_when_asked_for(captured: Captured) -> None:
    """The ids of user and organisation stay here, unless `identity=True` sends them."""
    identity = {"tcc.userId": "u-1", "tcc.userName": "Ada", "tcc.orgId": "o-1"}
    with tcc.run("run-1") as r:
        r.prompt("p").metadata(identity)
        plain, told = tcc.inject(), tcc.inject(identity=True)
    assert "u-1" not in json.dumps(dict(plain))
    script = (
        "import contextcompany as tcc, os, json\nwith tcc.attach(json.loads(os.environ['C'])) as r:\n    "
    )
    script += "print(json.dumps([r.run_id, *sorted(r._place.identity.items())]))"
    assert run_python(script, C=json.dumps(dict(plain))) == '["run-1"]'
    assert json.loads(run_python(script, C=json.dumps(dict(told)))) == [
        "run-1",
        ["tcc.orgId", "o-1"],
        ["tcc.userId", "u-1"],
    ]
    assert captured.named("invoke_agent")


@pytest.mark.parametrize("application_has_one", [True, False], ids=["beside a provider", "alone"])
def test_a_foreign_carrier_is_the_parent_of_root_runs(
    captured: Captured, application_has_one: bool, request: pytest.FixtureRequest
) -> None:
    """With only the trace context of others no run is current, and a root run nests below it."""
    if application_has_one:
        request.getfixturevalue("application")
    with tcc.attach(FOREIGN) as far:
        assert (far, tcc.current_run()) == (None, None)
        with pytest.raises(ValueError, match="no run is current"):
            tcc.step()
        tcc.run("a").prompt("p").end()
    tcc.run("b").prompt("p").end()
    (a, b) = captured.spans
    assert row(a) == ("invoke_agent", TRACE_ID, int(SPAN_ID, 16), "a", None, None)
    assert parent_id(b) is None


def test_an_unsampled_foreign_parent_loses_no_run(captured: Captured) -> None:
    """The sampling of others does not decide about our runs."""
    with tcc.attach({"traceparent": FOREIGN["traceparent"][:-1] + "0"}):
        tcc.run("a").prompt("p").end()
    assert [(trace_id_of(span), parent_id(span)) for span in captured.spans] == [(TRACE_ID, int(SPAN_ID, 16))]


def test_the_applications_own_span_wins(
    captured: Captured, application: tuple[TracerProvider, InMemorySpanExporter]
) -> None:
    """Where the application has a current span, a foreign carrier changes nothing."""
    with (
        application[0].get_tracer("app").start_as_current_span("request") as host,
        tcc.attach(FOREIGN),
    ):
        tcc.run("a").prompt("p").end()
    (span,) = captured.spans
    assert parent_id(span) == host.get_span_context().span_id


def test_links_instead_of_foreign_parents() -> None:
    """With `foreign_parent="link"` a root run in the block is a root, linked to the carrier's span."""
    with capture(foreign_parent="link") as captured, tcc.attach(FOREIGN):
        tcc.run("a").prompt("p").end()
    (span,) = captured.spans
    assert (parent_id(span), [link.context.span_id for link in span.links]) == (None, [int(SPAN_ID, 16)])


@pytest.mark.parametrize("carrier", [OURS, FOREIGN])
def test_the_applications_context_is_never_written(
    captured: Captured,
    application: tuple[TracerProvider, InMemorySpanExporter],
    carrier: dict[str, str],
) -> None:
    """Beside a provider of the application its spans in the block have the parents they would have had."""
    tracer = application[0].get_tracer("app")
    with tcc.attach(carrier), tracer.start_as_current_span("outer"):
        assert not trace.get_current_span().get_span_context().is_remote
        tracer.start_span("inner").end()
    inner, outer = application[1].get_finished_spans()
    assert outer.context is not None
    assert (outer.parent, parent_id(inner)) == (None, outer.context.span_id)
    assert captured.spans == ()


@pytest.mark.parametrize("carrier", [OURS, FOREIGN])
@pytest.mark.usefixtures("captured")
def test_alone_the_context_is_set_and_put_back(carrier: dict[str, str]) -> None:
    """Where the application has no provider, bare instrumentations see the carrier's span in the block."""
    with tcc.attach(carrier):
        assert trace.get_current_span().get_span_context().span_id == int(SPAN_ID, 16)
    assert trace.get_current_span() is trace.INVALID_SPAN


def test_a_run_that_is_not_sampled_is_not_recorded(captured: Captured) -> None:
    """The first process decides: with its flag off, nothing inside the block is recorded."""
    with tcc.attach(OFF) as far:
        assert far is not None
        assert (far.run_id, tcc.run("x").run_id) == ("far", "x")
        near = work()
        assert near.trace_id == "0" * 32
        assert tcc.inject()["baggage"].startswith("tcc-run-id=far,tcc-parent=00-")
        assert read_flags(tcc.inject()) == "00"
    assert captured.spans == ()


def read_flags(carrier: Any) -> str:
    """Return the flags of our parent in a carrier."""
    return str(carrier["baggage"].partition("tcc-parent=")[2].partition(",")[0][-2:])


def test_inside_of_what_is_off_nothing_is_injected_but_that() -> None:
    """A switched-off process hands on its run id with the flag off, and starts no trace for others."""
    with capture(disabled=True), tcc.run("run-1", session_id="chat-1") as r:
        r.prompt("p")
        carrier = tcc.inject()
    assert read_flags(carrier) == "00"
    with capture() as captured, tcc.attach(carrier) as far:
        work()
        assert far is not None
        assert far.run_id == "run-1"
    assert captured.spans == ()


def test_what_the_applications_sampler_left_out_stays_out() -> None:
    """On a provider that samples nothing the run is off, and so it is in the next process."""
    provider = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    with capture(tracer_provider=provider), tcc.run("run-1") as r:
        r.prompt("p")
        carrier = tcc.inject()
    assert [int(flags, 16) & 1 for flags in (read_flags(carrier), carrier["traceparent"][-2:])] == [0, 0]
    with capture() as captured, tcc.attach(carrier):
        work()
    assert captured.spans == ()


@pytest.mark.usefixtures("application")
def test_what_is_off_does_not_switch_off_the_application() -> None:
    """Beside a provider of the application no unsampled trace is started for its services elsewhere."""
    with capture(disabled=True), tcc.run("run-1") as r:
        r.prompt("p")
        assert set(tcc.inject()) == {"baggage"}


@pytest.mark.parametrize(
    "carrier", [None, {}, {"traceparent": "junk"}, {"baggage": "tcc-session-id=1"}, 5, ["x"], {1: 2}]
)
def test_a_carrier_of_nothing_changes_nothing(captured: Captured, carrier: Any) -> None:
    """Inside a block of a malformed carrier, or none, everything is as outside of it."""
    with tcc.run("here") as here:
        here.prompt("p")
        with tcc.attach(carrier) as far:
            assert (far, tcc.current_run()) == (None, here)
            tcc.tool_call(tool_name="t").end()
    tool, _ = captured.spans
    assert (parent_id(tool), parsed(tool)["tcc.runId"]) == (span_id(here), "here")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["traceparent", "baggage", "tracestate"]),
        st.text() | st.from_regex(r"tcc-run-id=[^,]+(,tcc-(parent|session-id)=[^,]*)*", fullmatch=True),
    )
)
def test_no_carrier_raises(captured: Captured, carrier: dict[str, str]) -> None:
    """Rule 9: whatever comes from another machine, recording inside the block works."""
    with tcc.attach(carrier), tcc.run() as r:
        r.prompt("p")
    assert captured.spans[-1].name == "invoke_agent"


def test_blocks_nest_and_are_left_by_value(captured: Captured) -> None:
    """The inner carrier counts, then the outer again; leaving elsewhere changes nothing there."""
    second = {"baggage": f"tcc-run-id=second,tcc-parent=00-{TRACE_ID}-{'3' * 16}-01"}
    with tcc.attach(OURS):
        with tcc.attach(second):
            tcc.tool_call(tool_name="a").end()
        tcc.tool_call(tool_name="b").end()
    block = tcc.attach(OURS)
    contextvars.copy_context().run(block.__enter__)
    with tcc.attach(second):
        block.__exit__(None, None, None)
        tcc.tool_call(tool_name="c").end()
    assert [parsed(span)["tcc.runId"] for span in captured.spans] == ["second", "far", "second"]


async def test_tasks_attach_each_their_own(captured: Captured) -> None:
    """In async code each task has its own carrier, also across awaits."""
    barrier = asyncio.Barrier(4)

    async def handle(number: int) -> None:
        with tcc.attach({"baggage": f"tcc-run-id=run-{number}"}):
            await barrier.wait()
            async with tcc.step(step_id=str(number)) as s:
                await barrier.wait()
                s.prompt("q").response("a")

    await asyncio.gather(*(handle(number) for number in range(4)))
    found = [(parsed(span)["tcc.runId"], parsed(span)["tcc.stepId"]) for span in captured.spans]
    assert sorted(found) == [(f"run-{number}", str(number)) for number in range(4)]


@pytest.mark.parametrize("carrier", [FOREIGN, OURS])
async def test_a_task_that_outlives_the_block_begins_anew(
    captured: Captured, carrier: dict[str, str]
) -> None:
    """A run that a task starts after the block was left is a root of its own, in its own trace."""
    is_left = asyncio.Event()

    async def later() -> None:
        await is_left.wait()
        with tcc.run("later") as r:
            r.prompt("hi")

    with tcc.attach(carrier):
        task = asyncio.create_task(later())
        await asyncio.sleep(0)
    is_left.set()
    await task
    trace_id = trace.format_trace_id(ids.derived_ids("later")[0])
    assert [row(span) for span in captured.spans] == [("invoke_agent", trace_id, None, "later", None, None)]


@pytest.mark.parametrize("carrier", [FOREIGN, OURS])
def test_a_block_inside_a_generator(captured: Captured, carrier: dict[str, str]) -> None:
    """What is attached in a generator is so there alone, not for its consumer."""

    def parts() -> Generator[None]:
        with tcc.attach(carrier):
            yield
            tcc.run("inside").prompt("p").end()

    generator = parts()
    next(generator)
    assert tcc.current_run() is None
    tcc.run("outside").prompt("p").end()
    assert list(generator) == []
    outside, inside = captured.spans
    assert (parent_id(outside), parent_id(inside)) == (None, int(SPAN_ID, 16))


def test_in_one_process_the_run_keeps_its_destination(collector: Collector) -> None:
    """A thread that gets a carrier of a run of this process sends to that run's own collector."""
    with capture() as elsewhere:
        with tcc.run("run-1", tcc_url=collector.url) as r:
            r.prompt("p")
            jobs: queue.Queue[Any] = queue.Queue()
            jobs.put({"body": "resize", "headers": tcc.inject({})})

            def worker() -> None:
                with tcc.attach(jobs.get(timeout=SECONDS)["headers"]):
                    tcc.tool_call(tool_name="resize").end()

            thread = threading.Thread(target=worker)
            thread.start()
            thread.join(SECONDS)
        assert tcc.flush(SECONDS)
        assert elsewhere.spans == ()
    tool, run = collector.store.spans()
    assert (tool.parent_span_id, tool.trace_id) == (run.span_id, run.trace_id)


def test_the_same_run_id_in_another_trace_is_another_run(collector: Collector) -> None:
    """What belongs to a run of elsewhere does not go to the destination of one here with its id."""
    with capture() as elsewhere:
        with tcc.run("far", tcc_url=collector.url, session_id="secret") as r:
            r.prompt("p").metadata({"tcc.userId": "u-1"})
        with tcc.attach({"baggage": f"tcc-run-id=far,{FOREIGN_PARENT}"}):
            tcc.tool_call(tool_name="t").end()
        (span,) = elsewhere.spans
    assert not {"tcc.sessionId", "tcc.userId"} & set(parsed(span))


FOREIGN_PARENT = f"tcc-parent=00-{TRACE_ID}-{SPAN_ID}-01"


def test_over_http(captured: Captured) -> None:
    """A service behind HTTP records into the run of its caller, whatever the case of its headers."""

    class Service(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with tcc.attach(self.headers):  # type: ignore[arg-type]  # a Message has items() too
                tcc.tool_call(tool_name="served").end()
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Service) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        with tcc.run("run-1") as r, tcc.step() as s:
            r.prompt("p")
            s.prompt("q").response("a")
            client = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=SECONDS)
            client.request("GET", "/", headers=tcc.inject({"BAGGAGE": "app=1"}))
            assert client.getresponse().status == 204
            client.close()
        thread.join(SECONDS)
    tool, step, run = captured.spans
    assert [(span.name, parent_id(span)) for span in (tool, step, run)] == [
        ("execute_tool served", span_id(s)),
        ("chat", span_id(r)),
        ("invoke_agent", None),
    ]


def test_over_environment_variables(collector: Collector) -> None:
    """A program started with our variables records into the run of the one that started it."""
    script = """
    import os, contextcompany as tcc
    with tcc.attach(os.environ):
        with tcc.run("sub") as sub:
            sub.prompt("p")
            tcc.tool_call(tool_name="t").end()
    assert tcc.flush(20)
    """
    with tcc.run("run-1", session_id="chat-1") as r:
        r.prompt("p")
        carrier = tcc.inject(environment=True)
        run_python(script, TCC_URL=collector.url, **carrier)
    assert tcc.flush(SECONDS)
    spans = {span.name: span for span in collector.store.spans() if span.attributes["tcc.runId"] == "sub"}
    (run,) = (span for span in collector.store.spans() if span.attributes["tcc.runId"] == "run-1")
    sub, tool = spans["invoke_agent"], spans["execute_tool t"]
    assert (sub.trace_id, sub.parent_span_id, tool.parent_span_id) == (run.trace_id, run.span_id, sub.span_id)
    assert sub.attributes["tcc.parentRunId"] == "run-1"
    assert sub.attributes["tcc.sessionId"] == "chat-1"


def test_the_environment_of_this_process(captured: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    """`os.environ` gets the names of environment variables without being asked."""
    for name in ("TRACEPARENT", "TRACESTATE", "BAGGAGE"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    with tcc.run("run-1") as r:
        r.prompt("p")
        tcc.inject(os.environ)
    assert os.environ["TRACEPARENT"].split("-")[1] == r.trace_id
    assert captured.spans


def test_without_a_run_nothing_is_injected(caplog: pytest.LogCaptureFixture) -> None:
    """Outside of any run a carrier is given back as it was, with one debug line."""
    caplog.set_level(logging.DEBUG, "contextcompany")
    carrier = {"a": "1"}
    assert tcc.inject(carrier) is carrier
    assert (carrier, tcc.inject()) == ({"a": "1"}, {})
    assert [record.levelname for record in caplog.records] == ["DEBUG"] * 2


@pytest.mark.parametrize("carrier", [5, "text", [], (("a", "b"),)])
def test_what_is_no_carrier_is_misuse(carrier: Any) -> None:
    """What cannot be written into raises at once."""
    with pytest.raises(TypeError, match="must be a mutable mapping"):
        tcc.inject(carrier)


def test_beside_the_application_the_header_is_the_applications(
    captured: Captured, application: tuple[TracerProvider, InMemorySpanExporter]
) -> None:
    """The application's spans elsewhere get its own span as parent; our place is in the baggage."""
    with application[0].get_tracer("app").start_as_current_span("request") as host, tcc.run("run-1") as r:
        r.prompt("p")
        carrier = tcc.inject()
    host_context = host.get_span_context()
    assert carrier["traceparent"].split("-")[1:3] == [r.trace_id, f"{host_context.span_id:016x}"]
    with tcc.attach(carrier):
        tcc.tool_call(tool_name="t").end()
    assert parent_id(captured.spans[-1]) == span_id(r)


def test_children_take_a_carrier_without_an_id(captured: Captured) -> None:
    """A carrier that names the run is enough for a step, a tool call, feedback and a run."""
    tcc.step(carrier=OURS).prompt("q").response("a").end()
    tcc.tool_call(tool_name="t", carrier=OURS).end()
    tcc.submit_feedback(score="thumbs_up", carrier=OURS)
    tcc.run("near", carrier=OURS).prompt("p").end()
    assert {row(span)[1:3] for span in captured.spans} == {(TRACE_ID, int(SPAN_ID, 16))}
    assert [row(span)[3:] for span in captured.spans] == [
        *[("far", None, "chat-1")] * 3,
        ("near", "far", "chat-1"),
    ]
    assert tcc.current_run() is None
