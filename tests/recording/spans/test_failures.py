"""Failures: messages without secrets, a class name, and the exception as an event, once."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

import contextcompany as tcc
from contextcompany.recording.spans.failures import failure_from, safe_message, type_name
from tests.recording.rows import everything_said, parsed, whole
from tests.registry import check_span

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from contextcompany.testing import Captured

SECRETS = {
    "openai": "sk-proj-Abc123Abc123Abc123Abc123",
    "slack": "xoxb-123456789012-abcdefABCDEF",
    "github": "ghp_Abc123Abc123Abc123Abc123Abc123Abc1",
    "service": "service_Abc123Abc123Abc123",
    "bearer": "Bearer AbcDef123456.AbcDef",
    "basic": "Basic QWxhZGRpbjpvcGVuc2VzYW1l",
    "header": "Authorization: Token abcdef123456",
    "url": "postgres://app:hunter2hunter2@db.example/app",
    "assignment": "api_key=abcdef123456",
    "password": "password=correct-horse-battery",
}
CORES = {
    **SECRETS,
    "bearer": "AbcDef123456.AbcDef",
    "basic": "QWxhZGRpbjpvcGVuc2VzYW1l",
    "header": "abcdef123456",
    "url": "hunter2hunter2",
    "assignment": "abcdef123456",
    "password": "correct-horse-battery",
}


class HouseError(Exception):
    """An error with a module of its own."""

    class InnerError(Exception):
        """An error inside a class."""


class UnspeakableError(Exception):
    """An error that cannot be turned into text."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


def fail(error: Exception) -> None:
    """Raise an exception from a frame of its own."""
    raise error


def error_of(span: ReadableSpan) -> tuple[Any, ...]:
    """Return what a span says of its failure, without the events."""
    attributes = parsed(span)
    return (
        span.status.status_code.name,
        span.status.description,
        attributes.get("tcc.statusCode"),
        attributes.get("tcc.statusMessage"),
        attributes.get("error.type"),
    )


def exception_types(span: ReadableSpan) -> list[Any]:
    """Return the types of the exceptions recorded on a span."""
    assert {event.name for event in span.events} <= {"exception"}
    return [(event.attributes or {})["exception.type"] for event in span.events]


def test_a_text_outside_of_a_handler_is_of_no_known_type(captured: Captured) -> None:
    """Rule 8: `error()` with a text gives ERROR with it as description, and the type `_OTHER`."""
    tcc.run("run-1").error("it broke")
    (span,) = captured.spans
    assert whole(span) == {
        "name": "invoke_agent",
        "kind": "INTERNAL",
        "parent": None,
        "status": ("ERROR", "it broke"),
        "attributes": {
            "gen_ai.operation.name": "invoke_agent",
            "tcc.runId": "run-1",
            "tcc.statusCode": 2,
            "tcc.statusMessage": "it broke",
            "error.type": "_OTHER",
        },
        "events": [],
        "links": [],
    }


def test_no_text_is_no_description(captured: Captured) -> None:
    """Rule 8: `error()` without a text fails the span and says nothing it does not know."""
    tcc.run().error()
    (span,) = captured.spans
    assert error_of(span) == ("ERROR", None, 2, None, "_OTHER")


