"""Recorded runs as plain data: whole spans without what changes from run to run, and trees of names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.recording.rows import whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from contextcompany.testing import Captured


def shapes(captured: Captured) -> list[dict[str, Any]]:
    """Return all spans in the order of their starts, each whole.

    A parent stands there by its name, an exception by class and message; generated step ids are left out.
    """
    found = ordered(captured.spans)
    return [_shape(span, found) for span in found]


def shape(captured: Captured, name: str) -> dict[str, Any]:
    """Return the one span of this name, whole."""
    (found,) = [one for one in shapes(captured) if one["name"] == name]
    return found


def tree(captured: Captured) -> list[Any]:
    """Return the names of all spans, each a list with its children after it; one list for each root."""
    spans = ordered(captured.spans)

    def below(parent: int | None) -> list[Any]:
        return [
            [span.name, *below(span_id(span))]
            for span in spans
            if (span.parent.span_id if span.parent else None) == parent
        ]

    return below(None)


def ordered(spans: Sequence[ReadableSpan]) -> list[ReadableSpan]:
    """Return spans in the order of their starts."""
    return sorted(spans, key=lambda span: span.start_time or 0)


def span_id(span: ReadableSpan) -> int:
    """Return the id of a span."""
    assert span.context is not None
    return int(span.context.span_id)


def _shape(span: ReadableSpan, every: list[ReadableSpan]) -> dict[str, Any]:
    shown = whole(span)
    names = {span_id(one): one.name for one in every}
    shown["parent"] = None if shown["parent"] is None else names[shown["parent"]]
    shown["events"] = [
        (name, event["exception.type"], event.get("exception.message")) for name, event in shown["events"]
    ]
    shown["attributes"].pop("tcc.stepId", None)
    return shown
