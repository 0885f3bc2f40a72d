"""The direct encoder is used where it equals the installed one, and nowhere else."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from contextcompany.delivery.spans import encoding, probe, reference
from contextcompany.delivery.spans.direct import DirectEncoder
from contextcompany.delivery.spans.probe import takes_direct
from contextcompany.diagnostics import LOGGER_NAME
from tests.delivery.spans.hostile import LONE
from tests.delivery.spans.whole import encode
from tests.handmade import RUN, STEP, ended_span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from opentelemetry.sdk.trace import ReadableSpan


@pytest.fixture(autouse=True)
def _unknown() -> Iterator[None]:
    takes_direct.cache_clear()
    yield
    takes_direct.cache_clear()


def newer(spans: Sequence[ReadableSpan]) -> Any:
    """Encode as a release might that writes the flags of the trace, too."""
    message = encode_spans(spans)
    for resource in message.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                span.flags |= 1
    return message


def test_the_installed_release_is_known(caplog: pytest.LogCaptureFixture) -> None:
    """With every supported release the direct encoder is used, and finding that out says nothing."""
    with caplog.at_level(logging.DEBUG):
        assert takes_direct()
    assert caplog.records == []


def test_probes_exercise_every_field() -> None:
    """Each field of a span, an event and a link that OTLP has and the stock encoder writes is in a probe."""
    fields: set[str] = set()
    for span in probe._probes():
        message = Span.FromString(DirectEncoder().span(span))
        for part in (message, *message.events, *message.links, message.status):
            fields |= {f"{part.DESCRIPTOR.name}.{field.name}" for field, _ in part.ListFields()}
    known = {
        f"{kind.DESCRIPTOR.name}.{field.name}"
        for kind in (Span, Span.Event, Span.Link, type(Span().status))
        for field in kind.DESCRIPTOR.fields
    }
    assert known - fields == {"Link.trace_state"}


def test_a_release_that_writes_more_is_left_to_itself(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With an encoder that writes something else, spans are what that one makes of them; said once."""
    monkeypatch.setattr(reference, "encode_spans", newer)
    spans = [ended_span("invoke_agent", RUN), ended_span("chat", STEP)]
    with caplog.at_level(logging.DEBUG, LOGGER_NAME):
        assert encode(spans) == (newer(spans).SerializeToString(), 2, 0)
        assert encode([*spans, ended_span(f"chat {LONE}")])[1:] == (3, 0)
    assert [record.message for record in caplog.records] == [
        "spans are encoded by OpenTelemetry's own encoder, which writes more than is known here"
    ]


def test_a_release_that_cannot_be_probed_is_left_to_itself(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the probe raises, the stock encoder does the work."""

    def refuse(_: DirectEncoder, span: ReadableSpan) -> bytes:
        raise RuntimeError(span.name)

    monkeypatch.setattr(DirectEncoder, "span", refuse)
    span = ended_span("chat", STEP)
    with caplog.at_level(logging.DEBUG, LOGGER_NAME):
        assert encode([span]) == (encode_spans([span]).SerializeToString(), 1, 0)
    assert [record.message for record in caplog.records] == [
        "spans are encoded by OpenTelemetry's own encoder: the probe raised RuntimeError('')"
    ]


def test_the_usual_span_is_written_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    """The slower way is not taken for what SDKs hand over."""

    def carefully(*_: object) -> bytes:
        raise AssertionError("the slower way was taken")

    monkeypatch.setattr(encoding, "_carefully", carefully)
    span = ended_span("chat", STEP)
    assert encode([span, span]) == (encode_spans([span, span]).SerializeToString(), 2, 0)
    assert encode([ended_span(f"chat {LONE}")]) == (b"", 0, 1)
