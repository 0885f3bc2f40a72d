"""The rules: which spans are ours, and which fields they need."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextcompany.invariants import RULES, broken_rules, describe, kind_of, missing_fields
from tests.handmade import RUN, STEP, TOOL_CALL, without

if TYPE_CHECKING:
    from collections.abc import Mapping

KINDS = [("run", RUN), ("step", STEP), ("tool_call", TOOL_CALL)]

NEEDED = {
    "run.prompt": "gen_ai.input.messages",
    "step.prompt": "gen_ai.input.messages",
    "step.response": "gen_ai.output.messages",
    "tool_call.name": "gen_ai.tool.name",
}


def test_the_table_is_the_one_of_the_contract() -> None:
    """A run needs a prompt, a step a prompt and a response, a tool call a name, and nothing else."""
    assert {rule.name: rule.attribute for rule in RULES} == NEEDED
    assert {rule.name for rule in RULES if not rule.content} == {"tool_call.name"}


@pytest.mark.parametrize(("kind", "attributes"), KINDS)
def test_kinds_are_told_by_operation_and_run(kind: str, attributes: Mapping[str, object]) -> None:
    """A span with a run id and one of three operations is ours; without either of the two it is foreign."""
    assert kind_of(attributes) == kind
    assert kind_of({key: attributes[key] for key in ("tcc.runId", "gen_ai.operation.name")}) == kind
    assert kind_of({**attributes, "gen_ai.operation.name": "embeddings"}) is None
    assert kind_of({key: value for key, value in attributes.items() if key != "tcc.runId"}) is None
    assert (
        kind_of({key: value for key, value in attributes.items() if key != "gen_ai.operation.name"}) is None
    )


@given(
    st.dictionaries(
        st.sampled_from(["tcc.runId", "gen_ai.operation.name", "gen_ai.tool.name", "http.route"]),
        st.one_of(st.text(), st.integers(), st.booleans(), st.tuples(st.text()), st.none()),
    )
)
def test_kinds_of_any_attributes(attributes: dict[str, object]) -> None:
    """Whatever the values are, a kind is one of the three or None."""
    assert kind_of(attributes) in {"run", "step", "tool_call", None}


@pytest.mark.parametrize(("kind", "attributes"), KINDS)
def test_complete_spans_break_nothing(kind: str, attributes: dict[str, str]) -> None:
    """A span with its fields keeps the rules, with content on and off."""
    assert broken_rules(kind, attributes, content=True) == ()
    assert broken_rules(kind, attributes, content=False) == ()


@pytest.mark.parametrize(("rule", "attribute"), NEEDED.items())
def test_each_missing_field_is_named(rule: str, attribute: str) -> None:
    """Leaving out one required attribute breaks the one rule that demands it."""
    kind, field = rule.split(".")
    attributes = without(dict(KINDS)[kind], attribute)
    assert [broken.name for broken in broken_rules(kind, attributes, content=True)] == [rule]
    expected = [rule] if rule == "tool_call.name" else []
    assert [broken.name for broken in broken_rules(kind, attributes, content=False)] == expected
    fields = {needed.split(".")[1] for needed in NEEDED if needed.startswith(f"{kind}.")} - {field}
    assert [missing.name for missing in missing_fields(kind, fields.__contains__)] == [rule]


def test_presence_counts_and_not_value() -> None:
    """An attribute that is there but empty is there: set means called."""
    attributes = {**STEP, "gen_ai.input.messages": "", "gen_ai.output.messages": ""}
    assert broken_rules("step", attributes, content=True) == ()


def test_the_message_says_what_to_do() -> None:
    """The error of a missing field names the kind, every field, and the call that sets each."""
    nothing_set = missing_fields("step", set[str]().__contains__)
    assert describe(nothing_set) == (
        "a step needs its prompt and response before end(): got none; "
        "call prompt() and response() first, or error() to fail it"
    )
    nameless = missing_fields("tool_call", set[str]().__contains__)
    assert describe(nameless) == (
        "a tool call needs its name before end(): got none; "
        "call name() or tool_name= first, or error() to fail it"
    )
