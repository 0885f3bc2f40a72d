"""Continue a run: in another process, or later in the same one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan

from contextcompany.propagation import carriers
from contextcompany.recording.placing import off_place, place_of
from contextcompany.recording.remote import Elsewhere
from contextcompany.recording.start import start_child
from contextcompany.runtime.places import Place
from contextcompany.runtime.process import process
from contextcompany.semconv import attributes as names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.util.types import AttributeValue

    from contextcompany.recording.recording import Recording


def run_to_resume(run_id: str | None, carrier: Mapping[str, str] | None) -> str:
    """Return the id of the run to resume: the given one, the carrier's, or the attached carrier's.

    Raises:
        ValueError: where none of them names one.
    """
    if run_id is not None:
        return run_id
    carried = carriers.read(carrier)
    if carried is not None and carried.run_id is not None:
        return carried.run_id
    nearest = next((found for found in process.current.chain() if found.is_open), None)
    if isinstance(nearest, Elsewhere):
        return nearest.place.run_id
    raise ValueError(
        "run(resume=True) needs the id of the run: got no run_id, and no carrier that names a run; "
        "pass run_id=, or the carrier that inject() wrote"
    )


def resume_run(
    *,
    run_id: str,
    session_id: str | None,
    conversational: bool | None,
    api_key: str | None,
    tcc_url: str | None,
    start_time: int | None,
    carrier: Mapping[str, str] | None,
) -> Recording:
    """Start a further span of a run, below its first one and linked to it.

    The first one is where the carrier says, else where this process knows the run, else where the
    run's id says.
    """
    before = place_of(run_id, api_key, tcc_url, carrier, function="run(resume=True)")
    session = before.session_id if session_id is None else session_id
    if process.is_stopped or before.is_off:
        place = off_place(run_id, before.instance, session)
    else:
        place = Place(
            run_id=run_id,
            span_context=before.first,
            first=before.first,
            tracer=before.tracer,
            instance=before.instance,
            destination=before.destination,
            is_shared=before.is_shared,
            sets_context=before.sets_context,
            identity=dict(before.identity),
            session_id=session,
            outer=before.outer,
        )
    attributes: dict[str, AttributeValue] = {names.TCC_RESUMED: True}
    if conversational is not None:
        attributes[names.TCC_CONVERSATIONAL] = conversational
    recording = start_child(
        "run",
        place,
        below=NonRecordingSpan(place.first),
        attributes=attributes,
        fields={},
        start_time=start_time,
        links=[trace.Link(place.first)],
    )
    if not place.is_off:
        place.span_context = recording.span.get_span_context()
        process.places.add(place)
    return recording
