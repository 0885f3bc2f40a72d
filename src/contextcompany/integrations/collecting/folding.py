"""What a step takes from the spans of others that record the same request: what it lacks, and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contextcompany.delivery.spans.rebuild import RedactedSpan, rebuilt
from contextcompany.diagnostics import guard
from contextcompany.integrations.collecting import reading
from contextcompany.recording.spans.mapping import span_name
from contextcompany.semconv import attributes as names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.util.types import AnyValue

    from contextcompany.runtime.places import Place
    from contextcompany.sdk import ReadableSpan

_FIELDS: Final = {"prompt": names.GEN_AI_INPUT_MESSAGES, "response": names.GEN_AI_OUTPUT_MESSAGES}

# Counts that only make sense together, cached tokens being part of the input: all of one side, or none.
_SIDES: Final = (
    (
        names.GEN_AI_USAGE_INPUT_TOKENS,
        names.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS,
        names.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS,
    ),
    (names.GEN_AI_USAGE_OUTPUT_TOKENS, names.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS),
)
_SINGLE: Final = (
    names.GEN_AI_REQUEST_MODEL,
    names.GEN_AI_RESPONSE_MODEL,
    names.GEN_AI_RESPONSE_ID,
    names.GEN_AI_RESPONSE_FINISH_REASONS,
    names.GEN_AI_INPUT_MESSAGES,
    names.GEN_AI_OUTPUT_MESSAGES,
    names.GEN_AI_TOOL_DEFINITIONS,
)


def has(spans: Sequence[ReadableSpan], field: str) -> bool:
    """Return whether spans hold what a step calls its prompt or its response."""
    key = _FIELDS.get(field)
    return key is not None and any(reading.has_content(span.attributes or {}, key) for span in spans)


def begun(step: ReadableSpan, spans: Sequence[ReadableSpan], place: Place) -> ReadableSpan:
    """Return a copy of an ended step that is folded in the background, where its delivery comes to it.

    Until then what it is going to take of content has its place and its size on it, so that it
    counts neither as broken nor as small.

    Args:
        step: a step of ours.
        spans: the spans of others, the outermost first.
        place: where the step's run is.
    """
    context = step.context
    if context is None:
        return step
    known = step.attributes or {}
    held: dict[str, AnyValue] = {}
    if place.instance.settings.capture_content:
        for key in _FIELDS.values():
            for span in spans:
                if key not in known and key not in held and reading.has_content(span.attributes or {}, key):
                    held[key] = reading.raw_content(span.attributes or {}, key)

    def finish(waited: ReadableSpan) -> ReadableSpan:
        kept = {key: value for key, value in (waited.attributes or {}).items() if key not in held}
        bare = rebuilt(waited, attributes=kept) if held else waited
        with guard:
            return folded(bare, spans, place)
        return bare

    place.instance.finish_later(context.span_id, finish)
    return rebuilt(step, add=held) if held else step


def folded(step: ReadableSpan, spans: Sequence[ReadableSpan], place: Place) -> ReadableSpan:
    """Return a copy of an ended step with what it lacks taken from spans of the same request.

    Args:
        step: a step of ours.
        spans: the spans of others, the outermost first; of two that know a thing the first counts.
        place: where the step's run is.
    """
    content = place.instance.settings.capture_content
    known = step.attributes or {}
    offered: dict[str, AnyValue] = {}
    for span in reversed(spans):
        offered |= _offered(span, content=content)
    taken: dict[str, AnyValue] = {key: offered[key] for key in _SINGLE if key in offered and key not in known}
    for side in _SIDES:
        if not any(key in known for key in side):
            taken |= {key: offered[key] for key in side if key in offered}
    provider = offered.get(names.GEN_AI_PROVIDER_NAME)
    if provider is not None and known.get(names.GEN_AI_PROVIDER_NAME) in {None, names.PROVIDER_OTHER}:
        taken[names.GEN_AI_PROVIDER_NAME] = provider
    if not taken:
        return step
    if isinstance(step, RedactedSpan):
        # Its own texts have passed already, and a copy of it does not pass again.
        taken = dict(place.instance.redactor.attributes(taken))
    model = taken.get(names.GEN_AI_REQUEST_MODEL)
    name = span_name("step", {"model_requested": model}, None) if isinstance(model, str) else None
    return rebuilt(step, add=taken, name=name)


def _offered(span: ReadableSpan, *, content: bool) -> dict[str, AnyValue]:
    found = span.attributes or {}
    said = reading.facts(found)
    told = reading.content(found)
    if content:
        return said | told
    if names.GEN_AI_TOOL_DEFINITIONS in told:
        tools = told[names.GEN_AI_TOOL_DEFINITIONS]
        said[names.GEN_AI_TOOL_DEFINITIONS] = reading.bare_definitions(tools)
    return said
