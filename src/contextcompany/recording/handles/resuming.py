"""Begin a run: here, at the place of a carrier, or by going on with one that began elsewhere or earlier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan

from contextcompany.propagation import carriers, ids
from contextcompany.recording.places.placing import off_place, place_of
from contextcompany.recording.places.remote import Attachment, Elsewhere
from contextcompany.recording.spans.start import start_child, start_run
from contextcompany.runtime.places import Place
from contextcompany.runtime.process import process
from contextcompany.semconv import attributes as names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.util.types import AttributeValue

    from contextcompany.recording.spans.recording import Recording
    from contextcompany.recording.spans.start import Given


def begin_run(
    run_id: str | None, *, resume: bool, carrier: Mapping[str, str] | None, **given: Unpack[Given]
) -> Recording:
    """Start the span of a run at the place of a carrier, or of one that goes on with another.

    Raises:
        ValueError: for a URL that is none, or for `resume` where nobody names the run.
    """
    if resume:
        return _resume(_run_to_resume(run_id, carrier), carrier, **given)
    attachment = Attachment(carrier)
    attachment.enter()
    try:
        return start_run(run_id=run_id or ids.new_id(), **given)
    finally:
        attachment.leave()


def _run_to_resume(run_id: str | None, carrier: Mapping[str, str] | None) -> str:
    """Return the id of the run to resume: the given one, the carrier's, or the attached carrier's."""
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


def _resume(run_id: str, carrier: Mapping[str, str] | None, **given: Unpack[Given]) -> Recording:
    """Start a further span of a run, below its first one and linked to it.

    The first one is where the carrier says, else where this process knows the run, else where the
    run's id says.
    """
    before = place_of(run_id, given["api_key"], given["tcc_url"], carrier, function="run(resume=True)")
    session = before.session_id if given["session_id"] is None else given["session_id"]
    if process.is_stopped or before.is_off:
        place = off_place(run_id, before.instance, session, is_unsampled=before.is_unsampled)
    else:
        place = Place(
            run_id=run_id,
            span_context=before.first,
            first=before.first,
            shared=before.shared,
            instance=before.instance,
            destination=before.destination,
            sets_context=before.sets_context,
            identity=dict(before.identity),
            session_id=session,
            outer=before.outer,
            sample_rate=before.sample_rate,
            held=before.held,
        )
    attributes: dict[str, AttributeValue] = {names.TCC_RESUMED: True}
    if given["conversational"] is not None:
        attributes[names.TCC_CONVERSATIONAL] = given["conversational"]
    recording = start_child(
        "run",
        place,
        below=NonRecordingSpan(place.first),
        attributes=attributes,
        fields={},
        start_time=given["start_time"],
        links=[trace.Link(place.first)],
    )
    if not place.is_off:
        place.span_context = recording.span.get_span_context()
        process.places.add(place)
    return recording
