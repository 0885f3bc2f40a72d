"""What may leave with a copy: without secrets, without content where that is off, and nothing else lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.trace import Link, SpanContext, StatusCode

import contextcompany as tcc
from contextcompany.diagnostics import guard
from contextcompany.integrations.collecting import reading
from contextcompany.integrations.collecting.copying import copied_id, finished
from contextcompany.testing import capture
from tests.conftest import attributes_of
from tests.integrations.collecting.foreign_spans import ANSWERED, CHAT, OPENINFERENCE

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from contextcompany.testing import Captured

    Installed = tuple[TracerProvider, InMemorySpanExporter]

KEY = "sk-abcdefghijklmnop1234"
SECRET = "the patient is Ada"


@given(st.integers(1, 2**64 - 1))
def test_ids_lead_back(span_id: int) -> None:
    """The id of a copy is another one, valid, and the same function leads back to the original's."""
    copied = copied_id(span_id)
    assert 0 < copied < 2**64
    assert copied_id(copied) == span_id


def spoken(provider: TracerProvider) -> None:
    """Make a span that holds content and secrets wherever a span can hold something."""
    tracer = provider.get_tracer(OPENINFERENCE)
    link = Link(SpanContext(1, 2, is_remote=True), {"said": SECRET, "n": 1})
    with tracer.start_as_current_span(f"ask {SECRET}", attributes=CHAT, links=[link]) as span:
        span.set_attributes(
            {
                **ANSWERED,
                "gen_ai.input.messages": f'[{{"role":"user","content":"{SECRET}"}}]',
                "gen_ai.future.content": SECRET,
                "llm.input_messages.0.message.content": SECRET,
                "gen_ai.tool.definitions": f'[{{"name":"f","description":"{SECRET}"}}]',
                "custom": SECRET,
                "customs": [SECRET],
                "temperature": 0.5,
                "stream": True,
                "http.request.header.authorization": [f"Bearer {KEY}"],
                "error.message": f"refused key {KEY}",
            }
        )
        span.add_event("exception", {"exception.type": "E", "exception.message": f"{SECRET} {KEY}", "n": 1})
        span.add_event(f"note {SECRET}", {"said": SECRET})
        span.set_status(StatusCode.ERROR, f"refused {SECRET} {KEY}")


def all_of(span: ReadableSpan) -> str:
    """Return everything that a span says."""
    return str(span.to_json())


def test_secrets_in_errors(application: Installed, captured: Captured) -> None:
    """Keys in error texts and in headers do not leave; what else there is does."""
    with tcc.collect(), tcc.run().prompt("hi"):
        spoken(application[0])
    copy = captured.spans[0]
    assert KEY not in all_of(copy)
    assert copy.status.description == f"refused {SECRET} [redacted]"
    attributes = attributes_of(copy)
    assert attributes["error.message"] == "refused key [redacted]"
    assert attributes["http.request.header.authorization"] == ["[redacted]"]
    assert attributes["custom"] == SECRET
    assert [event.name for event in copy.events] == ["exception", f"note {SECRET}"]
    assert len(copy.links) == 1


def test_content_off(application: Installed, captured: Captured) -> None:
    """With content off only numbers, booleans and the texts known to be none of it leave, from everywhere."""
    tcc.configure(exporter=captured, capture_content=False)
    with tcc.collect(), tcc.run("run-1").prompt("hi"):
        spoken(application[0])
    copy = captured.spans[0]
    assert SECRET not in all_of(copy)
    assert KEY not in all_of(copy)
    said = {key: value for key, value in ANSWERED.items() if not key.endswith("messages")}
    attributes = attributes_of(copy)
    assert {key: value for key, value in attributes.items() if not key.startswith("tcc.cost")} == {
        **CHAT,
        **said,
        "temperature": 0.5,
        "stream": True,
        "tcc.runId": "run-1",
        "tcc.collected": True,
        "tcc.contentCaptured": False,
    }
    assert (copy.name, copy.status.status_code, copy.status.description) == (
        "chat gpt-5",
        StatusCode.ERROR,
        None,
    )
    assert [(event.name, dict(event.attributes or {})) for event in copy.events] == [
        ("exception", {"exception.type": "E", "n": 1})
    ]
    assert [dict(link.attributes or {}) for link in copy.links] == [{"n": 1}]


def test_names_of_other_spans_with_content_off(application: Installed, captured: Captured) -> None:
    """The name of a span that tells no operation is its library's, where content is off."""
    tcc.configure(exporter=captured, capture_content=False)
    with tcc.collect(spans="all"), tcc.run().prompt("hi"):
        application[0].get_tracer("db").start_span(f"SELECT '{SECRET}'").end()
    assert captured.spans[0].name == "db"


def test_the_redact_hook(application: Installed, captured: Captured) -> None:
    """The user's hook gets every text of a copy, and fails closed there as everywhere."""

    def redact(text: str, name: str) -> str:
        if "custom" in name:
            raise ValueError(name)
        return text.replace(SECRET, "***")

    tcc.configure(exporter=captured, redact=redact)
    with tcc.collect(), tcc.run().prompt("hi"):
        spoken(application[0])
    copy = captured.spans[0]
    assert SECRET not in all_of(copy)
    assert attributes_of(copy)["custom"] == "[redaction failed]"


@pytest.mark.parametrize("content", [True, False])
def test_a_copy_that_cannot_be_finished(
    application: Installed, monkeypatch: pytest.MonkeyPatch, content: bool
) -> None:
    """Where reading a span fails for a reason of ours, what leaves is its place and its run."""
    original = reading.facts

    def fail(found: Any) -> Any:
        if found:
            raise RuntimeError("ours")
        return original(found)

    monkeypatch.setattr(reading, "facts", fail)
    monkeypatch.setattr(guard, "strict", False)
    with capture(capture_content=content) as captured, tcc.collect(), tcc.run("run-1").prompt("hi"):
        spoken(application[0])
    copy = captured.spans[0]
    off = {} if content else {"tcc.contentCaptured": False}
    assert attributes_of(copy) == {"tcc.runId": "run-1", "tcc.collected": True, **off}
    assert (copy.name, copy.events, copy.links) == (OPENINFERENCE, (), ())
    assert guard.errors == 1


def test_finished_leaves_the_given_span() -> None:
    """The span that is given is not touched."""
    provider = TracerProvider(shutdown_on_exit=False)
    span = provider.get_tracer("x").start_span("x", attributes={"a": "b"})
    span.end()
    assert isinstance(span, ReadableSpan)
    before = span.to_json()
    finished(span, {"tcc.runId": "r"}, content=False)
    assert span.to_json() == before
