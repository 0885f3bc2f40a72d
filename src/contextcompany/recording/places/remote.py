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

    from opentelemetry.trace import Span, SpanContext

    from contextcompany.propagation.current import Node
    from contextcompany.runtime.places import Place


class Elsewhere:
    """An open span of another process, as far as this one is concerned.

    Attributes:
        place: where its run is.
        span: the span, as a parent.
        is_open: whether the block is still open in which it is current.
    """

    __slots__ = ("is_open", "place", "span")

    def __init__(self, place: Place, context: SpanContext) -> None:
        self.place = place
        self.span: Span = NonRecordingSpan(context)
        self.is_open = True


class RemoteParent:
    """A span of others in another process, below which root runs start.

    Attributes:
        span: the span, as a parent.
        is_open: whether the block is still open in which it is current.
    """

    __slots__ = ("is_open", "span")

    def __init__(self, context: SpanContext) -> None:
        self.span: Span = NonRecordingSpan(context)
        self.is_open = True


parents: Final[CurrentHandle[RemoteParent]] = CurrentHandle("contextcompany-remote-parent")


def remote_parent() -> Span | None:
    """Return the span of others that a carrier brought into this context, or None."""
    return next((parent.span for parent in parents.chain() if parent.is_open), None)


class Attachment:
    """Make current what a carrier names, for the length of a block; left by value, as handles are.

    A carrier that names nothing makes nothing current.
    """

    __slots__ = ("_carried", "_entered")

    def __init__(self, carrier: Mapping[str, str] | None) -> None:
        self._carried = carriers.read(carrier)
        self._entered: list[tuple[CurrentHandle[Any], Node[Any]]] = []

    def enter(self) -> Place | None:
        """Begin the block; returns where the run is that is current in it by the carrier, or None."""
        carried = self._carried
        if carried is None:
            return None
        with guard:
            is_alone = providers.application_provider() is None
            if carried.run_id is not None:
                run = Elsewhere(carried_place(carried.run_id, carried), carried.parent)
                sets_context = is_alone and not run.place.is_off
                node = enter(process.current, run, sets_context=sets_context)
                self._entered.append((process.current, node))
                return run.place
            if not process.is_stopped and not process.instance().settings.disabled:
                sets_context = is_alone and not trace.get_current_span().get_span_context().is_valid
                above = enter(parents, RemoteParent(carried.parent), sets_context=sets_context)
                self._entered.append((parents, above))
        return None

    def leave(self) -> None:
        """End the block that was begun last."""
        with guard:
            if self._entered:
                chain, node = self._entered.pop()
                node.handle.is_open = False
                leave(chain, node)
