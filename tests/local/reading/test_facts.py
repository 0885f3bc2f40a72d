"""Single facts of a span."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from contextcompany.local.otlp.spans import EventRecord
from contextcompany.local.reading import facts
from contextcompany.local.reading.reading import Usage
from contextcompany.local.reading.vocabulary import ALL
from contextcompany.semconv import attributes
from tests.local.samples import span

if TYPE_CHECKING:
    from contextcompany.local.otlp.spans import AttributeValue


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [
        ("UNSET", None, "ok"),
        ("OK", 0, "ok"),
        ("UNSET", 1, "partial"),
        ("UNSET", 2, "failed"),
        ("ERROR", 1, "failed"),
        ("ERROR", None, "failed"),
        ("UNSET", True, "ok"),
        ("UNSET", 1.0, "ok"),
        ("UNSET", {"a": 1}, "ok"),
    ],
)
def test_how_it_went(status: str, code: Any, told: str) -> None:
    """The span's status counts before our own code, which is a whole number."""
    found = {} if code is None else {attributes.TCC_STATUS_CODE: code}
    assert facts.status(span(attributes=found, status=(status, ""))) == told


def _exception(kind: str, message: str) -> EventRecord:
    held = {attributes.EXCEPTION_TYPE: kind, attributes.EXCEPTION_MESSAGE: message}
    return EventRecord(attributes.EXCEPTION_EVENT_NAME, 1, held)


@pytest.mark.parametrize(
    ("found", "message", "events", "failure"),
    [
        ({attributes.ERROR_TYPE: "timeout"}, "too slow", (), ("timeout", "too slow")),
        ({}, "", (_exception("a.B", "first"), _exception("c.D", "last")), ("c.D", "last")),
        ({}, "D: last", (_exception("c.D", "last"),), ("c.D", "last")),
        ({attributes.ERROR_TYPE: "500"}, "", (_exception("c.D", "last"),), ("500", "last")),
        ({attributes.TCC_STATUS_MESSAGE: "ours"}, "", (), ("", "ours")),
        ({attributes.EXCEPTION_MESSAGE: "theirs", attributes.EXCEPTION_TYPE: "E"}, "", (), ("E", "theirs")),
        ({attributes.ERROR_TYPE: ("a",)}, "\ud83d", (), ("", "\ufffd")),
    ],
)
def test_what_went_wrong(
    found: dict[str, AttributeValue], message: str, events: tuple[EventRecord, ...], failure: tuple[str, str]
) -> None:
    """By the span's own words, else by its last exception; the class is not said twice."""
    assert facts.failure(span(attributes=found, status=("ERROR", message), events=events)) == failure


def test_cached_tokens_that_were_counted_beside_the_others_are_added() -> None:
    """They are a part of what went in."""
    found: dict[str, AttributeValue] = {
        attributes.GEN_AI_USAGE_INPUT_TOKENS: 10,
        attributes.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: 50,
        "gen_ai.usage.cache_creation_input_tokens": 5,
    }
    assert facts.usage(span(attributes=found), ALL, ()) == Usage(65, 50, 0, None)


@pytest.mark.parametrize("value", ["12", True, -1, 0.5, float("nan"), 10**13, (1,), {}])
def test_numbers_that_count_nothing_are_left_out(value: Any) -> None:
    """The next name is looked under instead; a cost without a price stays unknown."""
    found = {
        attributes.GEN_AI_USAGE_INPUT_TOKENS: value,
        "llm.token_count.prompt": 7,
        attributes.TCC_COST: "free",
    }
    assert facts.usage(span(attributes=found), ALL, ("house-model",)) == Usage(7, 0, 0, None)


@pytest.mark.parametrize(
    ("found", "cost"),
    [
        ({attributes.TCC_COST: 0.5, "llm.cost.total": 9.0}, 0.5),
        ({"llm.cost.total": 0.25}, 0.25),
        ({"llm.cost.prompt": 0.25, "llm.cost.completion": 0.5}, 0.75),
        ({"llm.cost.prompt": 0.25, "llm.cost.completion": "x"}, 0.25),
        ({"gen_ai.usage.cost": 0}, 0.0),
        ({"llm.cost.prompt": 0.0, "llm.cost.completion": 0.0}, 0.0),
        ({attributes.TCC_COST: 1e300}, None),
        ({attributes.TCC_COST: float("inf")}, None),
    ],
)
def test_a_cost_that_was_told_is_taken(found: dict[str, AttributeValue], cost: float | None) -> None:
    """Ours before that of others, whole before parts, and none that nobody could have paid."""
    assert facts.usage(span(attributes=found), ALL, ()).cost == cost


def test_metadata_of_all_conventions_is_text() -> None:
    """Without what stands in fields of its own, and not without end."""
    found: dict[str, AttributeValue] = {
        attributes.TCC_METADATA_PREFIX + "a": (1, 2),
        attributes.TCC_METADATA_PREFIX: "no key",
        "metadata": '{"b": true, "n": null, "c": {"d": 1}}',
        "traceloop.association.properties.e": 2.5,
        "traceloop.association.properties.user_id": "u-7",
    }
    assert facts.metadata(found) == {"a": "[1, 2]", "b": "true", "c": '{"d": 1}', "e": "2.5"}
    assert facts.metadata({"metadata": "no JSON"}) == {}
    many = {f"{attributes.TCC_METADATA_PREFIX}{n}": "x" * 9_999 for n in range(1_000)}
    assert len(facts.metadata(many)) == 100
    assert {len(text) for text in facts.metadata(many).values()} == {2_000}
