"""Redaction of spans that the application's provider makes: its exporters see what our destination sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

import contextcompany as tcc
from contextcompany.local.embedded.collector import Collector
from contextcompany.redaction import MASK
from tests.loopback import PATIENCE
from tests.registry import check_span

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.trace import ReadableSpan

SECRET = "hunter22"
PRICE = {"tcc.cost", "tcc.costSource"}


class Hook:
    """Put each text into brackets, and remember what came."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    def __call__(self, text: str, name: str) -> str:
        """Return a text in brackets."""
        self.seen.append((name, text))
        return f"<{text}>"


def application(limits: SpanLimits | None = None) -> tuple[TracerProvider, InMemorySpanExporter]:
    """Return a provider of the application with an exporter behind it."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False, span_limits=limits)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider, exporter


def attributes_of(span: ReadableSpan) -> dict[str, Any]:
    """Return the attributes of a span."""
    return dict(span.attributes or {})


def record() -> None:
    """Record a run, a step, a tool call, an error and a feedback."""
    r = tcc.run("run-1", "session-1").prompt("hi", "be kind").response("bye")
    r.metadata({"note": "n", "tcc.userId": "u-1", "tcc.userName": "Ann"})
    r.step().prompt("what?").response("that").model("gpt-4o").tokens(1, 2, 3).end()
    r.tool_call("search", "call-1").args({"q": "cats"}).result("ten cats").attributes({"mine": "m"}).end()
    try:
        with r.tool_call("fetch", "call-2").args("raw"):
            raise LookupError("no ann")  # noqa: TRY301
    except LookupError:
        pass
    r.end()
    r.feedback("thumbs_up", "well done")


@pytest.fixture
def hook() -> Hook:
    """Return a hook."""
    return Hook()


def test_the_application_sees_redacted_texts_only(hook: Hook) -> None:
    """Every text passes before it is written; structure stays, and no text is given to the hook twice."""
    provider, exporter = application()
    tcc.configure(tracer_provider=provider, redact=hook)
    record()
    step, search, fetch, run, feedback = exporter.get_finished_spans()
    assert attributes_of(run) | {"gen_ai.input.messages": None} == {
        "gen_ai.operation.name": "invoke_agent",
        "tcc.runId": "run-1",
        "gen_ai.conversation.id": "session-1",
        "tcc.sessionId": "session-1",
        "tcc.metadata.note": "<n>",
        "gen_ai.input.messages": None,
        "gen_ai.system_instructions": '[{"type":"text","content":"<be kind>"}]',
        "gen_ai.output.messages": (
            '[{"finish_reason":"","role":"assistant","parts":[{"type":"text","content":"<bye>"}]}]'
        ),
        "tcc.userId": "u-1",
        "user.id": "u-1",
        "tcc.userName": "<Ann>",
        "user.name": "<Ann>",
        "tcc.statusCode": 0,
    }
    assert attributes_of(search)["gen_ai.tool.call.arguments"] == '{"<q>":"<cats>"}'
    assert attributes_of(search)["gen_ai.tool.call.result"] == '{"<value>":"<ten cats>"}'
    assert attributes_of(search)["mine"] == "<m>"
    assert attributes_of(step)["gen_ai.request.model"] == "gpt-4o"
    assert (fetch.status.status_code, fetch.status.description) == (StatusCode.ERROR, "<no ann>")
    assert attributes_of(fetch)["tcc.statusMessage"] == "<no ann>"
    (event,) = fetch.events
    assert (event.attributes or {})["exception.type"] == "LookupError"
    assert (event.attributes or {})["exception.message"] == "<no ann>"
    assert str((event.attributes or {})["exception.stacktrace"]).startswith("<Traceback")
    assert attributes_of(feedback)["gen_ai.evaluation.explanation"] == "<well done>"
    assert [span.name for span in (step, search, fetch, run, feedback)] == [
        "chat gpt-4o",
        "execute_tool search",
        "execute_tool fetch",
        "invoke_agent",
        "tcc.feedback",
    ]
    texts = ["hi", "be kind", "bye", "n", "what?", "that", "q", "cats", "ten cats", "m", "raw", "well done"]
    assert [text for text in texts if [seen for _, seen in hook.seen].count(text) != 1] == []
    assert [problem for span in exporter.get_finished_spans() for problem in check_span(span)] == []


def test_the_copy_is_what_the_application_sees(hook: Hook) -> None:
    """What goes to our destination has passed once, like what goes to the application's exporters."""
    provider, exporter = application()
    with Collector() as collector:
        tcc.configure(tracer_provider=provider, tcc_url=collector.url, redact=hook)
        record()
        assert tcc.flush(PATIENCE)
        copies = {copy.span_id: copy for copy in collector.store.spans()}
        for span in exporter.get_finished_spans():
            assert span.context is not None
            copy = copies[f"{span.context.span_id:016x}"]
            arrived = {key: tupled(value) for key, value in copy.attributes.items() if key not in PRICE}
            assert arrived == attributes_of(span)
            assert "<<" not in str(copy)
    assert [text for _, text in hook.seen if text.startswith("<")] == []


def tupled(value: object) -> object:
    """Return lists as the SDK holds them."""
    return tuple(value) if isinstance(value, list) else value


