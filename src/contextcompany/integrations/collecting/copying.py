"""Copies of other people's spans: in our trace, below our spans, of our run; the original stays untouched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.trace import Tracer
from opentelemetry.trace import Link, SpanContext, Status, TraceFlags

from contextcompany.delivery.spans.rebuild import rebuilt
from contextcompany.diagnostics import guard
from contextcompany.integrations.collecting import reading
from contextcompany.recording.places.identity import child_identity
from contextcompany.redaction import MASK, is_secret_name, redact_secrets
from contextcompany.sdk import Event
from contextcompany.semconv import attributes as names
from contextcompany.semconv import foreign
from contextcompany.semconv.values import clean_text

if TYPE_CHECKING:
    from opentelemetry.util.types import AnyValue

    from contextcompany.runtime.places import Place
    from contextcompany.sdk import ReadableSpan

    Attributes = Mapping[str, AnyValue]

_ID_MASK: Final = 0x9E37_79B9_7F4A_7C15
_EVENT_MARK: Final = "gen_ai."


def copied_id(span_id: int) -> int:
    """Return the span id of a copy; the same function leads back to the original's.

    A backend that gets the application's spans and ours sees two ids for the two.
    """
    return span_id ^ _ID_MASK or _ID_MASK


def identity(place: Place) -> dict[str, AnyValue]:
    """Return the attributes that say to which run a span belongs, and whose that is."""
    pairs: dict[str, AnyValue] = {names.TCC_RUN_ID: clean_text(place.run_id)[0]}
    if place.session_id is not None:
        session = clean_text(place.session_id)[0]
        pairs[names.GEN_AI_CONVERSATION_ID] = pairs[names.TCC_SESSION_ID] = session
    pairs.update(child_identity(place.identity))
    if not place.instance.settings.capture_content:
        pairs[names.TCC_CONTENT_CAPTURED] = False
    return pairs


def placed(span: ReadableSpan, place: Place, *, span_id: int, parent_id: int) -> ReadableSpan:
    """Return a copy of a span at its place in the trace of a run; what it says is as it was."""
    trace_id, flags = place.span_context.trace_id, TraceFlags(TraceFlags.SAMPLED)
    context = SpanContext(trace_id, span_id, is_remote=False, trace_flags=flags)
    parent = SpanContext(trace_id, parent_id, is_remote=False, trace_flags=flags)
    resource = span.resource
    if place.shared is None:
        resource = place.instance.origin.resource
    elif isinstance(place.shared, Tracer):
        resource = place.shared.resource
    return rebuilt(span, place=(context, parent, resource))


def deliver(
    span: ReadableSpan, place: Place, *, span_id: int, parent_id: int, repeated: Sequence[ReadableSpan] = ()
) -> None:
    """Bring a copy of an ended span to where the spans of a run go.

    Args:
        span: the original.
        place: where the run is.
        span_id: the id of the copy.
        parent_id: the span id of its parent, in the run's trace.
        repeated: spans of further libraries that recorded the same; the copy takes what it lacks.
    """
    instance = place.instance
    if place.is_shared and place.destination is None and not instance.settings.has_destination:
        return
    copied = placed(span, place, span_id=span_id, parent_id=parent_id)
    owner = identity(place)
    content = instance.settings.capture_content
    instance.route(copied, place.destination, held=place.held)

    def finish(waited: ReadableSpan) -> ReadableSpan:
        with guard:
            return finished(waited, owner, repeated, content=content)
        bare = rebuilt(waited, attributes={}, events=(), links=())
        return finished(bare, owner, content=False)

    instance.finish_later(span_id, finish)
    instance.deliver(copied)


def finished(
    span: ReadableSpan, owner: Attributes, repeated: Sequence[ReadableSpan] = (), *, content: bool
) -> ReadableSpan:
    """Return a copy as it may leave: with its run, without secrets, without content where that is off.

    What it says of a request to a model stands under the names of the GenAI conventions too.
    """
    found = span.attributes or {}
    said: dict[str, AnyValue] = {}
    for other in (*reversed(repeated), span):
        told = other.attributes or {}
        said |= reading.facts(told) | (reading.content(told) if content else {})
    if content:
        kept: Attributes = {key: _masked(key, value) for key, value in found.items()}
    else:
        kept = _without_content(found)
    described = span.status.description if content else None
    return rebuilt(
        span,
        attributes={**said, **kept, **owner, names.TCC_COLLECTED: True},
        name=span.name if content else _plain_name(span, said),
        events=[copied for event in span.events if (copied := _event(event, content=content)) is not None],
        links=span.links if content else [_bare_link(link) for link in span.links],
        status=Status(span.status.status_code, None if described is None else redact_secrets(described)),
    )


def _event(event: Event, *, content: bool) -> Event | None:
    given = event.attributes or {}
    if content:
        kept: Attributes = {key: _masked(key, value) for key, value in given.items()}
    elif event.name == names.EXCEPTION_EVENT_NAME or event.name.startswith(_EVENT_MARK):
        kept = _without_content(given)
    else:
        return None
    return Event(event.name, BoundedAttributes(attributes=kept), event.timestamp)


def _bare_link(link: Link) -> Link:
    return Link(link.context, _without_content(link.attributes or {}))


def _masked(key: str, value: AnyValue) -> AnyValue:
    if isinstance(value, str):
        if is_secret_name(key):
            return MASK
        return redact_secrets(value) if key.startswith(foreign.ERROR_PREFIXES) else value
    if isinstance(value, Sequence) and not isinstance(value, bytes) and is_secret_name(key):
        return [MASK if isinstance(item, str) else item for item in value]
    return value


def _without_content(given: Attributes) -> dict[str, Any]:
    """Return numbers, booleans, and the texts that are known to be no content."""
    return {
        key: value
        for key, value in given.items()
        if isinstance(value, (bool, int, float)) or key in foreign.STRUCTURE
    }


def _plain_name(span: ReadableSpan, said: Attributes) -> str:
    """Return a name that holds nothing but what is known to be no content."""
    operation = said.get(names.GEN_AI_OPERATION_NAME)
    if isinstance(operation, str):
        model = said.get(names.GEN_AI_REQUEST_MODEL) or said.get(names.GEN_AI_TOOL_NAME)
        return f"{operation} {model}" if isinstance(model, str) else operation
    scope = span.instrumentation_scope
    return "span" if scope is None else scope.name
