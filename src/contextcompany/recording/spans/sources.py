"""What tells of a step beside the setters of its handle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contextcompany.recording.spans.mapping import Fields
    from contextcompany.recording.spans.recording import Recording


class Stream(Protocol):
    """An answer that arrives in pieces.

    Attributes:
        ends: whether the step ends with the stream.
    """

    ends: bool

    def end(self, recording: Recording, error: BaseException | None) -> None:
        """End the step with the stream."""
        ...

    def settle(self, fields: Fields, extra: Mapping[str, Any]) -> None:
        """Add what arrived to what was set by hand, which wins."""
        ...


class Duplicates(Protocol):
    """What other libraries recorded of the request that a step stands for."""

    def fills(self, field: str) -> bool:
        """Return whether a field that the caller did not set is known from there, or still may be."""
        ...

    def has_answer(self) -> bool:
        """Return whether the request went well: what it has not told then, nobody is going to tell."""
        ...
