"""Start spans: whose provider makes them, under which parent, with which identity."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict, Unpack

from opentelemetry import trace
from opentelemetry.trace import SpanKind

from contextcompany.delivery.spans.own import OwnSpan
from contextcompany.diagnostics import warn_once
from contextcompany.propagation import ids
from contextcompany.recording.places import ambient, sampling
from contextcompany.recording.places.identity import agent_identity, child_identity
from contextcompany.recording.places.placing import destination_of, off_place
from contextcompany.recording.spans.mapping import span_name
from contextcompany.recording.spans.moments import Clock
from contextcompany.recording.spans.parents import (
    application_span,
    innermost_below,
    nearest_around,
    parent_run,
    parent_within,
    run_around,
)
from contextcompany.recording.spans.recording import Recording
from contextcompany.runtime import provider as providers
from contextcompany.runtime.places import Place
from contextcompany.runtime.process import process
from contextcompany.semconv import attributes as names
from contextcompany.semconv.values import clean_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry.trace import Link, Span, Tracer
    from opentelemetry.util.types import AttributeValue

    from contextcompany.runtime.instance import Instance

_KINDS = {"run": SpanKind.INTERNAL, "step": SpanKind.CLIENT, "tool_call": SpanKind.INTERNAL}
_OPERATIONS = {
    "run": names.OPERATION_INVOKE_AGENT,
    "step": names.OPERATION_CHAT,
    "tool_call": names.OPERATION_EXECUTE_TOOL,
}


class Given(TypedDict):
    """What a run was given, checked and converted, besides its id."""

    session_id: str | None
    conversational: bool | None
    api_key: str | None
    tcc_url: str | None
    start_time: int | None


def start_run(run_id: str, **given: Unpack[Given]) -> Recording:  # noqa: C901, PLR0912  (see below)
    """Start the span of a run, below the nearest run or the application's span, else as a root.

    It asks nothing whose answer is plain: each function on the way of a caller that does this once in a
    while is one more to be fetched from memory.
    """
    instance = process.instance()
    api_key, tcc_url, session_id = given["api_key"], given["tcc_url"], given["session_id"]
    target = destination_of(instance, api_key, tcc_url) if api_key or tcc_url else None
    clock = Clock(given["start_time"])
    if instance.settings.disabled or process.is_stopped:
        place = off_place(run_id, instance, session_id)
        return Recording("run", place, trace.INVALID_SPAN, clock)

    outer = nearest_around() if process.current.is_inside else None
    host = application_span() if outer is None else None
    around = parent_run_id = None
    if outer is not None or host is not None:
        parent_run_id = parent_run(outer, host)
        around = run_around(outer, host, parent_run_id)
    if around is not None and not (api_key or tcc_url):
        target = around.destination  # what a tenant's run starts stays with the tenant
    identity: dict[str, str] = {}
    if ambient.blocks.is_inside:
        told = ambient.around(around)
        identity = told.identity
        session_id = told.session_id if session_id is None else session_id
    if session_id is None and around is not None:
        session_id = around.session_id
    shared = None if instance.is_private else instance.shared_tracer(run_has_destination=target is not None)
    decision = sampling.decide(run_id, instance, around, is_shared=shared is not None)
    if not decision.is_recorded:
        place = _left_out(run_id, instance, session_id, around)
        return Recording("run", place, trace.INVALID_SPAN, clock)

    parent = host if outer is None else innermost_below(outer, shared=shared is not None)
    attributes = _start_attributes("run", run_id, session_id, content=instance.settings.capture_content)
    if given["conversational"] is not None:
        attributes[names.TCC_CONVERSATIONAL] = given["conversational"]
    if parent_run_id is not None:
        attributes[names.TCC_PARENT_RUN_ID] = parent_run_id
    if decision.rate < 1.0 and decision.held is None:
        attributes[names.TCC_SAMPLE_RATE] = decision.rate
    links: list[Link] = []
    is_foreign = outer is None and parent is not None and not providers.is_ours(parent)
    if parent is not None and is_foreign and instance.settings.foreign_parent == "link":
        links.append(trace.Link(parent.get_span_context()))
        parent = None
    span: Span
    if shared is None:
        root = ids.derived_ids(run_id) if parent is None and process.places.get(run_id) is None else None
        name = names.OPERATION_INVOKE_AGENT
        span = OwnSpan(instance.origin, name, SpanKind.INTERNAL, parent, root, attributes, clock.start, links)
    else:
        span = _start(shared, names.OPERATION_INVOKE_AGENT, _KINDS["run"], parent, attributes, clock, links)
    place = Place(
        run_id=run_id,
        span_context=span.get_span_context(),
        shared=shared,
        instance=instance,
        destination=target,
        sets_context=shared is not None or providers.application_provider() is None,
        identity=identity,
        borrowed=frozenset(identity),
        session_id=session_id,
        outer=around,
        sample_rate=decision.rate,
        held=decision.held,
    )
    process.places.add(place)
    if target is not None or decision.held is not None:
        instance.route(span, target, held=decision.held)
    return Recording("run", place, span, clock, attributes)


def start_child(
    kind: str,
    place: Place,
    *,
    below: Span | None,
    attributes: Mapping[str, AttributeValue],
    fields: Mapping[str, object],
    start_time: int | None,
    links: Sequence[Link] = (),
) -> Recording:
    """Start a span of a run that is known: of a step, a tool call, or of the run resumed.

    Args:
        kind: `step`, `tool_call` or `run`.
        place: where the run is.
        below: the parent, or None for the nearest open handle of the same run, else the run itself.
        attributes: further attributes at the start.
        fields: what is known at the start: a tool's name.
        start_time: nanoseconds since the epoch, or None for now.
        links: to spans elsewhere.
    """
    clock = Clock(start_time)
    if place.is_off:
        return Recording(kind, place, trace.INVALID_SPAN, clock)
    if not process.is_ready:
        process.prepare_worker()  # forked inside of the run, it never asked for an instance
    parent = below
    if parent is None:
        nearest = process.current.innermost_open()
        is_plain = nearest is not None and nearest.place is place and place.shared is None
        parent = nearest.span if nearest is not None and is_plain else parent_within(place)
    common = _common(kind, place)
    started = {**common, **attributes}
    span: Span
    if place.shared is None:
        span = OwnSpan(
            place.instance.origin,
            span_name(kind, fields, None),
            _KINDS[kind],
            parent,
            None,
            started,
            clock.start,
            links,
            common,
        )
        if place.destination is not None or place.held is not None:
            place.instance.route(span, place.destination, held=place.held)
    else:
        span = _start(
            place.shared, span_name(kind, fields, None), _KINDS[kind], parent, started, clock, links
        )
    return Recording(kind, place, span, clock, started)


def _common(kind: str, place: Place) -> Mapping[str, AttributeValue]:
    """Return the attributes with which the spans of a kind start in a run.

    Made once, and again where the run's identity has changed since.
    """
    known = place.common.get(kind)
    if known is not None and known[0] == place.identity:
        return known[1]
    identity = dict(place.identity)
    made = _start_attributes(
        kind, place.run_id, place.session_id, content=place.instance.settings.capture_content
    )
    if identity:
        made |= child_identity(identity)
        if kind == "tool_call":
            made |= agent_identity(identity)
    place.common[kind] = identity, made
    return made


def start_feedback(place: Place, attributes: Mapping[str, AttributeValue]) -> Span:
    """Start the short span of a feedback, a child of the run's own span."""
    started = {
        names.TCC_RUN_ID: clean_text(place.run_id)[0],
        **_session_attributes(place.session_id),
        **child_identity(place.identity),
        **attributes,
    }
    if not place.instance.settings.capture_content:
        started[names.TCC_CONTENT_CAPTURED] = False
    name, kind, parent = names.FEEDBACK_SPAN_NAME, SpanKind.INTERNAL, place.as_span()
    clock = Clock()
    if place.shared is None:
        return OwnSpan(place.instance.origin, name, kind, parent, None, started, clock.start)
    return _start(place.shared, name, kind, parent, started, clock)


