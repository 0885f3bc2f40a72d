"""Refusals as the caller of a path expects them: an error of the API, of OTLP, or a line of text."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from starlette.responses import JSONResponse, PlainTextResponse

from contextcompany.local.api.errors import error_body

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

INTAKE_PATH: Final = "/v1/"
API_PATH: Final = "/api"
STATIC_PATH: Final = "/static/"

# google.rpc.Code of what is answered here; UNKNOWN where none fits.
_UNKNOWN: Final = 2
_RPC_CODES: Final = {
    HTTPStatus.BAD_REQUEST: 3,
    HTTPStatus.UNAUTHORIZED: 16,
    HTTPStatus.FORBIDDEN: 7,
    HTTPStatus.NOT_FOUND: 5,
    HTTPStatus.METHOD_NOT_ALLOWED: 12,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: 8,
    HTTPStatus.REQUEST_TIMEOUT: 4,
    HTTPStatus.INTERNAL_SERVER_ERROR: 13,
    HTTPStatus.SERVICE_UNAVAILABLE: 14,
}


def is_api(path: str) -> bool:
    """Tell whether a path is one of the API."""
    return path == API_PATH or path.startswith(f"{API_PATH}/")


def is_page(path: str) -> bool:
    """Tell whether a path is one that people open."""
    return not (is_api(path) and path != API_PATH) and not path.startswith((INTAKE_PATH, STATIC_PATH))


def refusal(path: str, status: HTTPStatus, reason: str, headers: Mapping[str, str] | None = None) -> Response:
    """Answer a request that is refused before anything else has looked at it."""
    if is_api(path):
        return JSONResponse(error_body(reason), status, headers)
    if path.startswith(INTAKE_PATH):
        return JSONResponse({"code": _RPC_CODES.get(status, _UNKNOWN), "message": reason}, status, headers)
    return PlainTextResponse(f"{reason}\n", status, headers)
