"""Make something current in this context together with its span, and take it back by value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from opentelemetry import context as otel_context
from opentelemetry import trace

if TYPE_CHECKING:
    from types import FrameType

    from opentelemetry.trace import Span

    from contextcompany.propagation.current import CurrentHandle, Node


class Spanned(Protocol):
    """What can be entered: something that stands for a span."""

    span: Span

    @property
    def is_open(self) -> bool:
        """Return whether it has been neither ended nor closed."""
        ...


S = TypeVar("S", bound=Spanned)


def enter(
    chain: CurrentHandle[S], entered: S, *, sets_context: bool, frame: FrameType | None = None
) -> Node[S]:
    """Make something the current one of a chain; returns the node to leave with.

    Args:
        chain: what it becomes the innermost of.
        entered: what becomes current.
        sets_context: whether its span becomes current in the OpenTelemetry context too.
        frame: the frame of the generator in which it is entered, where its consumer must not see it;
            it is the consumer's OpenTelemetry context too, and left alone.
    """
    node = chain.enter(entered, frame)
    if sets_context and frame is None:
        node.before = otel_context.get_current()
        node.inside = trace.set_span_in_context(entered.span, node.before)
        otel_context.attach(node.inside)
    return node


def leave(chain: CurrentHandle[S], node: Node[S]) -> None:
    """Take a node out of its chain in this context, and its span out of the OpenTelemetry context.

    By value: the block may be left in another context than it was entered in, where a token of the
    first one cannot be reset.
    """
    gone = chain.leave(node)
    if gone is None or gone.before is None:
        return
    current = otel_context.get_current()
    if current is node.inside:
        otel_context.attach(gone.before)
    elif trace.get_current_span(current) is node.handle.span:
        # Somebody attached further values and left them: they stay, our span does not.
        outer = trace.get_current_span(gone.before)
        otel_context.attach(trace.set_span_in_context(outer, current))
