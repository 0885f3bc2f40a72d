"""Go on in this process with a run of another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contextcompany.propagation.frames import frame_at, generator_frame
from contextcompany.recording.handles.runs import run_at
from contextcompany.recording.places.remote import Attachment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from contextcompany.recording.handles.run import Run


class attach:  # noqa: N801  (used as a function)
    """Make the run that a carrier names current for the length of a `with` block.

    Steps and tool calls inside the block land in that run without an id, `run()` starts a run inside
    of it, and `run(resume=True)` continues it. A carrier with nothing but the trace context of
    others makes no run current: runs that start inside the block nest below it, unless the
    application has a current span here. Any other carrier, and None, changes nothing. A plain `with`
    is right in async code too.

    What a carrier says is believed. Attach carriers of those only who may write into your runs.

    Args:
        carrier: HTTP headers, the attributes of a message, `os.environ`; names are compared in
            lower case.

    Source: W3C Trace Context, https://www.w3.org/TR/trace-context/; W3C Baggage,
    https://www.w3.org/TR/baggage/.
    """

    def __init__(self, carrier: Mapping[str, str] | None) -> None:
        self._attachment = Attachment(carrier)

    def __enter__(self) -> Run | None:
        """Begin the block; inside a generator it holds while the generator runs.

        Returns:
            The run as far as this process has it, or None: it has the run's ids, takes steps, tool calls
            and feedback, and is not ended here.
        """
        place = self._attachment.enter(generator_frame(frame_at(1)))
        return None if place is None else run_at(place)

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the block; an exception goes on."""
        self._attachment.leave()
