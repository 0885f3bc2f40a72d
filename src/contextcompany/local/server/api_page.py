"""The page that explains the API, made from its OpenAPI description."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter

from contextcompany.local.api.description import OPENAPI_PATH

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from contextcompany.local.dashboard.frame.rendering import Pages

PAGE_PATH: Final = "/api"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a question, in words."""

    name: str
    where: str
    kind: str
    description: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One question that can be asked."""

    name: str
    method: str
    path: str
    description: str
    parameters: tuple[Parameter, ...]
    body: str
    answers: tuple[tuple[str, str], ...]


def api_page_router(description: Callable[[], dict[str, Any]], pages: Pages) -> APIRouter:
    """Build the page of the API.

    Args:
        description: Returns the OpenAPI description.
        pages: Renders it.
    """
    router = APIRouter()

    def api_page(request: Request) -> Response:
        found = operations(description())
        # The header was compared with this server's own name, or stands for a name that a proxy has.
        host = request.headers.get("host", "localhost")
        return pages.answer(
            "api.html", section=PAGE_PATH, operations=found, description=OPENAPI_PATH, host=host
        )

    router.add_route(PAGE_PATH, api_page, methods=["GET"], include_in_schema=False)
    return router


def operations(document: dict[str, Any]) -> tuple[Operation, ...]:
    """Return what an OpenAPI description describes, in its order."""
    return tuple(
        Operation(
            name=str(operation["operationId"]),
            method=method.upper(),
            path=path,
            description=str(operation.get("description", "")),
            parameters=tuple(_parameter(parameter) for parameter in operation.get("parameters", ())),
            body=", ".join(operation.get("requestBody", {}).get("content", ())),
            answers=tuple(
                (status, str(answer["description"]))
                for status, answer in sorted(operation["responses"].items())
            ),
        )
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    )


def _parameter(parameter: dict[str, Any]) -> Parameter:
    schema: dict[str, Any] = parameter.get("schema", {})
    is_map = schema.get("type") == "object"
    return Parameter(
        name=f"{parameter['name']}.<key>" if is_map else str(parameter["name"]),
        where=str(parameter["in"]),
        kind="text" if is_map else _kind(schema),
        description=str(parameter.get("description", "")),
    )


def _kind(schema: dict[str, Any]) -> str:
    choices = schema.get("enum")
    if choices:
        return " | ".join(str(choice) for choice in choices if choice)
    if "anyOf" in schema:
        return "time or age"
    if schema.get("type") == "integer":
        return f"number from {schema['minimum']} to {schema['maximum']}"
    return "text"
