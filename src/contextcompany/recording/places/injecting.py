"""Write the place of the current handle into a carrier, for another process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from opentelemetry import trace

from contextcompany.diagnostics import logger
from contextcompany.propagation import carriers, ids
from contextcompany.propagation.carriers import Carried, unsampled
from contextcompany.runtime import provider as providers
from contextcompany.runtime.process import process
from contextcompany.semconv import attributes as names

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from opentelemetry.trace import SpanContext

    from contextcompany.runtime.places import Place


def inject(
    carrier: MutableMapping[str, str] | None = None, *, environment: bool = False, identity: bool = False
) -> MutableMapping[str, str]:
    """Write where this code is in its run into a carrier, for `attach` in another process.

    The carrier gets the W3C headers `traceparent` and `tracestate`, unless it has a trace context
    already, and members in `baggage`: the run, the place in it, the session. Without a current run
    nothing is written. Never write into a carrier for somebody who must not know these ids.

    Args:
        carrier: HTTP headers, the attributes of a message, environment variables; None for a new dict.
        environment: whether to use the names of environment variables, in upper case; always so for
            `os.environ`.
        identity: whether the ids of the user and the organisation go along; they are personal data.

    Returns:
        The carrier.

    Raises:
        TypeError: for a carrier that cannot be written like a dict.

    Source: W3C Trace Context, https://www.w3.org/TR/trace-context/; W3C Baggage,
    https://www.w3.org/TR/baggage/.
    """
    target: MutableMapping[str, str] = {} if carrier is None else carrier
    if not (hasattr(target, "items") and hasattr(target, "__setitem__")):
        raise TypeError(f"carrier must be a mutable mapping: got {type(target).__name__}; pass a dict")
    found = _here()
    if found is None:
        logger.debug("no run is current, so nothing is written into the carrier")
        return target
    place, context = found
    if place.is_off or not context.is_valid:  # a neighbour may have prevented the span
        context = ids.derived_context(place.run_id)
    if not place.is_delivered:
        context = unsampled(context)
    carried = Carried(
        context,
        place.run_id,
        place.session_id,
        place.identity.get(names.TCC_USER_ID) if identity else None,
        place.identity.get(names.TCC_ORG_ID) if identity else None,
    )
    header = _header(place, carried.parent)
    carriers.write(target, carried, header=header, environment=environment or target is os.environ)
    return target


def _here() -> tuple[Place, SpanContext] | None:
    """Return the place and the span of the nearest open handle, else the run of the nearest one."""
    nearest = next((handle for handle in process.current.chain() if handle.is_open), None)
    if nearest is not None:
        return nearest.place, nearest.span.get_span_context()
    place = process.current_place()
    return None if place is None else (place, place.span_context)


def _header(place: Place, ours: SpanContext) -> SpanContext | None:
    """Return the trace context that others are to continue.

    Where the application traces for itself that is its own span, which a span of ours must not
    replace as the parent of its spans elsewhere, nor its sampling.
    """
    host = trace.get_current_span()
    context = host.get_span_context()
    is_host = not providers.is_ours(host) and context.span_id != ours.span_id
    if context.is_valid and is_host:
        is_below_ours = context.trace_id == ours.trace_id
        if not place.sets_context or is_below_ours:
            return context
    # Flags of 0 would switch off the tracing of applications that have nothing to do with our sampling.
    return ours if place.is_delivered else None