def _left_out(run_id: str, instance: Instance, session_id: str | None, around: Place | None) -> Place:
    """Return the place of a run that is not sampled, and count it."""
    place = off_place(run_id, instance, session_id, outer=around, is_unsampled=True)
    process.holding.leave_out()
    if around is not None and ids.is_sampled(run_id, instance.settings.sample_rate):
        process.places.end(place)  # its own id says otherwise, and may be all that a child is given
    return place


def _session_attributes(session_id: str | None) -> dict[str, AttributeValue]:
    if session_id is None:
        return {}
    text = clean_text(session_id)[0]
    return {names.GEN_AI_CONVERSATION_ID: text, names.TCC_SESSION_ID: text}


def _start_attributes(
    kind: str, run_id: str, session_id: str | None, *, content: bool
) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {
        names.GEN_AI_OPERATION_NAME: _OPERATIONS[kind],
        names.TCC_RUN_ID: clean_text(run_id)[0],
    }
    if session_id is not None:
        attributes |= _session_attributes(session_id)
    if not content:
        attributes[names.TCC_CONTENT_CAPTURED] = False
    return attributes


def _start(  # noqa: PLR0917
    tracer: Tracer,
    name: str,
    kind: SpanKind,
    parent: Span | None,
    attributes: Mapping[str, AttributeValue],
    clock: Clock,
    links: Sequence[Link] = (),
) -> Span:
    """Start a span of the application's provider, in the application's context."""
    context = trace.set_span_in_context(trace.INVALID_SPAN if parent is None else parent)
    try:
        return tracer.start_span(name, context, kind, attributes, links, clock.start)
    except Exception as error:  # noqa: BLE001  (a neighbour may raise anything)
        warn_once(
            ("neighbour-start", type(error)),
            "a span processor or sampler of the application raised %s at the start of a span, which is lost",
            type(error).__name__,
        )
        return trace.INVALID_SPAN
