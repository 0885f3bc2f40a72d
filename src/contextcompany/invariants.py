"""The rules that every run, step and tool call keeps, as one table and pure functions.

The handles ask with what was set; the span processor asks with the attributes of an ended span.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from contextcompany.semconv import attributes as names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

KIND_OF_OPERATION: Final[Mapping[str, str]] = {
    names.OPERATION_INVOKE_AGENT: "run",
    names.OPERATION_CHAT: "step",
    names.OPERATION_EXECUTE_TOOL: "tool_call",
}


class Rule(NamedTuple):
    """One required field: who must have it, under which attribute, and how to set it."""

    kind: str
    field: str
    attribute: str
    content: bool
    setter: str

    @property
    def name(self) -> str:
        """Return the rule's name as `tcc.violations` carries it, such as `step.prompt`."""
        return f"{self.kind}.{self.field}"


RULES: Final = (
    Rule("run", "prompt", names.GEN_AI_INPUT_MESSAGES, content=True, setter="prompt()"),
    Rule("step", "prompt", names.GEN_AI_INPUT_MESSAGES, content=True, setter="prompt()"),
    Rule("step", "response", names.GEN_AI_OUTPUT_MESSAGES, content=True, setter="response()"),
    Rule("tool_call", "name", names.GEN_AI_TOOL_NAME, content=False, setter="name() or tool_name="),
)

_RULES_OF: Final[Mapping[str, tuple[Rule, ...]]] = {
    kind: tuple(rule for rule in RULES if rule.kind == kind) for kind in KIND_OF_OPERATION.values()
}

REQUIRED: Final[Mapping[str, frozenset[str]]] = {
    kind: frozenset(rule.field for rule in rules) for kind, rules in _RULES_OF.items()
}
"""The required fields of each kind."""


def kind_of(attributes: Mapping[str, object]) -> str | None:
    """Return `run`, `step` or `tool_call` for the attributes of a span of ours, else None.

    A span is ours when it carries `tcc.runId` and one of the three operation names.
    """
    if names.TCC_RUN_ID not in attributes:
        return None
    operation = attributes.get(names.GEN_AI_OPERATION_NAME)
    return KIND_OF_OPERATION.get(operation) if isinstance(operation, str) else None


def missing_fields(kind: str, is_set: Callable[[str], bool]) -> tuple[Rule, ...]:
    """Return the rules that a handle of this kind breaks, given which fields were set."""
    return tuple(rule for rule in _RULES_OF[kind] if not is_set(rule.field))


def broken_rules(kind: str, attributes: Mapping[str, object], *, content: bool) -> tuple[Rule, ...]:
    """Return the rules that an ended span breaks; without content only those about names count."""
    return tuple(
        rule for rule in _RULES_OF[kind] if rule.attribute not in attributes and (content or not rule.content)
    )


def describe(rules: tuple[Rule, ...]) -> str:
    """Say which required fields are missing and how to set them."""
    fields = " and ".join(rule.field for rule in rules)
    setters = " and ".join(rule.setter for rule in rules)
    kind = rules[0].kind.replace("_", " ")
    return f"a {kind} needs its {fields} before end(): got none; call {setters} first, or error() to fail it"
