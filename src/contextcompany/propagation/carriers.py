"""Carriers: mappings of text that bring the place in a run to another process, and back out of them.

The standard headers `traceparent` and `tracestate` are for everybody. An HTTP instrumentation may
overwrite them after us, so what is ours stands in `baggage` too.

Sources: W3C Trace Context, https://www.w3.org/TR/trace-context/; W3C Baggage,
https://www.w3.org/TR/baggage/; environment variables as carriers,
https://opentelemetry.io/docs/specs/otel/context/env-carriers/.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanContext, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from contextcompany.diagnostics import logger
from contextcompany.propagation import baggage, ids
from contextcompany.semconv.text import clean_text

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

_TRACEPARENT: Final = "traceparent"
_TRACESTATE: Final = "tracestate"
_BAGGAGE: Final = "baggage"

# Not the keys of attributes: a processor of the application may make attributes of all its baggage.
_RUN: Final = "tcc-run-id"
_PARENT: Final = "tcc-parent"
_SESSION: Final = "tcc-session-id"
_USER: Final = "tcc-user-id"
_ORGANISATION: Final = "tcc-org-id"
_OURS: Final = frozenset({_RUN, _PARENT, _SESSION, _USER, _ORGANISATION})

# Headers that may come in several lines, which count as one with commas between.
_JOINED: Final = frozenset({_TRACESTATE, _BAGGAGE})
_LONGEST: Final = 512
_propagator = TraceContextTextMapPropagator()


@dataclass(frozen=True, slots=True)
class Carried:
    """What a carrier says.

    Attributes:
        parent: the span below which to go on.
        run_id: the run that this span belongs to, or None for a span of others.
        session_id: the run's session, or None.
        user_id: the user, or None where the sender did not say.
        org_id: the user's organisation, or None where the sender did not say.
    """

    parent: SpanContext
    run_id: str | None = None
    session_id: str | None = None
    user_id: str | None = None
    org_id: str | None = None

    @property
    def is_off(self) -> bool:
        """Return whether the run is one of which its first process records nothing."""
        return self.run_id is not None and not self.parent.trace_flags.sampled


def span_context(carrier: Mapping[str, str] | None) -> SpanContext | None:
    """Return the span context that a carrier holds (`traceparent`, `tracestate`), or None.

    A carrier without a valid traceparent is ignored with a debug line. Names are compared in lower
    case, as HTTP header names are.
    """
    texts = _texts(carrier)
    if texts is None:
        return None
    found = _parsed(texts.get(_TRACEPARENT, ""), texts.get(_TRACESTATE, ""))
    if found is None:
        _ignored()
    return found


def read(carrier: Mapping[str, str] | None) -> Carried | None:
    """Return what a carrier holds, or None; one that holds nothing is ignored with a debug line.

    Names are compared in lower case. What comes from another machine is data: ids are cleaned and
    bounded, and nothing is raised.
    """
    texts = _texts(carrier)
    if texts is None:
        return None
    members = {
        name: text
        for name, value in baggage.found(texts.get(_BAGGAGE, ""), _OURS).items()
        if (text := clean_text(value, baggage.MOST_MEMBER_BYTES)[0])
    }
    run_id = members.get(_RUN)
    header, state = texts.get(_TRACEPARENT, ""), texts.get(_TRACESTATE, "")
    if run_id is None:
        parent = _parsed(header, state)
        if parent is None:
            _ignored()
            return None
        return Carried(parent)
    ours = members.get(_PARENT, "")
    parent = _parsed(ours, state if header == ours else "") or _parsed(header, state)
    if parent is None:
        parent = ids.derived_context(run_id)
    return Carried(parent, run_id, members.get(_SESSION), members.get(_USER), members.get(_ORGANISATION))


def write(
    carrier: MutableMapping[str, str], place: Carried, *, header: SpanContext | None, environment: bool
) -> None:
    """Write a place in a run into a carrier.

    The trace context is left alone where the carrier has one; members of others stay in its baggage.

    Args:
        carrier: what to write into.
        place: what to write.
        header: the trace context for everybody, or None for none.
        environment: whether names are those of environment variables, in upper case.
    """
    # Not by iteration over the carrier itself: the headers of some web frameworks give pairs then.
    pairs = [(name, value) for name, value in list(carrier.items()) if isinstance(name, str)]
    written = {name.lower(): name for name, _ in pairs}

    def name_of(name: str) -> str:
        return name.upper() if environment else name

    if header is not None and _TRACEPARENT not in written:
        carrier[name_of(_TRACEPARENT)] = traceparent(header)
        if header.trace_state and _TRACESTATE not in written:
            carrier[name_of(_TRACESTATE)] = header.trace_state.to_header()
    key = written.get(_BAGGAGE, name_of(_BAGGAGE))
    lines: list[object] = [value for name, value in pairs if name.lower() == _BAGGAGE]
    texts = [line for line in lines if isinstance(line, str)]
    if len(texts) < len(lines):
        logger.debug("the baggage of a carrier is no text, so the run is not written into it")
        return
    before = ",".join(texts)
    given = {
        _RUN: place.run_id,
        _PARENT: traceparent(place.parent),
        _SESSION: place.session_id,
        _USER: place.user_id,
        _ORGANISATION: place.org_id,
    }
    ours = {name: clean_text(value)[0] for name, value in given.items() if value}
    text, left_out = baggage.merged(before, ours, _OURS)
    if _RUN in left_out:  # the rest would stand for another run
        text, left_out = baggage.merged(before, {}, _OURS)[0], list(ours)
    if left_out:
        logger.debug("%s not written into a carrier: its baggage has no room", ", ".join(left_out))
    if text != before:
        carrier[key] = text


def unsampled(context: SpanContext) -> SpanContext:
    """Return the same span context with the flags of one that is not recorded."""
    return SpanContext(context.trace_id, context.span_id, is_remote=True, trace_flags=TraceFlags(0))


def traceparent(context: SpanContext) -> str:
    """Return the span context as the text of a `traceparent` header."""
    trace_id, span_id = trace.format_trace_id(context.trace_id), trace.format_span_id(context.span_id)
    return f"00-{trace_id}-{span_id}-{context.trace_flags:02x}"


def _texts(carrier: Mapping[str, str] | None) -> dict[str, str] | None:
    """Return the pairs of text in a carrier with names in lower case, or None for no carrier."""
    texts: dict[str, str] = {}
    try:
        if not carrier:
            return None
        for key, value in carrier.items():
            if isinstance(key, str) and isinstance(value, str):
                name = key.lower()
                texts[name] = f"{texts[name]},{value}" if name in texts and name in _JOINED else value
    except Exception:  # noqa: BLE001  (whatever somebody's mapping raises: it is data from elsewhere)
        return {}
    return texts


def _parsed(parent: str, state: str) -> SpanContext | None:
    if not parent or len(parent) > _LONGEST:
        return None
    if len(state) > _LONGEST:
        state = ""  # the propagator would say so in a warning, which is not for data of others
    pairs = {_TRACEPARENT: parent, _TRACESTATE: state}
    try:
        found = trace.get_current_span(_propagator.extract(pairs, context=Context())).get_span_context()
    except ValueError:
        return None
    return found if found.is_valid else None


def _ignored() -> None:
    logger.debug("a carrier without a valid %s is ignored", _TRACEPARENT)
