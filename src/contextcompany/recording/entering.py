"""Make something of ours current in this context, and take it back by value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry import context as otel_context
from opentelemetry import trace

from contextcompany.runtime.process import process

if TYPE_CHECKING:
    from opentelemetry.trace import Span

    from contextcompany.propagation.current import Node
    from contextcompany.runtime.process import CurrentRecording


def enter(recording: CurrentRecording, *, sets_context: bool) -> Node[CurrentRecording]:
    """Make a recording the current one; returns the node to leave with.

    Args:
        recording: what becomes current.
        sets_context: whether its span becomes current in the OpenTelemetry context too.
    """
    node = process.current.enter(recording)
    if sets_context:
        node.before = otel_context.get_current()
        node.inside = trace.set_span_in_context(recording.span, node.before)
        otel_context.attach(node.inside)
    return node


def leave(node: Node[CurrentRecording], span: Span) -> None:
    """Take a node out of this context, and its span out of the OpenTelemetry context.

    By value: the block may be left in another context than it was entered in, where a token of the
    first one cannot be reset.
    """
    gone = process.current.leave(node)
    if gone is None or gone.before is None:
        return
    current = otel_context.get_current()
    if current is node.inside:
        otel_context.attach(gone.before)
    elif trace.get_current_span(current) is span:
        # Somebody attached further values and left them: they stay, our span does not.
        outer = trace.get_current_span(gone.before)
        otel_context.attach(trace.set_span_in_context(outer, current))