@pytest.mark.unchecked
def test_what_others_write_passes_on_the_way_to_us(hook: Hook) -> None:
    """A text that a neighbour wrote onto our span never reaches our destination as it was."""
    provider, _ = application()
    with Collector() as collector:
        tcc.configure(tracer_provider=provider, tcc_url=collector.url, redact=hook)
        r = tcc.run("run-1").prompt("hi")
        r.span.set_attribute("theirs", "a secret")
        r.span.add_event("a secret event", {"of": "a secret"})
        r.span.record_exception(ValueError("a secret"))
        r.end()
        assert tcc.flush(PATIENCE)
        (copy,) = collector.store.spans()
    assert copy.attributes["theirs"] == "<a secret>"
    assert copy.attributes["gen_ai.input.messages"] == (
        '[{"role":"user","parts":[{"type":"text","content":"<hi>"}]}]'
    )
    assert {name for name, text in hook.seen if text == "a secret"} == {"theirs", "of", "exception.message"}


@pytest.mark.unchecked
def test_texts_that_a_limit_cut_do_not_pass_twice(hook: Hook) -> None:
    """Where the application cuts long texts, what is left of a redacted one is known as such."""
    provider, _ = application(SpanLimits(max_span_attribute_length=20))
    with Collector() as collector:
        tcc.configure(tracer_provider=provider, tcc_url=collector.url, redact=hook)
        tcc.run("run-1").prompt("hi").metadata(note="a note that is cut off").end()
        assert tcc.flush(PATIENCE)
        (copy,) = collector.store.spans()
    assert copy.attributes["tcc.metadata.note"] == "<a note that is cut "
    assert [text for name, text in hook.seen if name == "tcc.metadata.note"] == ["a note that is cut off"]


def test_secrets_in_every_text() -> None:
    """With redact_secrets="all" the application's exporters see no secret in prompts and metadata either."""
    provider, exporter = application()
    tcc.configure(tracer_provider=provider, redact_secrets="all")
    r = tcc.run().prompt(f"my password is {SECRET}").metadata(api_key=SECRET)
    r.tool_call("login").args({"password": SECRET}).end()
    r.end()
    assert r.feedback("thumbs_down", f"token={SECRET}") is False
    spans = exporter.get_finished_spans()
    assert [span.name for span in spans if SECRET in span.to_json()] == []
    assert [span.to_json().count(MASK) for span in spans] == [1, 2, 1]


def test_secrets_in_errors_alone() -> None:
    """By default prompts stay as they were given, and errors lose their secrets."""
    provider, exporter = application()
    tcc.configure(tracer_provider=provider)
    r = tcc.run().prompt(f"password={SECRET}")
    r.error(f"password={SECRET}")
    (span,) = exporter.get_finished_spans()
    assert SECRET in attributes_of(span)["gen_ai.input.messages"]
    assert (span.status.description, attributes_of(span)["tcc.statusMessage"]) == (f"password={MASK}",) * 2


def test_a_hook_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    """A failing hook costs the texts, not the span, and raises nothing into the application."""

    def refuse(text: str, name: str) -> str:
        raise LookupError(text)

    provider, exporter = application()
    tcc.configure(tracer_provider=provider, redact=refuse)
    record()
    spans = exporter.get_finished_spans()
    assert len(spans) == 5
    for word in ("hi", "be kind", "cats", "no ann", "well done", "Ann"):
        assert [span.name for span in spans if f'"{word}' in span.to_json()] == []
    assert "no ann" not in spans[2].to_json()
    (warning,) = [entry.getMessage() for entry in caplog.records if "redact" in entry.getMessage()]
    assert warning.startswith("the redact hook raised LookupError: ")


def test_an_interrupted_hook_leaves_no_span_open() -> None:
    """Ctrl-C inside of a hook reaches the application, and the span has ended without its content."""

    def interrupted(text: str, name: str) -> str:
        raise KeyboardInterrupt

    provider, exporter = application()
    tcc.configure(tracer_provider=provider, redact=interrupted)
    r = tcc.run("run-1").prompt("hi")
    with pytest.raises(KeyboardInterrupt):
        r.end()
    (span,) = exporter.get_finished_spans()
    assert attributes_of(span) == {"gen_ai.operation.name": "invoke_agent", "tcc.runId": "run-1"}
    assert tcc.stats().open_handles == 0


def test_content_off_gives_the_hook_no_content(hook: Hook) -> None:
    """With content off prompts, results and errors are given to nobody; metadata still passes."""
    provider, exporter = application()
    tcc.configure(tracer_provider=provider, redact=hook, capture_content=False)
    record()
    assert {name for name, _ in hook.seen} == {"tcc.metadata.note", "tcc.userName", "user.name", "mine"}
    assert [span.name for span in exporter.get_finished_spans() if "cats" in span.to_json()] == []


def test_the_key_of_the_destination_is_masked_for_the_application_too() -> None:
    """With `redact_secrets="all"` our own key stays here, whatever it looks like and whoever exports."""
    provider, exporter = application()
    tcc.configure(tracer_provider=provider, api_key="plain words", redact_secrets="all")
    tcc.run("run-1").prompt("the key is plain words, they say").end()
    (run,) = exporter.get_finished_spans()
    assert attributes_of(run)["gen_ai.input.messages"] == (
        f'[{{"role":"user","parts":[{{"type":"text","content":"the key is {MASK}, they say"}}]}}]'
    )


HOOKS: dict[str, Callable[[str, str], str]] = {
    "surrogate": lambda text, name: "\ud800",
    "nul": lambda text, name: "\0",
    "huge": lambda text, name: "x" * (3 << 20),
    "empty": lambda text, name: "",
}


@pytest.mark.parametrize("kind", HOOKS)
def test_whatever_the_hook_returns_arrives(kind: str) -> None:
    """Text that no receiver could read, or far too long, costs neither the span nor its neighbours."""
    provider, _ = application()
    with Collector() as collector:
        tcc.configure(tracer_provider=provider, tcc_url=collector.url, redact=HOOKS[kind])
        record()
        assert tcc.flush(PATIENCE)
        assert len(collector.store.spans()) == 5
