"""The OpenAPI description of the API, as exact as the answers are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from contextcompany.local.api.models import NewFeedback

if TYPE_CHECKING:
    from fastapi import FastAPI

OPENAPI_PATH: Final = "/api/openapi.json"

_REFERENCE: Final = "#/components/schemas/{model}"
# What FastAPI says of bodies and parameters that it checks itself; here they are answered 400.
_UNUSED: Final = ("HTTPValidationError", "ValidationError")


def describe(app: FastAPI) -> None:
    """Let an application serve its description."""
    build = app.openapi

    def description() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = build()
            for path in document["paths"].values():
                for operation in path.values():
                    operation["responses"].pop("422", None)
            schemas: dict[str, Any] = document.setdefault("components", {}).setdefault("schemas", {})
            for name in _UNUSED:
                schemas.pop(name, None)
            schemas["NewFeedback"] = NewFeedback.model_json_schema(ref_template=_REFERENCE)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = description  # type: ignore[method-assign]

    @app.get(OPENAPI_PATH, include_in_schema=False)
    def openapi() -> dict[str, Any]:
        return app.openapi()
