"""What a receiver of OTLP/HTTP answers, in the encoding of the request.

Definition: the section "OTLP/HTTP Response" of the OTLP specification.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from contextcompany.local.otlp.spans import Refusals

JSON: Final = "application/json"
PROTOBUF: Final = "application/x-protobuf"

# google.rpc.Code of the statuses that are answered here; whatever else is wrong is an invalid argument.
_INVALID_ARGUMENT: Final = 3
_RPC_CODES: Final = {
    HTTPStatus.UNAUTHORIZED: 16,
    HTTPStatus.FORBIDDEN: 7,
    HTTPStatus.NOT_FOUND: 5,
    HTTPStatus.METHOD_NOT_ALLOWED: 12,
    HTTPStatus.REQUEST_TIMEOUT: 4,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: 8,
    HTTPStatus.INTERNAL_SERVER_ERROR: 13,
    HTTPStatus.NOT_IMPLEMENTED: 12,
    HTTPStatus.SERVICE_UNAVAILABLE: 14,
}


def accepted(content_type: str, refusals: Refusals | None = None) -> bytes:
    """Write the body for a request that was taken, with the spans of it that were refused.

    Args:
        content_type: That of the request, JSON or PROTOBUF.
        refusals: Without any, the answer is the empty message that each signal has for a full success.
    """
    if refusals is None or not refusals.count:
        return b"{}" if content_type == JSON else b""
    if content_type == JSON:
        partial = {"rejectedSpans": str(refusals.count), "errorMessage": str(refusals)}
        return json.dumps({"partialSuccess": partial}).encode()
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
        ExportTracePartialSuccess,
        ExportTraceServiceResponse,
    )

    return ExportTraceServiceResponse(
        partial_success=ExportTracePartialSuccess(rejected_spans=refusals.count, error_message=str(refusals))
    ).SerializeToString()


def refused(content_type: str, status: HTTPStatus, reason: str) -> tuple[str, bytes]:
    """Write a google.rpc.Status; returns its content type, which is JSON for whatever is not PROTOBUF."""
    code = _RPC_CODES.get(status, _INVALID_ARGUMENT)
    if content_type != PROTOBUF:
        return JSON, json.dumps({"code": code, "message": reason}).encode()
    from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]

    return PROTOBUF, Status(code=code, message=reason).SerializeToString()
