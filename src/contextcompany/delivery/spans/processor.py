"""The span processor that enforces the invariants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.trace import Status, StatusCode

from contextcompany import invariants
from contextcompany.delivery.spans.rebuild import rebuilt
from contextcompany.diagnostics import guard
from contextcompany.redaction import redact_secrets
from contextcompany.sdk import Event, SpanProcessor
from contextcompany.semconv import attributes as names
from contextcompany.settings.settings import content_is_captured

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.util.types import AnyValue

    from contextcompany.sdk import ReadableSpan, Span


_ERROR_TEXTS: Final = (names.EXCEPTION_MESSAGE, names.EXCEPTION_STACKTRACE)


class RunSpanProcessor(SpanProcessor):
    """Hold every run, step and tool call against the invariants, in front of any processor.

    A span that breaks a rule is not dropped: what stands behind this processor gets a repaired copy
    with status ERROR, `error.type` = `tcc.incomplete` and the broken rules in `tcc.violations`.
    Spans that are no runs, steps or tool calls (those without `tcc.runId`) pass unchanged, and so
    do failed ones, which need no fields.

    Args:
        next_processor: the processor that gets the spans; any `opentelemetry.sdk.trace.SpanProcessor`.
        capture_content: whether content is expected on spans; None reads `TCC_CAPTURE_CONTENT`.
    """

    def __init__(self, next_processor: SpanProcessor, *, capture_content: bool | None = None) -> None:
        self._next = next_processor
        self._content = content_is_captured() if capture_content is None else capture_content

    def __repr__(self) -> str:
        """Return the processor with the one behind it."""
        return f"RunSpanProcessor({self._next!r})"

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Pass a started span on."""
        with guard:
            self._next.on_start(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        """Check an ended span, repair it if it breaks a rule, pass it on."""
        with guard:
            self._next.on_end(checked(span, content=self._content))

    def _on_ending(self, span: Span) -> None:
        with guard:
            self._next._on_ending(span)  # noqa: SLF001  (the SDK's own hook has this name)

    def shutdown(self) -> None:
        """Shut the next processor down."""
        self._next.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush the next processor; returns what it returns."""
        return self._next.force_flush(timeout_millis)


def checked(span: ReadableSpan, *, content: bool = True) -> ReadableSpan:
    """Return the span itself if it keeps the rules, else a repaired copy.

    Args:
        span: an ended span.
        content: whether missing prompts and responses count as broken rules; a span that says
            `tcc.contentCaptured` = false is never held against them.
    """
    attributes = span.attributes or {}
    kind = invariants.kind_of(attributes)
    if kind is None:
        return span
    expected = content and attributes.get(names.TCC_CONTENT_CAPTURED) is not False
    if span.events or span.status.description:
        span = without_secrets(span, content=expected)
    if span.status.status_code is StatusCode.ERROR:
        return span
    broken = invariants.broken_rules(kind, attributes, content=expected)
    if not broken:
        return span
    return rebuilt(
        span,
        add={
            names.TCC_VIOLATIONS: [rule.name for rule in broken],
            names.TCC_STATUS_CODE: 2,
            names.ERROR_TYPE: names.ERROR_TYPE_INCOMPLETE,
        },
        status=Status(StatusCode.ERROR, description_of(broken)),
    )


def without_secrets(span: ReadableSpan, *, content: bool) -> ReadableSpan:
    """Return the span with the secret patterns applied to what others wrote onto it.

    Libraries find a span of ours as the current one and record exceptions on it, past the handle.
    """
    events = [_masked(event, content=content) for event in span.events]
    said = span.status.description
    described = None if said is None else redact_secrets(said)
    if described == said and all(new is old for new, old in zip(events, span.events, strict=True)):
        return span
    return rebuilt(span, status=Status(span.status.status_code, described), events=events)


def _masked(event: Event, *, content: bool) -> Event:
    kept: dict[str, AnyValue] = {}
    for key, value in (event.attributes or {}).items():
        if key in _ERROR_TEXTS:
            if content:
                kept[key] = redact_secrets(value) if isinstance(value, str) else value
        else:
            kept[key] = value
    same = kept == dict(event.attributes or {})
    return event if same else Event(event.name, BoundedAttributes(attributes=kept), event.timestamp)


def description_of(broken: tuple[invariants.Rule, ...]) -> str:
    """Return the status text of a span that broke these rules."""
    return "ended without " + ", ".join(rule.name for rule in broken)
