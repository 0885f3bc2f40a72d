"""What a handle was given: made into attributes later, and nothing of it changed or lost by then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

import contextcompany as tcc
from contextcompany.delivery.spans.notes import MOST_ATTRIBUTES
from contextcompany.delivery.spans.own import OwnSpan
from contextcompany.testing import capture
from tests.recording.rows import parsed

if TYPE_CHECKING:
    from contextcompany.testing import Captured

LARGE = 256 << 10


def own_span(handle: tcc.Run | tcc.Step | tcc.ToolCall) -> OwnSpan:
    """Return the span of a handle."""
    assert isinstance(handle.span, OwnSpan)
    return handle.span


def attributes_of(handle: tcc.Run | tcc.Step | tcc.ToolCall) -> dict[str, Any]:
    """Return the attributes of an ended handle in their order."""
    return dict(own_span(handle).attributes or {})


def is_made(handle: tcc.Run | tcc.Step | tcc.ToolCall) -> bool:
    """Return whether the content of an ended handle is attributes already."""
    return own_span(handle).content is None


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no span go further, so that nothing in the background reads it."""
    monkeypatch.setattr("contextcompany.runtime.instance.Instance.take", lambda _self, _span: None)


@pytest.mark.usefixtures("ended")
@pytest.mark.parametrize(
    "value",
    ["x" * (LARGE + 1), ["x" * 1_000] * 300, [{"role": "user", "content": "x" * 50}] * 4_000, "語" * LARGE],
    ids=["text", "texts", "messages", "wide text"],
)
@pytest.mark.parametrize("where", ["prompt", "response", "metadata", "attributes"])
def test_what_is_large_waits_as_text(value: object, where: str) -> None:
    """Beyond 256 KB the attributes are made at the end, whichever setter was given the value."""
    with capture():
        for given, made in ((value, True), ("short", False)):
            r = tcc.run().prompt("p")
            if where == "metadata":
                r.metadata(key=given)
            elif where == "attributes":
                r.attributes({"app.key": given})
            else:
                getattr(r, where)(given)
            r.end()
            assert is_made(r) is made


@pytest.mark.usefixtures("ended")
def test_what_is_changed_afterwards_was_recorded_before() -> None:
    """Attributes are made in the background of what was given, not of what became of it."""
    messages, data = [{"role": "user", "content": "before"}], {"tags": ["before"]}
    with capture():
        r = tcc.run("run-1").prompt(messages).metadata(data).attributes({"app.tags": data["tags"]})
        r.response(data).end()
        assert not is_made(r)
        messages[0]["content"] = "after"
        messages.append({"role": "user", "content": "after"})
        data["tags"].append("after")
        assert "after" not in str(attributes_of(r))
        assert attributes_of(r)["tcc.metadata.tags"] == ("before",)


@pytest.mark.parametrize("number", [0, 499, 500, 1_000, 1_023, 1_024, 3_000])
def test_however_many_there_are_identity_and_content_stay(captured: Captured, number: int) -> None:
    """Of too many metadata keys the oldest go and are counted; who the run is and what it said do not."""
    r = tcc.run("run-1", "session-1", conversational=True).prompt("p").response("a")
    r.metadata({"tcc.userId": "u", "tcc.agent": "g"}, **{f"k{index}": index for index in range(number)}).end()
    (span,) = captured.spans
    found = parsed(span)
    named = {key: value for key, value in found.items() if key.startswith("tcc.metadata.k")}
    rest = {key for key in found if key not in named}
    assert rest == {
        "gen_ai.operation.name",
        "tcc.runId",
        "tcc.sessionId",
        "gen_ai.conversation.id",
        "tcc.conversational",
        "tcc.userId",
        "user.id",
        "tcc.agent",
        "gen_ai.agent.name",
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "tcc.statusCode",
    }
    kept = min(number, MOST_ATTRIBUTES - len(rest))
    assert named == {f"tcc.metadata.k{index}": index for index in range(number - kept, number)}
    assert span.dropped_attributes == number - kept
    assert span.name == "invoke_agent g"


@pytest.mark.unchecked
@pytest.mark.parametrize("number", [100, 600, 1_024, 2_000])
def test_however_much_others_write_identity_and_content_stay(captured: Captured, number: int) -> None:
    """Libraries that write onto the span push out what they wrote themselves, and never whose run it is."""
    with tcc.run("run-1", "session-1") as r:
        r.prompt("p")
        s = r.step("step-1").prompt("q").response("a").model("gpt-4o").tokens(10, 0, 5)
        for handle in (r, s):
            cast("OwnSpan", handle.span).set_attributes({f"theirs{index}": index for index in range(number)})
        s.end()
    step, run = captured.spans
    assert parsed(run)["tcc.runId"] == parsed(step)["tcc.runId"] == "run-1"
    assert parsed(run)["gen_ai.conversation.id"] == parsed(step)["tcc.sessionId"] == "session-1"
    assert (parsed(step)["tcc.stepId"], parsed(step)["tcc.costSource"]) == ("step-1", "computed")
    for span in (step, run):
        assert {"gen_ai.input.messages", "gen_ai.operation.name", "tcc.statusCode"} <= parsed(span).keys()
        assert len(parsed(span)) <= MOST_ATTRIBUTES + 2  # and what it cost
        assert f"theirs{number - 1}" in parsed(span)


def test_metadata_named_like_others_is_metadata(captured: Captured) -> None:
    """A key that is one of ours, or of the conventions, stands below metadata and hides nothing."""
    own = {"tcc.runId": "x", "gen_ai.input.messages": "x", "tcc.statusCode": "x", "error.type": "x"}
    r = tcc.run("run-1").prompt("p").metadata(own)
    r.metadata({"tcc.metadata.a": "x", "a": "y"}).end()
    (span,) = captured.spans
    assert parsed(span) == {
        "gen_ai.operation.name": "invoke_agent",
        "tcc.runId": "run-1",
        "gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": "p"}]}],
        **{f"tcc.metadata.{key}": "x" for key in own},
        "tcc.metadata.tcc.metadata.a": "x",
        "tcc.metadata.a": "y",
        "tcc.statusCode": 0,
    }


@pytest.mark.allows("app.key")
def test_of_two_with_one_key_the_handles_own_wins(captured: Captured) -> None:
    """What others wrote under a key goes where the handle sets it, and stays where it does not."""
    r = tcc.run("run-1").prompt("p").attributes({"app.key": "handle"})
    own_span(r).set_attributes({"app.key": "others", "tcc.statusCode": 7, "tcc.runId": "run-1"})
    own_span(r).set_attribute("gen_ai.input.messages", "others")
    r.status(1).end()
    (span,) = captured.spans
    found = parsed(span)
    assert (found["app.key"], found["tcc.statusCode"]) == ("handle", 1)
    assert found["gen_ai.input.messages"][0]["parts"][0]["content"] == "p"
