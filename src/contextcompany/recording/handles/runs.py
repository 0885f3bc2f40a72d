"""Start runs, and find those that are current."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from contextcompany.propagation import ids
from contextcompany.recording.handles.copies import recording_at
from contextcompany.recording.handles.off import OffHandle
from contextcompany.recording.handles.resuming import begin_run
from contextcompany.recording.handles.run import Run
from contextcompany.recording.places.identity import IDENTITY_KEYS
from contextcompany.recording.places.remote import Elsewhere
from contextcompany.recording.spans.moments import nanoseconds
from contextcompany.recording.spans.start import start_run
from contextcompany.runtime.process import process
from contextcompany.settings.settings import seconds

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from contextcompany.recording.spans.moments import Moment
    from contextcompany.recording.spans.start import Given
    from contextcompany.runtime.places import Place


class OffRun(OffHandle, Run):
    """A run of which nothing is recorded."""

    __slots__ = ()

    def prompt(self, user_prompt: object, system_prompt: object = None) -> Self:  # noqa: ARG002
        """See `Run.prompt`."""
        return self._set("prompt()", "prompt")

    def response(self, text: object) -> Self:  # noqa: ARG002
        """See `Run.response`."""
        self._recording.require_open("response()")
        return self

    def metadata(self, data: Mapping[str, Any] | None = None, **kwargs: Any) -> Self:
        """See `Run.metadata`."""
        if kwargs or not isinstance(data, dict) or not IDENTITY_KEYS.isdisjoint(data):
            return super().metadata(data, **kwargs)
        self._recording.require_open("metadata()")
        return self


def run(
    run_id: str | UUID | None = None,
    session_id: str | UUID | None = None,
    conversational: bool | None = None,
    api_key: str | None = None,
    tcc_url: str | None = None,
    *,
    start_time: Moment | None = None,
    timeout: float | None = None,
    flush: bool = False,
    resume: bool = False,
    carrier: Mapping[str, str] | None = None,
) -> Run:
    """Start a run: one user input to one final answer.

    It nests under the application's current span, or under the run around it. With `resume=True` it
    goes on with a run that this or another process began: a further span with the same run id, below
    the first one and linked to it.

    Args:
        run_id: the run's id; a UUID is generated if left out.
        session_id: groups runs of one conversation; else that of the `identity()` block around it.
        conversational: whether a user began it; None leaves that open.
        api_key: a key for this run alone.
        tcc_url: a collector for this run alone; without `api_key` no key goes to another origin.
        start_time: when it began, if not now: an aware datetime or seconds since the epoch.
        timeout: seconds after which the run is closed if nobody ended it; None for
            `configure(run_timeout=…)`.
        flush: wait up to 5 seconds for delivery when the run ends, for serverless functions.
        resume: whether to go on with the run of that id, or of the carrier.
        carrier: what `inject` wrote in another process; the run starts there, as inside `attach`.

    Raises:
        TypeError: for an id that is neither text nor UUID, or another wrong type.
        ValueError: for a URL that is none, a time that is none, or `resume` without a run's id.
    """
    if conversational is not None and not isinstance(conversational, bool):
        raise TypeError(
            f"conversational must be True, False or None: got {type(conversational).__name__}; pass a bool"
        )
    limit = None if timeout is None else seconds("timeout", timeout)
    given: Given = {
        "session_id": None if session_id is None else ids.id_text("session_id", session_id),
        "conversational": conversational,
        "api_key": api_key,
        "tcc_url": tcc_url,
        "start_time": None if start_time is None else nanoseconds("start_time", start_time),
    }
    known_id = None if run_id is None else ids.id_text("run_id", run_id)
    if resume or carrier is not None:
        recording = begin_run(known_id, resume=resume, carrier=carrier, **given)
    else:
        recording = start_run(run_id=known_id or ids.new_id(), **given)
    if limit is None:
        limit = recording.place.instance.settings.run_timeout
    kind = OffRun if recording.place.is_off else Run
    return kind(recording, run_id=recording.run_id, timeout=limit, flush=flush)


def run_at(place: Place) -> Run:
    """Return what stands for a run that began in another process."""
    return Run(recording_at(place), run_id=place.run_id, timeout=None, flush=False)


def current_run() -> Run | None:
    """Return the run of the nearest open handle in this context, or None.

    Where that run began in another process (`attach`), it is one that takes steps, tool calls and
    feedback, and is not ended here.
    """
    for recording in process.current.chain():
        if isinstance(recording, Elsewhere) and recording.is_open:
            return run_at(recording.place)
        if recording.is_open:
            found = recording.place.run() if recording.place.run is not None else None
            return found if isinstance(found, Run) else None
    return None
