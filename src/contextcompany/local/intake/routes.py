"""The paths on which the local collector takes spans in."""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from contextcompany.diagnostics import guard
from contextcompany.local.intake.receiving import OTLP_TYPES, Receiver, content_type_of
from contextcompany.local.intake.taking import Taking
from contextcompany.local.otlp.answers import JSON, refused
from contextcompany.local.otlp.bodies import RefusedError
from contextcompany.semconv.local import LOCAL_COLLECTOR_SERVICE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from contextcompany.local.intake.keeping import Destination


# Reading holds the interpreter and the store writes one batch at a time; the second unpacks meanwhile.
_MOST_AT_ONCE: Final = 2


def intake_router(store: Destination, *, body_seconds: float = 30.0) -> APIRouter:
    """Make the routes of the collector.

    `POST /v1/traces`, `/v1/logs` and `/v1/metrics` take OTLP, in protobuf and in JSON; `/v1/custom`,
    `/v1/feedback` and `/v1/otel-steps` what older SDKs of the platform send. `GET /healthz` identifies it.

    Args:
        store: Where spans go.
        body_seconds: How long the body of a request may take to arrive.
    """
    receiver = Receiver(seconds=body_seconds)
    taking = Taking(store)
    places = asyncio.Semaphore(_MOST_AT_ONCE)
    router = APIRouter(include_in_schema=False)

    def add(path: str, take: Callable[[bytes, str], bytes], *content_types: str) -> None:
        async def endpoint(request: Request) -> Response:
            with guard:
                try:
                    async with receiver.body(request, content_types) as arrived, places:
                        answer = await asyncio.to_thread(taking.run, take, arrived)
                    return Response(answer, media_type=arrived.content_type)
                except RefusedError as error:
                    return _refusal(request, error)
                except ClientDisconnect:
                    # Nobody is there to read it.
                    return Response(status_code=HTTPStatus.BAD_REQUEST)
            return _refusal(
                request, RefusedError(HTTPStatus.INTERNAL_SERVER_ERROR, "reading the request failed")
            )

        _route(router, path, endpoint, "POST")

    add("/v1/traces", taking.traces, *OTLP_TYPES)
    add("/v1/logs", taking.logs, *OTLP_TYPES)
    add("/v1/metrics", taking.metrics, *OTLP_TYPES)
    add("/v1/otel-steps", taking.steps, *OTLP_TYPES)
    add("/v1/custom", taking.custom, JSON)
    add("/v1/feedback", taking.feedback, JSON)
    _route(router, "/healthz", _health, "GET", "HEAD")
    return router


def _route(
    router: APIRouter, path: str, endpoint: Callable[[Request], Awaitable[Response]], *methods: str
) -> None:
    async def elsewhere(request: Request) -> Response:
        return _refusal(
            request,
            RefusedError(
                HTTPStatus.METHOD_NOT_ALLOWED,
                f"{path} takes {' and '.join(methods)}, got {request.method[:20]}",
                (("Allow", ", ".join(methods)),),
            ),
        )

    router.add_route(path, endpoint, methods=list(methods), include_in_schema=False)
    others = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - set(methods)
    router.add_route(path, elsewhere, methods=sorted(others), include_in_schema=False)


async def _health(_request: Request) -> Response:
    body = json.dumps({"service": LOCAL_COLLECTOR_SERVICE, "status": "ok"})
    return Response(body, media_type=JSON)


def _refusal(request: Request, error: RefusedError) -> Response:
    content_type, body = refused(content_type_of(request), error.status, error.reason)
    return Response(body, error.status, dict(error.headers), media_type=content_type)
