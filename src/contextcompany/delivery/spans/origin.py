"""What spans of our own have beside themselves: where they come from, and what becomes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.util.types import AnyValue

    from contextcompany.delivery.spans.own import OwnSpan
    from contextcompany.sdk import Resource


class Content(Protocol):
    """What a handle was given: it becomes attributes when the span is read.

    Attributes:
        size: about the bytes that it takes in memory.
    """

    size: int

    def attributes(self, before: Mapping[str, AnyValue]) -> dict[str, AnyValue]:
        """Return the attributes, clean and within their bounds.

        Args:
            before: those that the span has already; of two with one key these go.
        """
        ...

    def name(self) -> str:
        """Return the name of the span."""
        ...


class Origin:
    """What the spans of one configuration share.

    Attributes:
        scope: the instrumentation scope.
        take: gets each span that has ended.
    """

    __slots__ = ("_resource", "scope", "take")

    def __init__(
        self,
        resource: Callable[[], Resource],
        scope: InstrumentationScope,
        take: Callable[[OwnSpan], None],
    ) -> None:
        self._resource = resource
        self.scope = scope
        self.take = take

    @property
    def resource(self) -> Resource:
        """Return the resource."""
        return self._resource()
