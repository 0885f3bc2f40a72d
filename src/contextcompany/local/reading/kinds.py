"""What a span stands for, by the marks that instrumentation of GenAI leaves on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contextcompany.semconv import attributes, foreign

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contextcompany.local.otlp.spans import AttributeValue, SpanRecord
    from contextcompany.local.reading.reading import Kind

_OF_OPERATION: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(foreign.AGENT_OPERATIONS, "run"),
    **dict.fromkeys(foreign.OPERATIONS | foreign.EMBEDDING_OPERATIONS, "step"),
    attributes.OPERATION_EXECUTE_TOOL: "tool",
}
_OF_KIND: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(foreign.AGENT_KINDS, "run"),
    **dict.fromkeys(foreign.STEP_KINDS, "step"),
    foreign.KIND_TOOL: "tool",
}
_OF_ENTITY: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(foreign.AGENT_ENTITIES, "run"),
    foreign.TOOL_ENTITY: "tool",
}
_MARKS: Final[tuple[tuple[str, Mapping[str, Kind]], ...]] = (
    (foreign.KIND, _OF_KIND),
    (foreign.ENTITY_KIND, _OF_ENTITY),
    (foreign.REQUEST_TYPE, dict.fromkeys(foreign.STEP_TYPES, "step")),
)


def kind_of(span: SpanRecord) -> Kind:
    """Tell what a span stands for.

    An agent that another library recorded inside a run of ours is a part of the run, and not a run; of other
    agents this one span cannot say whether they stand inside another.
    """
    if span.name == attributes.FEEDBACK_SPAN_NAME:
        return "feedback"
    found = span.attributes
    operation = found.get(attributes.GEN_AI_OPERATION_NAME)
    kind = _OF_OPERATION.get(operation) if isinstance(operation, str) else None
    if kind is None:
        kind = _kind_of_foreign(found, has_operation=isinstance(operation, str))
    return "span" if kind == "run" and attributes.TCC_COLLECTED in found else kind


def _kind_of_foreign(found: Mapping[str, AttributeValue], *, has_operation: bool) -> Kind:
    for key, kinds in _MARKS:
        mark = found.get(key)
        if isinstance(mark, str):
            return kinds.get(mark) or kinds.get(mark.upper()) or kinds.get(mark.lower()) or "span"
    if has_operation:
        return "span"
    # The earliest instrumentations named the model or the tool, and no operation.
    if any(key in found for key in foreign.REQUEST_MODEL):
        return "step"
    return "tool" if attributes.GEN_AI_TOOL_NAME in found else "span"
