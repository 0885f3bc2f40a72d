"""The bounds of what is recorded: a value, a span, a depth, and bytes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import contextcompany as tcc
from tests.conftest import attributes_of
from tests.recording.hostile import MEBIBYTE, deep
from tests.recording.rows import JSON_KEYS, parsed, user
from tests.recording.test_hostile_data import size_of

if TYPE_CHECKING:
    from contextcompany.testing import Captured


@pytest.mark.parametrize(
    ("setter", "key"),
    [
        (lambda s, value: s.prompt(value), "gen_ai.input.messages"),
        (lambda s, value: s.response(value), "gen_ai.output.messages"),
        (lambda s, value: s.attributes({"app.long": value}), "app.long"),
    ],
    ids=["prompt", "response", "attributes"],
)
def test_what_is_too_long_is_cut_and_named(captured: Captured, setter: Any, key: str) -> None:
    """Rule 9: a value over 1 MiB is cut to it, keeps its beginning, and `tcc.truncated` names it."""
    s = tcc.step("run-1").prompt("q").response("a")
    setter(s, "begin " + "é" * MEBIBYTE)
    s.end()
    (span,) = captured.spans
    value = str(attributes_of(span)[key])
    assert 0.9 * MEBIBYTE < len(value.encode()) <= MEBIBYTE
    assert "begin éé" in value
    assert parsed(span)["tcc.truncated"] == [key]


def test_a_span_is_bounded_as_a_whole(captured: Captured) -> None:
    """Rule 9: all values of a span together keep to 4 MiB, metadata included, and the run is still a run."""
    big = "x" * (MEBIBYTE - 100)
    r = tcc.run("run-1").prompt(big, system_prompt=big).response(big)
    r.metadata({f"key{number}": big for number in range(6)}).attributes({"app.big": big}).end()
    (span,) = captured.spans
    assert sum(size_of(value) for value in attributes_of(span).values()) <= 4.01 * MEBIBYTE
    assert parsed(span)["tcc.runId"] == "run-1"
    assert JSON_KEYS & set(parsed(span)) == {
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "gen_ai.system_instructions",
    }
    assert len(parsed(span)["tcc.truncated"]) >= 5


def test_thousands_of_metadata_keys_do_not_push_the_run_out(captured: Captured) -> None:
    """Rule 9: a run with more keys than a span holds keeps its id, its operation and its prompt."""
    r = tcc.run("run-1", session_id="chat-1").prompt("p")
    r.metadata({f"key{number}": number for number in range(5_000)}).end()
    (span,) = captured.spans
    kept = {key: value for key, value in parsed(span).items() if not key.startswith("tcc.metadata.")}
    kept.pop("tcc.truncated", None)
    assert kept == {
        "gen_ai.operation.name": "invoke_agent",
        "tcc.runId": "run-1",
        "tcc.sessionId": "chat-1",
        "gen_ai.conversation.id": "chat-1",
        "gen_ai.input.messages": user("p"),
        "tcc.statusCode": 0,
    }


def test_what_is_nested_too_deep_is_cut_and_named(captured: Captured) -> None:
    """Rule 9: twenty containers inside each other are kept, what is deeper is cut and named."""
    tcc.tool_call("run-1", tool_name="t").args({"a": deep(18)}).result({"a": deep(40)}).end()
    (span,) = captured.spans
    assert "bottom" in str(parsed(span)["gen_ai.tool.call.arguments"])
    assert "bottom" not in str(parsed(span)["gen_ai.tool.call.result"])
    assert parsed(span)["tcc.truncated"] == ["gen_ai.tool.call.result"]


def test_binary_parts_become_type_size_and_digest(captured: Captured) -> None:
    """Rule 9: the bytes of an image or a file never leave, in messages and in tool results."""
    payload = "QUJD" * 1_000
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{payload}"}}
    tcc.step("run-1").prompt([{"role": "user", "content": [image]}]).response("a").end()
    tcc.tool_call("run-1", tool_name="t").result({"file": b"ABC" * 1_000}).end()
    step_span, tool_span = captured.spans
    (part,) = parsed(step_span)["gen_ai.input.messages"][0]["parts"]
    assert (part["type"], part["modality"], part["mime_type"], part["size"], part["content"]) == (
        "blob",
        "image",
        "image/png",
        3_000,
        "",
    )
    file = parsed(tool_span)["gen_ai.tool.call.result"]["file"]
    assert (file["size"], file["digest"]) == (3_000, part["digest"])
    assert payload[:40] not in json.dumps([attributes_of(span) for span in captured.spans], default=list)
