"""The current handle: a ContextVar of ours, so that the application's context stays its own.

What is current is a chain of nodes, innermost first. It is left by value, never by token: a block
may be left in another context than it was entered in (async generators, task per step).

A node that was entered in the frame of a generator is current only while that frame runs: a generator
shares its caller's context, so what it entered would otherwise be current for its consumer too.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

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
        is_bound: whether it is current only while the frame of a generator runs.
    """

    # What most nodes keep, and what costs nothing here.
    overtaken = False
    before: Context | None = None
    inside: Context | None = None
    is_bound = False
    _frame: FrameType | None = None

    def __init__(self, handle: H, outer: Node[H] | None, frame: FrameType | None = None) -> None:
        self.handle = handle
        self.outer = outer
        if frame is not None:
            self.is_bound = True
            self._frame = frame

    @property
    def is_gone(self) -> bool:
        """Return whether it was entered in a generator and left: it is never current again."""
        return self.is_bound and self._frame is None

    @property
    def is_suspended(self) -> bool:
        """Return whether the generator in which it was entered does not run now, or has left it."""
        # A frame that is suspended was called by nobody.
        return self.is_bound and (self._frame is None or self._frame.f_back is None)

    def release(self) -> None:
        """Let go of the generator's frame: the block was left, and is never current again."""
        if self.is_bound:
            self._frame = None


class CurrentHandle(Generic[H]):
    """The chain of entered blocks in the running context."""

    def __init__(self, name: str) -> None:
        self._var: ContextVar[Node[H] | None] = ContextVar(name, default=None)

    @property
    def variable(self) -> ContextVar[Node[H] | None]:
        """Return the variable itself, for who takes down what is current and brings it back by value."""
        return self._var

    def enter(self, handle: H, frame: FrameType | None = None) -> Node[H]:
        """Make a handle the current one; returns the node to leave with.

        Args:
            handle: what is to be current.
            frame: the frame of the generator in which it is entered: it is current while that runs.
        """
        outer = self._var.get()
        if outer is not None and (outer.is_bound or outer.overtaken):
            outer = self._outer()
        node = Node(handle, outer, frame)
        self._var.set(node)
        return node

    def _outer(self) -> Node[H] | None:
        """Return what is current without the nodes that generators left in another context.

        Nothing else takes these out of this one, where there would be more of them with every generator.
        """
        node = self._var.get()
        passed = False
        while node is not None and (node.is_gone or (passed and node.overtaken)):
            passed = True
            node = node.outer
        return node

    def leave(self, node: Node[H]) -> Node[H] | None:
        """Take a node out; returns the outermost node that went, None if the node was not current.

        A node that others were entered above (blocks left out of order) goes when they leave. In a
        context that never held the node nothing changes.
        """
        current = self._var.get()
        outer = node.outer
        if current is node and not node.is_bound and (outer is None or not outer.overtaken):
            self._var.set(outer)
            return node
        node.release()
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

    def snapshot(self) -> Node[H] | None:
        """Return what is current, for `restore`."""
        return self._var.get()

    def restore(self, node: Node[H] | None) -> None:
        """Make current what was, whatever was entered since."""
        self._var.set(node)

    @property
    def is_inside(self) -> bool:
        """Return whether this context is inside of a block."""
        return self._var.get() is not None

    def clear(self) -> None:
        """Forget the entered blocks of this context."""
        self._var.set(None)

    def innermost(self) -> H | None:
        """Return the handle of the block entered last, or None."""
        node = self._var.get()
        return None if node is None else node.handle

    def innermost_open(self) -> H | None:
        """Return the nearest handle that is open, or None."""
        node = self._var.get()
        if node is None:
            return None
        if not node.is_bound and node.handle.is_open:  # nearly always, and much cheaper than to iterate
            return node.handle
        return next((handle for handle in self.chain() if handle.is_open), None)

    def chain(self) -> Iterator[H]:
        """Iterate over the handles of the entered blocks, innermost first.

        A task that outlives the block it was started in still sees the block's handle.
        """
        for node in self.nodes():
            yield node.handle

    def nodes(self) -> Iterator[Node[H]]:
        """Iterate over the entered blocks, innermost first, without those of generators that do not run."""
        node = self._var.get()
        passed = False
        while node is not None:
            if node.is_bound and node.is_suspended:
                passed = True
            elif not (passed and node.overtaken):
                yield node
            node = node.outer

    def is_bound(self, handle: H) -> bool:
        """Return whether a handle is current in the frame of a generator only."""
        return any(node.is_bound for node in self.nodes() if node.handle is handle)
