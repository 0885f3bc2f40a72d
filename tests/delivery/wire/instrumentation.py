"""Instrumentations of HTTP clients as applications install them, cut down to what they do to a request.

They stand where the ones of the OpenTelemetry project stand: around `requests.Session.send` and around
`urllib3.HTTPConnectionPool.urlopen`. They make a client span, put its context into the headers, and keep
out where instrumentation is suppressed in the current context.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import requests
import urllib3
from opentelemetry import context, trace
from opentelemetry.propagate import inject
from opentelemetry.trace import SpanKind

if TYPE_CHECKING:
    from collections.abc import Iterator


def _is_suppressed() -> bool:
    names = ("_SUPPRESS_INSTRUMENTATION_KEY", "_SUPPRESS_HTTP_INSTRUMENTATION_KEY")
    return any(context.get_value(getattr(context, name)) for name in names)


@contextmanager
def instrumented_requests() -> Iterator[None]:
    """Trace every request of the library `requests`, for the length of a block."""
    original = requests.Session.send

    def send(self: Any, request: Any, **kwargs: Any) -> Any:
        if _is_suppressed():
            return original(self, request, **kwargs)
        with trace.get_tracer("requests").start_as_current_span(request.method, kind=SpanKind.CLIENT):
            inject(request.headers)
            return original(self, request, **kwargs)

    requests.Session.send = send  # type: ignore[method-assign]
    try:
        yield
    finally:
        requests.Session.send = original  # type: ignore[method-assign]


@contextmanager
def instrumented_urllib3() -> Iterator[None]:
    """Trace every request of the library `urllib3`, for the length of a block."""
    original = urllib3.HTTPConnectionPool.urlopen

    def urlopen(
        self: Any, method: str, url: str, body: Any = None, headers: Any = None, **kwargs: Any
    ) -> Any:
        if _is_suppressed():
            return original(self, method, url, body=body, headers=headers, **kwargs)
        with trace.get_tracer("urllib3").start_as_current_span(method, kind=SpanKind.CLIENT):
            headers = dict(headers or {})
            inject(headers)
            return original(self, method, url, body=body, headers=headers, **kwargs)

    urllib3.HTTPConnectionPool.urlopen = urlopen  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        urllib3.HTTPConnectionPool.urlopen = original  # type: ignore[method-assign]
