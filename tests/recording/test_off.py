"""Switched off: nothing at all, or everything but content."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from opentelemetry import trace

import contextcompany as tcc
from contextcompany.testing import capture
from tests.recording.rows import everything_said, parsed, span_id, whole
from tests.registry import check_span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from contextcompany.local.embedded.collector import Collector
    from contextcompany.testing import Captured

SECRET = "xyzzy"
"""A word that stands in all content of these tests and nowhere else."""

SWITCHES: list[Any] = [
    pytest.param(({"TCC_DISABLED": "1"}, {}), id="TCC_DISABLED"),
    pytest.param(({"TCC_DISABLED": "true"}, {}), id="TCC_DISABLED in words"),
    pytest.param(({"OTEL_SDK_DISABLED": "true"}, {}), id="OTEL_SDK_DISABLED"),
    pytest.param(({}, {"disabled": True}), id="configure"),
]


@pytest.fixture(params=SWITCHES)
def off(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Captured]:
    """Switch recording off in each of its ways, and watch that nothing is recorded."""
    for name, value in request.param[0].items():
        monkeypatch.setenv(name, value)
    before = tcc.stats().open_handles
    with capture(**request.param[1]) as spans:
        yield spans
        assert spans.spans == ()
        assert tcc.stats().open_handles == before


@pytest.fixture(params=["environment", "configure"])
def quiet(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Captured]:
    """Switch content off in each of its ways."""
    if request.param == "environment":
        monkeypatch.setenv("TCC_CAPTURE_CONTENT", "false")
        with capture() as spans:
            yield spans
    else:
        with capture(capture_content=False) as spans:
            yield spans


def test_switched_off_the_api_is_the_same(off: Captured) -> None:
    """Rule 14: every call works as ever, ids are given, feedback is False, and nothing is recorded."""
    with tcc.run(session_id="s", conversational=True) as r:
        assert UUID(r.run_id).version == 4
        assert r.prompt("p", system_prompt="s").response("a").metadata({"tcc.agent": "x"}, a=1) is r
        assert tcc.current_run() is r
        with r.step() as s:
            assert UUID(s.step_id).version == 4
            s.prompt("q").response("a").model("m").tokens(1, 2, 3).cost(0.1).finish_reason("stop")
            s.tool_definitions("[]").status(1).attributes({"app.k": 1})
            tcc.tool_call(tool_name="t").end()
            s.tool_call("t").args({}).result({}).end()
        assert UUID(tcc.tool_call("other-run").name("t").tool_call_id).version == 4
        tcc.step("other-run").error(ValueError("x"))
        assert r.feedback("thumbs_up") is False
        assert tcc.submit_feedback("other-run", "thumbs_down") is False
        assert int(r.trace_id, 16) == 0
        assert not r.span.is_recording()
    assert tcc.run("given").run_id == "given"


def test_switched_off_misuse_is_the_same(off: Captured) -> None:
    """Rule 14: what is misuse raises the same errors while nothing is recorded."""
    with pytest.raises(TypeError, match="run_id"):
        tcc.run(5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="tcc_url"):
        tcc.run(tcc_url="nowhere")
    with pytest.raises(ValueError, match="no run is current"):
        tcc.step()
    with pytest.raises(ValueError, match="score"):
        tcc.submit_feedback("r", "up")  # type: ignore[arg-type]
    r = tcc.run()
    with pytest.raises(ValueError, match="status code"):
        r.status(9)
    with pytest.raises(ValueError, match="score or a text"):
        r.feedback()
    with pytest.raises(ValueError, match="prompt"):
        r.end()
    with pytest.raises(ValueError, match="prompt"), r:
        pass
    other = tcc.run().prompt("p")
    other.end()
    with pytest.raises(RuntimeError, match="ended"):
        other.response("late")


def test_switched_off_the_applications_context_is_its_own(off: Captured) -> None:
    """Rule 14: a block of a run that is not recorded changes nothing in OpenTelemetry's context."""
    with tcc.run() as r:
        r.prompt("p")
        assert trace.get_current_span() is trace.INVALID_SPAN


