"""What a span starts below, and inside of which run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry import trace

from contextcompany.recording.places.remote import is_left, parents, remote_parent
from contextcompany.runtime import provider as providers
from contextcompany.runtime.process import process
from contextcompany.sdk import ReadableSpan
from contextcompany.semconv import attributes as names

if TYPE_CHECKING:
    from opentelemetry.trace import Span

    from contextcompany.runtime.places import Place
    from contextcompany.runtime.process import CurrentRecording


def application_span() -> Span | None:
    """Return the span around a root run, or None: none is one that ended, was left, or goes nowhere."""
    span = trace.get_current_span()
    if span is trace.INVALID_SPAN:
        return remote_parent() if parents.is_inside else None
    found = span.get_span_context()
    has_ended = is_left(span) or (providers.is_ours(span) and not span.is_recording())
    if not found.is_valid or has_ended or found.span_id in process.nowhere:
        return remote_parent()
    return span


def parent_within(place: Place) -> Span:
    """Return the nearest open handle of a run in this context, else the run itself, as a parent."""
    nearest = process.current.innermost_open()
    if nearest is not None and nearest.place is not place and nearest.place.run_id != place.run_id:
        around = (one for one in process.current.chain() if one.is_open and one.place.run_id == place.run_id)
        nearest = next(around, None)
    return place.as_span() if nearest is None else innermost_below(nearest, shared=place.is_shared)


def innermost_below(nearest: CurrentRecording, *, shared: bool) -> Span:
    """Return the application's span below ours, which only its own provider can have, else ours."""
    span = nearest.span
    if not shared or process.current.is_bound(nearest):
        return span  # a generator's handle is not in the OpenTelemetry context, and nothing below it
    host = trace.get_current_span()
    same_trace = host.get_span_context().trace_id == span.get_span_context().trace_id
    return host if same_trace and host.is_recording() and not providers.is_ours(host) else span


def nearest_around() -> CurrentRecording | None:
    """Return the nearest open handle inside of which a run starts: recorded, or left out with all inside."""
    for found in process.current.chain():
        if found.is_open and (not found.place.is_off or found.place.is_unsampled):
            return found
    return None


def run_around(outer: CurrentRecording | None, host: Span | None, parent_run_id: str | None) -> Place | None:
    """Return the run around another: the one of our context, else the one of the span around it."""
    if outer is not None:
        return outer.place
    found = None if parent_run_id is None else process.places.get(parent_run_id)
    if found is None or host is None or found.span_context.trace_id != host.get_span_context().trace_id:
        return None
    return found


def parent_run(outer: CurrentRecording | None, parent: Span | None) -> str | None:
    """Return the id of the run inside which a run starts: of our context, else of the span around it."""
    if outer is not None:
        return outer.place.run_id
    if parent is not None and providers.is_ours(parent) and isinstance(parent, ReadableSpan):
        found = (parent.attributes or {}).get(names.TCC_RUN_ID)
        return found if isinstance(found, str) else None
    return None
