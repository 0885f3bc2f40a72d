"""What the API answers when it cannot do what was asked."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from pydantic import BaseModel, Field

if TYPE_CHECKING:
    from fastapi import FastAPI, Request
    from starlette.responses import JSONResponse


class ErrorDetail(BaseModel):
    """What was wrong."""

    parameter: str | None = Field(description="Which parameter is wrong; null where none is.")
    message: str = Field(description="What was wrong and what to do.")


class ErrorAnswer(BaseModel):
    """The body of every error."""

    error: ErrorDetail


class ApiError(Exception):
    """A question that is answered with an error.

    Args:
        status: The status of the answer.
        message: What was wrong and what to do.
        parameter: Which parameter is wrong, or None.
    """

    def __init__(self, status: HTTPStatus, message: str, parameter: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.parameter = parameter


def bad(parameter: str, message: str) -> ApiError:
    """Refuse the value of a parameter."""
    return ApiError(HTTPStatus.BAD_REQUEST, message, parameter)


def error_body(message: str, parameter: str | None = None) -> dict[str, dict[str, str | None]]:
    """Build the body of an error."""
    return {"error": {"parameter": parameter, "message": message}}


def answer_errors(app: FastAPI) -> None:
    """Let an application answer the errors of the API, of the store and of FastAPI in one shape."""
    from fastapi.exceptions import RequestValidationError
    from starlette.responses import JSONResponse

    from contextcompany.local.store.filters import FilterError
    from contextcompany.local.store.rows import BadCursorError, StoreError

    def answer(status: HTTPStatus, message: str, parameter: str | None = None) -> JSONResponse:
        return JSONResponse(error_body(message, parameter), status)

    def api_error(_request: Request, error: Exception) -> JSONResponse:
        found = cast("ApiError", error)
        return answer(found.status, found.message, found.parameter)

    def filter_error(_request: Request, error: Exception) -> JSONResponse:
        return answer(HTTPStatus.BAD_REQUEST, str(error), cast("FilterError", error).name)

    def cursor_error(_request: Request, error: Exception) -> JSONResponse:
        return answer(HTTPStatus.BAD_REQUEST, f"cursor: {error}", "cursor")

    def store_error(_request: Request, error: Exception) -> JSONResponse:
        return answer(HTTPStatus.SERVICE_UNAVAILABLE, str(error))

    def validation_error(_request: Request, error: Exception) -> JSONResponse:
        first = cast("RequestValidationError", error).errors()[0]
        place = [str(part) for part in first["loc"]]
        parameter = ".".join(place[1:]) or place[0]
        return answer(HTTPStatus.BAD_REQUEST, f"{parameter}: {first['msg']}", parameter)

    app.add_exception_handler(ApiError, api_error)
    app.add_exception_handler(FilterError, filter_error)
    app.add_exception_handler(BadCursorError, cursor_error)
    app.add_exception_handler(StoreError, store_error)
    app.add_exception_handler(RequestValidationError, validation_error)