def talk() -> None:
    """Record content in every place that takes any, each time with the secret word."""
    say = f"I said {SECRET}"
    r = tcc.run("run-1", session_id="chat-1").prompt(say, system_prompt=say).response({"content": say})
    r.metadata({"tcc.userId": "u-1"}, region="eu").status(1)
    s = r.step("step-1").prompt([{"role": "user", "content": say}]).response(say)
    s.model("house-model", "house-model-2").tokens(10, 5, 7).cost(0.5).finish_reason("stop")
    schema = {"type": "object", "properties": {SECRET: {"type": "string", "description": say}}}
    s.tool_definitions(
        [
            {"type": "function", "function": {"name": "a", "description": say, "parameters": schema}},
            {"name": "b", "description": say, "input_schema": schema},
        ]
    )
    tc = s.tool_call("t", "call-1").args({SECRET: say}).result(say)
    tc.attributes({"gen_ai.tool.call.result": say, "gen_ai.input.messages": say})
    tc.end()
    s.end()
    r.feedback("thumbs_down", say)
    r.end()
    with pytest.raises(ValueError, match=SECRET), tcc.run("run-2"), tcc.step("run-2"):
        raise ValueError(say) from KeyError(say)
    tcc.run("run-3").error(say)
    tcc.run("run-4").prompt(say).status(2, say).end()
    tcc.run("run-5").step().tool_definitions(json.dumps([{"name": "c", "description": say}])).error()
    tcc.run("run-6").step().tool_definitions(f"no json but {say}").error(ValueError(say))


def test_content_off_leaves_no_word_of_it(quiet: Captured) -> None:
    """Rule 14: with content off no content is in any attribute, event, link, status or name of any span."""
    talk()
    spans = quiet.spans
    assert len(spans) >= 10
    assert [span.name for span in spans if SECRET in everything_said(span)] == []


@pytest.mark.unchecked
def test_content_on_has_all_of_it() -> None:
    """Rule 14: the search of the test before is no blind one: with content on the word is on most spans."""
    with capture() as captured:
        talk()
        assert len([span for span in captured.spans if SECRET in everything_said(span)]) >= 9


def test_content_off_breaks_no_rule(quiet: Captured) -> None:
    """Rule 14: a span without content counts as whole, and what is no content stays."""
    talk()
    (step_span,) = (span for span in quiet.spans if parsed(span).get("tcc.stepId") == "step-1")
    seen = whole(step_span)
    seen.pop("parent")
    assert seen == {
        "name": "chat house-model",
        "kind": "CLIENT",
        "status": ("UNSET", None),
        "attributes": {
            "gen_ai.operation.name": "chat",
            "tcc.runId": "run-1",
            "tcc.sessionId": "chat-1",
            "gen_ai.conversation.id": "chat-1",
            "tcc.contentCaptured": False,
            "tcc.stepId": "step-1",
            "tcc.userId": "u-1",
            "user.id": "u-1",
            "gen_ai.provider.name": "_OTHER",
            "gen_ai.request.model": "house-model",
            "gen_ai.response.model": "house-model-2",
            "gen_ai.response.finish_reasons": ["stop"],
            "gen_ai.usage.input_tokens": 15,
            "gen_ai.usage.cache_read.input_tokens": 5,
            "gen_ai.usage.output_tokens": 7,
            "gen_ai.tool.definitions": [{"type": "function", "name": "a"}, {"type": "function", "name": "b"}],
            "tcc.cost": 0.5,
            "tcc.costSource": "reported",
            "tcc.statusCode": 0,
        },
        "events": [],
        "links": [],
    }
    (run_span,) = (span for span in quiet.spans if parsed(span).get("tcc.statusCode") == 1)
    assert parsed(run_span) == {
        "gen_ai.operation.name": "invoke_agent",
        "tcc.runId": "run-1",
        "tcc.sessionId": "chat-1",
        "gen_ai.conversation.id": "chat-1",
        "tcc.contentCaptured": False,
        "tcc.userId": "u-1",
        "user.id": "u-1",
        "tcc.metadata.region": "eu",
        "tcc.statusCode": 1,
    }


