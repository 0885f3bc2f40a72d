"""The current handle: a ContextVar of ours, so that the application's context stays its own.

What is current is a chain of nodes, innermost first. It is left by value, never by token: a block
may be left in another context than it was entered in (async generators, task per step).
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.context import Context


class Current(Protocol):
    """What can be current: a handle that knows whether it is still open."""

    @property
    def is_open(self) -> bool:
        """Return whether it has not been ended or closed."""
        ...


H = TypeVar("H", bound=Current)


class Node(Generic[H]):
    """One entered `with` block: its handle, and the block around it.

    Attributes:
        handle: what is current inside the block.
        outer: the block around it.
        overtaken: whether it was left before blocks that were entered inside it.
        before: the OpenTelemetry context around the block, where the block set one of its own.
        inside: the OpenTelemetry context that the block set.
    """

    __slots__ = ("before", "handle", "inside", "outer", "overtaken")

    def __init__(self, handle: H, outer: Node[H] | None) -> None:
        self.handle = handle
        self.outer = outer
        self.overtaken = False
        self.before: Context | None = None
        self.inside: Context | None = None


class CurrentHandle(Generic[H]):
    """The chain of entered blocks in the running context."""

    def __init__(self, name: str) -> None:
        self._var: ContextVar[Node[H] | None] = ContextVar(name, default=None)

    def enter(self, handle: H) -> Node[H]:
        """Make a handle the current one; returns the node to leave with."""
        node = Node(handle, self._var.get())
        self._var.set(node)
        return node

    def leave(self, node: Node[H]) -> Node[H] | None:
        """Take a node out; returns the outermost node that went, None if the node was not current.

        A node that others were entered above (blocks left out of order) goes when they leave. In a
        context that never held the node nothing changes.
        """
        current = self._var.get()
        if current is node:
            gone = node
            while gone.outer is not None and gone.outer.overtaken:
                gone = gone.outer
            self._var.set(gone.outer)
            return gone
        while current is not None:
            if current is node:
                node.overtaken = True
                break
            current = current.outer
        return None

    @property
    def is_inside(self) -> bool:
        """Return whether this context is inside of a block."""
        return self._var.get() is not None

    def clear(self) -> None:
        """Forget the entered blocks of this context."""
        self._var.set(None)

    def chain(self) -> Iterator[H]:
        """Iterate over the handles of the entered blocks, innermost first.

        A task that outlives the block it was started in still sees the block's handle.
        """
        node = self._var.get()
        while node is not None:
            yield node.handle
            node = node.outer
