"""Handles of which nothing is recorded: the same calls and the same errors, at a fraction of the cost.

The code around them must not notice whether a run is sampled, so they keep what decides over an error: which
required fields were set, and whether they have ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

from opentelemetry import trace

from contextcompany import invariants
from contextcompany.propagation.frames import frame_at, may_be_generator
from contextcompany.recording.handles.handle import Handle
from contextcompany.recording.spans.moments import Clock
from contextcompany.recording.spans.recording import Recording
from contextcompany.runtime.process import process

if TYPE_CHECKING:
    from types import TracebackType

    from contextcompany.runtime.places import Place

# Nothing is measured by it.
_CLOCK: Final = Clock()


def unrecorded(kind: str, place: Place) -> Recording:
    """Return what stands for the recording of a run, a step or a tool call that is left out."""
    return Recording(kind, place, trace.INVALID_SPAN, _CLOCK)


class OffHandle(Handle):
    """The life of a handle of which nothing is recorded."""

    __slots__ = ()

    def _set(self, setter: str, field: str) -> Self:
        """Remember that a field was set."""
        self._recording.put(setter, field, None)
        return self

    def __enter__(self) -> Self:
        """Make the handle current until the block is left, as any handle."""
        frame = frame_at(1)
        if may_be_generator(frame):
            self._entered.append(self._make_current(frame))
        else:
            self._entered.append(process.current.enter(self._recording))
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the handle; the exception goes on.

        Raises:
            ValueError: where the block is left without a required field.
        """
        recording = self._recording
        is_done = exc is not None or recording.fields.keys() >= invariants.REQUIRED[recording.kind]
        if is_done and recording.is_open and recording.stream is None and len(self._entered) == 1:
            process.current.leave(self._entered.pop())
            recording.leave_out()
        else:
            super().__exit__(exc_type, exc, traceback)