def test_content_off_keeps_the_class_of_an_error(quiet: Captured) -> None:
    """Rule 14: without content a failure still shows its class and status, and its event the class alone."""
    r = tcc.run("run-1")
    with pytest.raises(ValueError, match=SECRET), r:
        raise ValueError(SECRET)
    (span,) = quiet.spans
    assert whole(span) == {
        "name": "invoke_agent",
        "kind": "INTERNAL",
        "parent": None,
        "status": ("ERROR", None),
        "attributes": {
            "gen_ai.operation.name": "invoke_agent",
            "tcc.runId": "run-1",
            "tcc.contentCaptured": False,
            "tcc.statusCode": 2,
            "error.type": "ValueError",
        },
        "events": [("exception", {"exception.type": "ValueError"})],
        "links": [],
    }


def test_content_off_keeps_the_score_of_feedback(quiet: Captured) -> None:
    """Rule 14: without content feedback keeps its score and loses its text."""
    r = tcc.run("run-1")
    assert r.feedback("thumbs_up", SECRET) is True
    assert tcc.submit_feedback("run-1", text=SECRET) is True
    both, text_only = (parsed(span) for span in quiet.named("tcc.feedback"))
    base = {
        "tcc.runId": "run-1",
        "tcc.contentCaptured": False,
        "gen_ai.evaluation.name": "user_feedback",
    }
    score = {"gen_ai.evaluation.score.label": "thumbs_up", "gen_ai.evaluation.score.value": 1.0}
    assert (both, text_only) == ({**base, **score}, base)
    assert [span.parent.span_id for span in quiet.spans if span.parent] == [span_id(r)] * 2


def test_content_off_still_needs_its_fields(quiet: Captured) -> None:
    """Rule 4: required fields are required whether their content is recorded or not."""
    r = tcc.run()
    with pytest.raises(ValueError, match="prompt"):
        r.end()
    r.prompt(SECRET).end()
    (span,) = quiet.spans
    assert "tcc.violations" not in parsed(span)


def test_content_off_holds_on_the_applications_provider(
    application: tuple[TracerProvider, InMemorySpanExporter],
) -> None:
    """Rule 14: the handle leaves content out itself, so that it reaches no processor of any provider."""
    provider, exporter = application
    tcc.configure(tracer_provider=provider, capture_content=False)
    talk()
    spans: tuple[ReadableSpan, ...] = exporter.get_finished_spans()
    assert len(spans) >= 10
    assert [span.name for span in spans if SECRET in everything_said(span)] == []
    assert [problem for span in spans for problem in check_span(span)] == []


@pytest.mark.unchecked
def test_debug_lines_hold_no_content_and_no_key(
    collector: Collector, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rule 14: `TCC_DEBUG=1` gives debug lines on our logger, without content and without keys."""
    monkeypatch.setenv("TCC_DEBUG", "1")
    monkeypatch.setenv("TCC_API_KEY", "key-plugh")
    monkeypatch.setenv("TCC_HEADERS", "x-token=plugh")
    with caplog.at_level(logging.DEBUG, "contextcompany"):
        tcc.configure(tcc_url=collector.url)
        talk()
        tcc.flush()
        tcc.shutdown()
    said = "\n".join(record.getMessage() for record in caplog.records if record.name == "contextcompany")
    assert any(record.levelno == logging.DEBUG for record in caplog.records)
    assert (SECRET in said, "plugh" in said) == (False, False)
