"""Spans of real instrumentations of a real client, read."""

from __future__ import annotations

import pytest

from contextcompany.local.reading.conversation import Conversation, Message, Part
from contextcompany.local.reading.messages import conversation
from contextcompany.local.reading.read import read
from contextcompany.local.reading.reading import Reading, Usage
from tests.integrations.real.server import MODEL
from tests.integrations.real.test_real import SCENES, alone

USAGE = Usage(19, 4, 7, 8.925e-05)


@pytest.mark.parametrize("library", ["openinference", "openllmetry"])
def test_requests_are_steps_with_all_that_was_said(library: str) -> None:
    """Answer, stream, tool call and error, each with model, tokens, cost and messages."""
    spans = sorted(alone(library).application, key=lambda span: span.start_ns)
    steps = [span for span in spans if read(span).kind == "step"][: len(SCENES)]
    assert [read(span) for span in spans if span.name == "GET /"] == [Reading(kind="span", name="GET /")]
    responses = ("answer 1", "streamed answer 2", 'search(query="order")')
    for span, scene, response in zip(steps, SCENES, responses, strict=False):
        assert read(span) == Reading(
            kind="step",
            name="gpt-5",
            model=MODEL,
            requested_model="gpt-5",
            usage=USAGE,
            prompt=f"please {scene}",
            response=response,
        )
    failed = read(steps[3])
    assert (failed.status, failed.name, failed.model) == ("failed", "gpt-5", "")
    assert failed.error_type.rpartition(".")[2] == "InternalServerError"
    assert failed.error_message == "Error code: 500 - The server is overloaded."
    assert failed.usage == Usage()

    said = conversation(steps[2])
    assert said == Conversation(
        asked=(
            Message("system", (Part("text", "be nice"),)),
            Message("user", (Part("text", "please tool"),)),
        ),
        answered=(
            Message(
                "assistant",
                (Part("call", '{\n  "query": "order"\n}', "search", "call_1"),),
                said.answered[0].finish_reason,
            ),
        ),
        tools=("search",),
    )
    assert said.answered[0].finish_reason in {"tool_call", "tool_calls"}
