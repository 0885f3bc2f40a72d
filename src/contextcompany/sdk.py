"""The one door to the OpenTelemetry SDK.

Some bad `OTEL_*` values raise while `opentelemetry.sdk.trace` is imported. A guest must not crash
the application for them, so the import is tried again without the variables that broke it.
Imports nothing of ours but the ground floor.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING

from contextcompany.diagnostics import warn_once
from contextcompany.imports import gate

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

_LIMITS = (
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_SPAN_EVENT_COUNT_LIMIT",
    "OTEL_SPAN_LINK_COUNT_LIMIT",
    "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
)


def _import_sdk() -> None:
    try:
        importlib.import_module("opentelemetry.sdk.trace")
    except ValueError as error:
        masked = {name: os.environ.pop(name) for name in _LIMITS if name in os.environ}
        warn_once(
            "sdk-limits",
            "the OpenTelemetry SDK refuses its environment (%s); its defaults are used: correct the variable",
            error,
        )
        try:
            importlib.import_module("opentelemetry.sdk.trace")
        finally:
            os.environ.update(masked)


_import_sdk()

from opentelemetry.sdk.resources import Resource  # noqa: E402  (only once the import above has succeeded)
from opentelemetry.sdk.trace import (  # noqa: E402
    ConcurrentMultiSpanProcessor,
    Event,
    ReadableSpan,
    Span,
    SpanLimits,
    SpanProcessor,
    TracerProvider,
    sampling,
)
from opentelemetry.sdk.trace.id_generator import IdGenerator  # noqa: E402

__all__ = [
    "ConcurrentMultiSpanProcessor",
    "Event",
    "IdGenerator",
    "ReadableSpan",
    "Resource",
    "Span",
    "SpanExportResult",
    "SpanExporter",
    "SpanLimits",
    "SpanProcessor",
    "TracerProvider",
    "sampling",
]

# Spans are recorded without them.
_OF_EXPORTERS = frozenset({"SpanExportResult", "SpanExporter"})


def __getattr__(name: str) -> object:
    if name in _OF_EXPORTERS:
        with gate:
            from opentelemetry.sdk.trace import export
        return getattr(export, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
