"""Answers of OTLP/HTTP, in the encoding of the request, as real clients read them."""

from __future__ import annotations

import json
from http import HTTPStatus

import pytest
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from contextcompany.delivery.wire.answers import judge
from contextcompany.delivery.wire.outcomes import Verdict
from contextcompany.local.otlp.answers import JSON, PROTOBUF, accepted, refused
from contextcompany.local.otlp.spans import Refusals


def _refusals() -> Refusals:
    refusals = Refusals()
    for reason in ("no id", "no id", "too large", "no time", "no name"):
        refusals.add(reason)
    return refusals


@pytest.mark.parametrize("refusals", [None, Refusals()])
def test_a_full_success_is_the_empty_message(refusals: Refusals | None) -> None:
    """It is the same for every signal."""
    assert accepted(JSON, refusals) == b"{}"
    assert ExportTraceServiceResponse.FromString(accepted(PROTOBUF, refusals)) == ExportTraceServiceResponse()


def test_a_partial_success_counts_all_and_names_the_first_reasons() -> None:
    """Each reason once and the first three of them, however many spans were refused."""
    partial = ExportTraceServiceResponse.FromString(accepted(PROTOBUF, _refusals())).partial_success
    assert (partial.rejected_spans, partial.error_message) == (5, "no id; too large; no time")
    assert json.loads(accepted(JSON, _refusals())) == {
        "partialSuccess": {"rejectedSpans": "5", "errorMessage": "no id; too large; no time"}
    }


@pytest.mark.parametrize("content_type", [JSON, PROTOBUF])
def test_our_own_delivery_understands_it(content_type: str) -> None:
    """The number of refused spans arrives where `flush()` reports it."""
    found = judge(200, {"Content-Type": content_type}, accepted(content_type, _refusals()), "here", 0.0)
    assert (found.verdict, found.refused_spans) == (Verdict.DELIVERED, 5)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (HTTPStatus.BAD_REQUEST, 3),
        (HTTPStatus.UNSUPPORTED_MEDIA_TYPE, 3),
        (HTTPStatus.NOT_FOUND, 5),
        (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, 8),
        (HTTPStatus.SERVICE_UNAVAILABLE, 14),
        (HTTPStatus.INTERNAL_SERVER_ERROR, 13),
    ],
)
def test_a_refusal_is_a_status_with_the_code_of_grpc(status: HTTPStatus, code: int) -> None:
    """In protobuf for a sender of protobuf, in JSON for all others."""
    content_type, body = refused(PROTOBUF, status, "because")
    assert (content_type, Status.FromString(body)) == (PROTOBUF, Status(code=code, message="because"))
    for other in (JSON, "text/plain", "none"):
        content_type, body = refused(other, status, "because")
        assert (content_type, json.loads(body)) == (JSON, {"code": code, "message": "because"})
