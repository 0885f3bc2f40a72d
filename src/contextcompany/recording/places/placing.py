"""Where a run is: the current one, one of this process, one of another, or nowhere at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry import trace

from contextcompany.propagation import carriers, ids
from contextcompany.recording.places import ambient, sampling
from contextcompany.recording.places.identity import merge_identity
from contextcompany.runtime import provider as providers
from contextcompany.runtime.places import Place
from contextcompany.runtime.process import process
from contextcompany.semconv import attributes as names
from contextcompany.settings import destination as destinations

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contextcompany.propagation.carriers import Carried
    from contextcompany.runtime.instance import Instance
    from contextcompany.settings.destination import Destination


def place_of(
    run_id: str | None,
    api_key: str | None,
    tcc_url: str | None,
    carrier: Mapping[str, str] | None,
    *,
    function: str,
) -> Place:
    """Return where a run is: the current one, one of this process, or one of another process.

    Raises:
        ValueError: without a run id where no run is current, or for a URL that is none.
    """
    carried = carriers.read(carrier)
    if carried is not None and carried.run_id is not None and run_id in (None, carried.run_id):
        return carried_place(carried.run_id, carried, api_key, tcc_url)
    known = process.current_place() if run_id is None else _known_place(run_id)
    if known is None and run_id is None:
        raise ValueError(
            f"{function} needs a run: got no run_id and no run is current here; "
            "pass run_id=, or call it inside `with tcc.run():` (a thread sees no run of another thread)"
        )
    if known is not None and carried is None and not api_key and not tcc_url:
        return known
    return _further_place(run_id or (known.run_id if known else ""), known, carried, api_key, tcc_url)


def carried_place(
    run_id: str, carried: Carried, api_key: str | None = None, tcc_url: str | None = None
) -> Place:
    """Return the place that a carrier names, be its run of this process or of another one.

    The id alone does not make it a run of this process: runs of two processes may have the same one,
    and what belongs to the one must not go to the destination of the other.

    Raises:
        ValueError: for a URL that is none.
    """
    known = _known_place(run_id)
    if known is not None and known.span_context.trace_id != carried.parent.trace_id:
        known = None
    return _further_place(run_id, known, carried, api_key, tcc_url)


def destination_of(instance: Instance, api_key: str | None, tcc_url: str | None) -> Destination | None:
    """Return where a run goes that names a key or a URL; None stands for the configured place.

    Raises:
        ValueError: for a URL that is none, or a key that cannot stand in a header.
    """
    if not api_key and not tcc_url:
        return None
    base = instance.settings.destination
    found = destinations.resolve(base, api_key=api_key or None, tcc_url=tcc_url or None)
    return None if found == base and instance.settings.exporter is None else found


def _further_place(
    run_id: str,
    known: Place | None,
    carried: Carried | None,
    api_key: str | None,
    tcc_url: str | None,
) -> Place:
    """Describe a run of another process, or a known one with another destination or parent."""
    instance = known.instance if known is not None else process.instance()
    target = destination_of(instance, api_key, tcc_url)
    named = bool(api_key or tcc_url)
    remote = None if carried is None else carried.parent
    theirs = carried if carried is not None and carried.run_id == run_id else None
    session_id, identity = _whose(known, theirs)
    if instance.settings.disabled or process.is_stopped:
        return off_place(run_id, instance, session_id)
    if known is not None:
        # What is held back here travels as left out, for others; here it is held back with the rest.
        is_out = theirs is not None and theirs.is_off and known.held is None
        is_recorded = not known.is_off and not is_out
    elif theirs is not None:
        is_recorded = not theirs.is_off
    else:
        is_recorded = sampling.is_sampled_elsewhere(run_id, remote, instance)
    if not is_recorded:
        is_unsampled = known is None or known.is_unsampled or not known.is_off
        return off_place(run_id, instance, session_id, is_unsampled=is_unsampled)
    if known is not None:
        shared = known.shared
    else:
        shared = instance.shared_tracer(run_has_destination=target is not None)
    return Place(
        run_id=run_id,
        span_context=remote or (known.span_context if known is not None else ids.derived_context(run_id)),
        first=known.first if known is not None and remote is None else None,
        shared=shared,
        instance=instance,
        destination=target if named or known is None else known.destination,
        sets_context=shared is not None or providers.application_provider() is None,
        identity=identity,
        session_id=session_id,
        sample_rate=known.sample_rate if known is not None else instance.settings.sample_rate,
        held=known.held if known is not None else None,
    )


def _whose(known: Place | None, theirs: Carried | None) -> ambient.Around:
    """Return who a run is for: as this process knows, else as the carrier says, else the blocks around."""
    if known is not None:
        return ambient.Around(known.session_id, known.identity)
    told = ambient.around(None)
    if theirs is None:
        return told
    given = {names.TCC_USER_ID: theirs.user_id, names.TCC_ORG_ID: theirs.org_id}
    merge_identity(told.identity, {key: value for key, value in given.items() if value})
    return ambient.Around(theirs.session_id or told.session_id, told.identity)


def _known_place(run_id: str) -> Place | None:
    for handle in process.current.chain():
        if handle.place.run_id == run_id:
            return handle.place
    return process.places.get(run_id)


def off_place(
    run_id: str,
    instance: Instance,
    session_id: str | None,
    *,
    outer: Place | None = None,
    is_unsampled: bool = False,
) -> Place:
    """Return the place of a run of which nothing is recorded."""
    return Place(
        run_id=run_id,
        span_context=trace.INVALID_SPAN_CONTEXT,
        instance=instance,
        destination=None,
        is_off=True,
        session_id=session_id,
        outer=outer,
        is_unsampled=is_unsampled,
    )
