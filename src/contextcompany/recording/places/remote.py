"""What a carrier makes current: a run of another process, or the parent of root runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan

from contextcompany.diagnostics import guard
from contextcompany.propagation import carriers
from contextcompany.propagation.current import CurrentHandle
from contextcompany.recording.places.entering import enter, leave
from contextcompany.recording.places.placing import carried_place
from contextcompany.runtime import provider as providers
from contextcompany.runtime.process import process

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import FrameType

    from opentelemetry.trace import Span, SpanContext

    from contextcompany.propagation.current import Node
    from contextcompany.runtime.places import Place


class RemoteSpan(NonRecordingSpan):
    """A span of another process, which a block may make current in the OpenTelemetry context.

    What outlives the block, such as a task, keeps that context.

    Attributes:
        is_open: whether the block is still open.
    """

    def __init__(self, context: SpanContext) -> None:
        super().__init__(context)
        self.is_open = True


class RemoteParent:
    """A span of others in another process, below which root runs start.

    Attributes:
        span: the span, as a parent.
    """

    __slots__ = ("_remote", "span")

    def __init__(self, context: SpanContext) -> None:
        self._remote = RemoteSpan(context)
        self.span: Span = self._remote

    @property
    def is_open(self) -> bool:
        """Return whether the block is still open in which it is current."""
        return self._remote.is_open

    def close(self) -> None:
        """Take note that the block was left."""
        self._remote.is_open = False


class Elsewhere(RemoteParent):
    """An open span of a run in another process, as far as this one is concerned.

    Attributes:
        place: where its run is.
    """

    __slots__ = ("place",)

    def __init__(self, place: Place, context: SpanContext) -> None:
        super().__init__(context)
        self.place = place


parents: Final[CurrentHandle[RemoteParent]] = CurrentHandle("contextcompany-remote-parent")


def remote_parent() -> Span | None:
    """Return the span of others that a carrier brought into this context, or None."""
    return next((parent.span for parent in parents.chain() if parent.is_open), None)


def is_left(span: Span) -> bool:
    """Return whether a span is one of another process whose block was left."""
    return isinstance(span, RemoteSpan) and not span.is_open


class Attachment:
    """Make current what a carrier names, for the length of a block; left by value, as handles are.

    A carrier that names nothing makes nothing current.
    """

    __slots__ = ("_carried", "_entered")

    def __init__(self, carrier: Mapping[str, str] | None) -> None:
        self._carried = carriers.read(carrier)
        self._entered: list[tuple[CurrentHandle[Any], Node[Any]]] = []

    def enter(self, frame: FrameType | None = None) -> Place | None:
        """Begin the block; returns where the run is that is current in it by the carrier, or None.

        Args:
            frame: the frame of the generator in which it begins: its consumer must not see it.
        """
        carried = self._carried
        if carried is None:
            return None
        with guard:
            is_alone = providers.application_provider() is None
            if carried.run_id is not None:
                run = Elsewhere(carried_place(carried.run_id, carried), carried.parent)
                sets_context = is_alone and not run.place.is_off
                node = enter(process.current, run, sets_context=sets_context, frame=frame)
                self._entered.append((process.current, node))
                return run.place
            if not process.is_stopped and not process.instance().settings.disabled:
                sets_context = is_alone and not trace.get_current_span().get_span_context().is_valid
                parent = RemoteParent(carried.parent)
                above = enter(parents, parent, sets_context=sets_context, frame=frame)
                self._entered.append((parents, above))
        return None

    def leave(self) -> None:
        """End the block that was begun last."""
        with guard:
            if self._entered:
                chain, node = self._entered.pop()
                node.handle.close()
                leave(chain, node)
