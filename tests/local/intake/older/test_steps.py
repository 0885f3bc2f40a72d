"""Spans of the LiteLLM callback of older SDKs become steps."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextcompany.local.intake.older.steps import step_of
from contextcompany.semconv import attributes as names
from tests.local.samples import span

if TYPE_CHECKING:
    from contextcompany.local.otlp.spans import AttributeValue

RUN_ID_OF_METADATA = "metadata.tcc.runId"


def test_the_span_becomes_a_step_of_its_run() -> None:
    """It gets what it lacks: operation, run, provider, messages in the form of the conventions."""
    question = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Where is it?"}]
    sent = span(
        "litellm_request",
        {
            RUN_ID_OF_METADATA: "r-1",
            names.GEN_AI_REQUEST_MODEL: "gpt-5",
            names.GEN_AI_RESPONSE_MODEL: "gpt-5-2025-08-07",
            names.GEN_AI_USAGE_INPUT_TOKENS: 5,
            names.GEN_AI_INPUT_MESSAGES: json.dumps(question),
            names.GEN_AI_OUTPUT_MESSAGES: json.dumps([{"role": "assistant", "content": "Here."}]),
            names.GEN_AI_RESPONSE_FINISH_REASONS: '["stop"]',
        },
    )
    found = dict(step_of(sent).attributes)
    asked = json.loads(str(found.pop(names.GEN_AI_INPUT_MESSAGES)))
    answered = json.loads(str(found.pop(names.GEN_AI_OUTPUT_MESSAGES)))
    assert [message["role"] for message in asked] == ["system", "user"]
    assert asked[1]["parts"] == [{"type": "text", "content": "Where is it?"}]
    assert answered == [{"role": "assistant", "parts": [{"type": "text", "content": "Here."}]}]
    assert found == {
        RUN_ID_OF_METADATA: "r-1",
        names.TCC_RUN_ID: "r-1",
        names.GEN_AI_OPERATION_NAME: names.OPERATION_CHAT,
        names.GEN_AI_PROVIDER_NAME: names.PROVIDER_OPENAI,
        names.GEN_AI_REQUEST_MODEL: "gpt-5",
        names.GEN_AI_RESPONSE_MODEL: "gpt-5-2025-08-07",
        names.GEN_AI_USAGE_INPUT_TOKENS: 5,
        names.GEN_AI_RESPONSE_FINISH_REASONS: ("stop",),
    }


def test_what_a_span_says_itself_stays() -> None:
    """Only what is missing is added."""
    said: dict[str, AttributeValue] = {
        names.TCC_RUN_ID: "r-2",
        RUN_ID_OF_METADATA: "r-1",
        names.GEN_AI_OPERATION_NAME: "embeddings",
        names.GEN_AI_PROVIDER_NAME: "acme",
        names.GEN_AI_RESPONSE_FINISH_REASONS: ("stop",),
    }
    assert step_of(span("s", said)).attributes == said


@pytest.mark.parametrize(
    ("written", "read"),
    [('["stop"]', ("stop",)), ("stop", ("stop",)), ('["a", 7]', ("a", "7")), ("[", ("[",)), ("[]", "[]")],
)
def test_finish_reasons_are_read_where_they_are_json(written: str, read: object) -> None:
    """Text that is no JSON list is a reason by itself."""
    found = step_of(span("s", {names.GEN_AI_RESPONSE_FINISH_REASONS: written})).attributes
    assert found[names.GEN_AI_RESPONSE_FINISH_REASONS] == read


@given(
    st.dictionaries(
        st.sampled_from(
            [
                RUN_ID_OF_METADATA,
                names.GEN_AI_INPUT_MESSAGES,
                names.GEN_AI_OUTPUT_MESSAGES,
                names.GEN_AI_REQUEST_MODEL,
                names.GEN_AI_RESPONSE_FINISH_REASONS,
            ]
        ),
        st.text()
        | st.binary()
        | st.integers()
        | st.tuples(st.text())
        | st.sampled_from(["[" * 5_000, '{"a"']),
    )
)
def test_wild_attributes_raise_nothing(found: dict[str, object]) -> None:
    """Whatever the attributes hold, the span is a step."""
    step = step_of(span("s", found))  # type: ignore[arg-type]
    assert step.attributes[names.GEN_AI_OPERATION_NAME] == names.OPERATION_CHAT