@pytest.mark.parametrize(
    ("exception", "name"),
    [
        (ValueError("bad"), "ValueError"),
        (TimeoutError("bad"), "TimeoutError"),
        (json.JSONDecodeError("bad", "", 0), "json.decoder.JSONDecodeError"),
        (HouseError("bad"), f"{__name__}.HouseError"),
        (HouseError.InnerError("bad"), f"{__name__}.HouseError.InnerError"),
        (ExceptionGroup("bad", [ValueError("inner")]), "ExceptionGroup"),
        (KeyboardInterrupt("bad"), "KeyboardInterrupt"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_exception_gives_its_class_and_its_text(
    captured: Captured, exception: BaseException, name: str
) -> None:
    """Rule 8: `error.type` is the class with its module unless built in; the text is the exception's."""
    assert type_name(exception) == name
    tcc.run().error(exception)
    (span,) = captured.spans
    assert error_of(span) == ("ERROR", str(exception), 2, str(exception), name)
    assert exception_types(span) == [name]


def test_a_text_inside_a_handler_takes_the_class_being_handled(captured: Captured) -> None:
    """Rule 8: a text given in an `except` block keeps its words and takes the exception's class."""
    try:
        fail(HouseError("details"))
    except HouseError:
        tcc.run().error("the model said no")
    (span,) = captured.spans
    assert error_of(span) == (
        "ERROR",
        "the model said no",
        2,
        "the model said no",
        f"{__name__}.HouseError",
    )


def test_after_the_handler_its_class_is_forgotten(captured: Captured) -> None:
    """Rule 8: an exception that was handled before has no part in a later error."""
    with suppress(HouseError):
        fail(HouseError("details"))
    assert failure_from("later").error_type == "_OTHER"


def test_the_exception_is_an_event_with_message_and_stack(captured: Captured) -> None:
    """Rule 8: the exception is recorded as one event with its class, its message and its stack trace."""
    try:
        fail(HouseError("it broke"))
    except HouseError as error:
        tcc.run().error(error)
    (span,) = captured.spans
    (event,) = span.events
    attributes = dict(event.attributes or {})
    trace = str(attributes.pop("exception.stacktrace"))
    assert (event.name, attributes) == (
        "exception",
        {"exception.type": f"{__name__}.HouseError", "exception.message": "it broke"},
    )
    assert trace.startswith("Traceback (most recent call last)")
    assert (__file__ in trace, "it broke" in trace) == (True, True)


def test_an_exception_is_recorded_once_on_the_innermost_handle(captured: Captured) -> None:
    """Rule 8: of nested handles only the innermost has the event; the outer ones have status and type."""
    with pytest.raises(HouseError), tcc.run() as r, r.step() as s, s.tool_call("t"):
        raise HouseError("it broke")
    tool_span, step_span, run_span = captured.spans
    name = f"{__name__}.HouseError"
    failed = ("ERROR", "it broke", 2, "it broke", name)
    assert [error_of(span) for span in (tool_span, step_span, run_span)] == [failed] * 3
    assert [exception_types(span) for span in (tool_span, step_span, run_span)] == [[name], [], []]


def test_an_exception_told_by_hand_is_recorded_once_too(captured: Captured) -> None:
    """Rule 8: an exception that a tool call and its run both report is an event of the tool call only."""
    r = tcc.run()
    tc = r.tool_call("t")
    try:
        fail(HouseError("it broke"))
    except HouseError as error:
        tc.error(error)
        r.error(error)
    assert [len(span.events) for span in captured.spans] == [1, 0]


def test_the_same_exception_in_another_run_is_recorded_there(captured: Captured) -> None:
    """Rule 8: once means once for the handles around it; another run that fails of it shows it too."""
    error = HouseError("it broke")
    tcc.run().error(error)
    tcc.run().error(error)
    assert [len(span.events) for span in captured.spans] == [1, 1]


def test_an_exception_without_text_does_no_harm(captured: Captured) -> None:
    """Rule 9: an exception whose text raises is recorded by its class."""
    with pytest.raises(UnspeakableError), tcc.run():
        raise UnspeakableError
    (span,) = captured.spans
    assert (span.status.status_code.name, parsed(span)["error.type"]) == (
        "ERROR",
        f"{__name__}.UnspeakableError",
    )
    assert exception_types(span) == [f"{__name__}.UnspeakableError"]


@pytest.mark.parametrize("secret", SECRETS)
def test_secrets_are_masked_in_every_message(captured: Captured, secret: str) -> None:
    """Rule 8: a secret in a status, a text or an exception is nowhere on the span; words around it are."""
    said = f"call failed with {SECRETS[secret]} twice"
    r = tcc.run().prompt("p")
    r.step().error(said)
    tcc.run().prompt("p").status(1, said).end()
    tcc.run().prompt("p").status(2, said).end()
    with pytest.raises(RuntimeError) as raised, r:  # noqa: PT012  (the block is what is tested)
        try:
            fail(ValueError(said))
        except ValueError as error:
            raise RuntimeError(f"outer: {said}") from error
    assert CORES[secret] in str(raised.value)
    assert len(captured.spans) == 4
    for span in captured.spans:
        assert CORES[secret] not in everything_said(span)
        assert "call failed with" in str(parsed(span)["tcc.statusMessage"])


def test_secrets_are_masked_on_the_applications_provider_too(
    application: tuple[TracerProvider, InMemorySpanExporter],
) -> None:
    """Rule 8: the handle masks secrets itself, so they reach no processor of any provider."""
    provider, exporter = application
    tcc.configure(tracer_provider=provider)
    with pytest.raises(ValueError, match="sk-proj"), tcc.run() as r:  # noqa: PT012  (the block is what is tested)
        r.prompt("p")
        raise ValueError(f"refused: {SECRETS['openai']}")
    (span,) = exporter.get_finished_spans()
    assert SECRETS["openai"] not in everything_said(span)
    assert str(span.status.description).startswith("refused: ")
    assert check_span(span) == []


def test_a_secret_at_the_cut_of_a_long_message_is_masked() -> None:
    """Rule 8: a message is masked before it is cut, so that half a secret never stays."""
    for length in range(16_300, 16_400, 7):
        message = safe_message("x " * (length // 2) + SECRETS["openai"] + " y" * 20_000)
        assert "Abc123" not in message
        assert len(message.encode()) <= 1 << 20


@pytest.mark.parametrize("given", [None, 5, b"bytes", ["list"], object(), UnspeakableError("x"), "\ud800\0"])
def test_a_message_of_any_kind_is_valid_text(captured: Captured, given: Any) -> None:
    """Rule 9: whatever is given as a message becomes text that every receiver can read."""
    tcc.run().error(given)
    tcc.run().prompt("p").status(2, given).end()
    descriptions = [str(span.status.description or "") for span in captured.spans]
    assert [text.encode().decode() for text in descriptions] == descriptions
    assert "\0" not in "".join(descriptions)
