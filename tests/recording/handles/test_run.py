"""Runs: their arguments, their setters, and what of them ends up on the span."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

import contextcompany as tcc
from tests.recording.rows import assistant, parsed, span_id, trace_id_of, typed, user, whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from contextcompany.local.embedded.collector import Collector
    from contextcompany.testing import Captured


def test_a_run_with_a_prompt_is_a_whole_span(captured: Captured) -> None:
    """The least a run needs gives one root span with the operation, the id, the prompt and success."""
    tcc.run("run-1").prompt("What is the weather?").end()
    (span,) = captured.spans
    assert whole(span) == {
        "name": "invoke_agent",
        "kind": "INTERNAL",
        "parent": None,
        "status": ("UNSET", None),
        "attributes": {
            "gen_ai.operation.name": "invoke_agent",
            "tcc.runId": "run-1",
            "gen_ai.input.messages": user("What is the weather?"),
            "tcc.statusCode": 0,
        },
        "events": [],
        "links": [],
    }


def test_every_setter_returns_the_run(captured: Captured) -> None:
    """Calls can be chained, as the documents of the platform show."""
    r = tcc.run()
    assert r.prompt("p", system_prompt="s") is r
    assert r.response("a") is r
    assert r.status(1, "half") is r
    assert r.metadata({"a": 1}, b=2) is r
    assert r.attributes({"app.key": "v"}) is r
    r.end()


def test_a_run_without_an_id_gets_a_uuid(captured: Captured) -> None:
    """An id that is not given is a random UUID, another one each time."""
    first, second = tcc.run(), tcc.run()
    assert str(UUID(first.run_id)) == first.run_id
    assert UUID(first.run_id).version == 4
    assert first.run_id != second.run_id


def test_ids_are_taken_as_text_or_uuid(captured: Captured) -> None:
    """A `uuid.UUID` is taken as an id, for the run and for its session."""
    given = UUID("0b6f3d52-3d53-4e0e-9a0f-2f7e5ad1c001")
    r = tcc.run(given, session_id=given)
    assert r.run_id == str(given)
    r.prompt("p").end()
    (span,) = captured.spans
    assert parsed(span) == {
        "gen_ai.operation.name": "invoke_agent",
        "tcc.runId": str(given),
        "tcc.sessionId": str(given),
        "gen_ai.conversation.id": str(given),
        "gen_ai.input.messages": user("p"),
        "tcc.statusCode": 0,
    }


def test_an_empty_id_counts_as_not_given(captured: Captured) -> None:
    """Empty ids give a generated run id and no session."""
    r = tcc.run("", session_id="")
    assert UUID(r.run_id).version == 4
    r.prompt("p").end()
    (span,) = captured.spans
    assert set(parsed(span)) == {
        "gen_ai.operation.name",
        "tcc.runId",
        "gen_ai.input.messages",
        "tcc.statusCode",
    }


@pytest.mark.parametrize("given", [True, False])
def test_conversational_is_recorded_as_given(captured: Captured, given: bool) -> None:
    """Both answers to "did a user begin this?" are recorded, and no answer is no attribute."""
    tcc.run(conversational=given).prompt("p").end()
    (span,) = captured.spans
    assert parsed(span)["tcc.conversational"] is given


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: tcc.run(5), TypeError, ("run_id", "int")),  # type: ignore[arg-type]
        (lambda: tcc.run(session_id=b"x"), TypeError, ("session_id", "bytes")),  # type: ignore[arg-type]
        (lambda: tcc.run(conversational="yes"), TypeError, ("conversational", "str")),  # type: ignore[arg-type]
        (lambda: tcc.run(tcc_url="not a url"), ValueError, ("tcc_url", "not a url")),
        (lambda: tcc.run(tcc_url="ftp://host/x"), ValueError, ("tcc_url", "ftp://host/x")),
        (lambda: tcc.run(timeout=0), ValueError, ("timeout", "0")),
        (lambda: tcc.run(timeout=-1.5), ValueError, ("timeout", "-1.5")),
        (lambda: tcc.run(timeout="5"), ValueError, ("timeout", "'5'")),  # type: ignore[arg-type]
        (lambda: tcc.run(start_time="noon"), TypeError, ("start_time", "str")),  # type: ignore[arg-type]
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else "",
)
def test_misuse_raises_at_once_and_leaves_nothing_open(
    captured: Captured, call: Callable[[], object], error: type[Exception], words: tuple[str, ...]
) -> None:
    """Rule 9: a wrong argument raises, says what it was and what it got, and starts no span."""
    before = tcc.stats().open_handles
    with pytest.raises(error) as raised:
        call()
    assert [word for word in (*words, ": got ") if word not in str(raised.value)] == []
    assert (captured.spans, tcc.stats().open_handles) == ((), before)


@pytest.mark.parametrize("code", [3, -1, "0", None, 1.5, [0]])
def test_a_status_code_other_than_three_raises(captured: Captured, code: Any) -> None:
    """Rule 9: a status code other than 0, 1 and 2 is misuse, and changes nothing."""
    r = tcc.run().prompt("p").status(1, "half")
    with pytest.raises(ValueError, match=r"0 .*1 .*2 .*: got "):
        r.status(code)
    r.end()
    (span,) = captured.spans
    assert (parsed(span)["tcc.statusCode"], parsed(span)["tcc.statusMessage"]) == (1, "half")


def test_metadata_that_is_no_mapping_raises(captured: Captured) -> None:
    """Rule 9: the argument of `metadata` is misused where it is no mapping."""
    with pytest.raises(TypeError, match=r"mapping: got list"):
        tcc.run().metadata(["a"])  # type: ignore[arg-type]


def test_metadata_calls_merge(captured: Captured) -> None:
    """Rule 2: later metadata wins, keyword arguments win over the dict, and None removes a key."""
    r = tcc.run("run-1").prompt("p")
    r.metadata({"kept": "first", "changed": "old", "removed": "x", "twice": "dict"}, twice="keyword")
    r.metadata(changed="new").metadata({"removed": None, "never": None})
    r.end()
    (span,) = captured.spans
    assert parsed(span) == {
        "gen_ai.operation.name": "invoke_agent",
        "tcc.runId": "run-1",
        "gen_ai.input.messages": user("p"),
        "tcc.statusCode": 0,
        "tcc.metadata.kept": "first",
        "tcc.metadata.changed": "new",
        "tcc.metadata.twice": "keyword",
    }


@pytest.mark.parametrize(
    ("given", "kind", "recorded"),
    [
        ("text", "str", "text"),
        (True, "bool", True),
        (7, "int", 7),
        (2.0, "float", 2.0),
        (["a", "b"], "list[str]", ["a", "b"]),
        ([True, False], "list[bool]", [True, False]),
        ([1, 2], "list[int]", [1, 2]),
        ([1.0, 2.5], "list[float]", [1.0, 2.5]),
        ([1, "a"], "str", '[1,"a"]'),
        ([1, True], "str", "[1,true]"),
        ({"a": [1]}, "str", '{"a":[1]}'),
    ],
)
def test_metadata_keeps_its_type(captured: Captured, given: object, kind: str, recorded: object) -> None:
    """Rule 2: text, numbers, booleans and lists of one of them keep their type, all else is JSON text."""
    tcc.run().prompt("p").metadata(value=given).end()
    (span,) = captured.spans
    assert typed(parsed(span))["tcc.metadata.value"] == (kind, recorded)


def test_a_snapshot_is_taken_when_the_setter_is_called(captured: Captured) -> None:
    """Rule 1: prompts, answers, metadata and attributes that change afterwards are recorded as they were."""
    said: list[dict[str, Any]] = [{"role": "user", "content": "first"}]
    answer: dict[str, Any] = {"role": "assistant", "content": "answer"}
    tags, nested = ["a"], {"deep": [1]}
    r = tcc.run().prompt(said).response(answer).metadata(tags=tags, nested=nested).attributes({"app.t": tags})
    said[0]["content"] = answer["content"] = "changed"
    tags.append("b")
    nested["deep"].append(2)
    r.end()
    (span,) = captured.spans
    recorded = parsed(span)
    assert (recorded["gen_ai.input.messages"], recorded["gen_ai.output.messages"]) == (
        user("first"),
        assistant("answer"),
    )
    assert (recorded["tcc.metadata.tags"], recorded["app.t"]) == (["a"], ["a"])
    assert recorded["tcc.metadata.nested"] == '{"deep":[1]}'


def test_a_second_prompt_keeps_the_system_prompt(captured: Captured) -> None:
    """Rule 2: a call that leaves the system prompt out keeps the earlier one."""
    tcc.run().prompt("one", system_prompt="be kind").prompt("two").end()
    (span,) = captured.spans
    assert parsed(span)["gen_ai.input.messages"] == user("two")
    assert parsed(span)["gen_ai.system_instructions"] == [{"type": "text", "content": "be kind"}]


def test_a_second_status_keeps_the_message(captured: Captured) -> None:
    """Rule 2: a status without a message keeps the message that was set before."""
    tcc.run().prompt("p").status(1, "two of three sources").status(0).end()
    (span,) = captured.spans
    assert (parsed(span)["tcc.statusCode"], parsed(span)["tcc.statusMessage"]) == (0, "two of three sources")


@pytest.mark.parametrize("given", ["", [], None])
def test_an_empty_prompt_counts_as_set(captured: Captured, given: object) -> None:
    """Rule 3: an empty prompt or response of a run is empty text, and the run ends well."""
    tcc.run("run-1").prompt(given).response(given).end()
    (span,) = captured.spans
    assert whole(span)["status"] == ("UNSET", None)
    assert parsed(span) == {
        "gen_ai.operation.name": "invoke_agent",
        "tcc.runId": "run-1",
        "gen_ai.input.messages": user(""),
        "gen_ai.output.messages": assistant(""),
        "tcc.statusCode": 0,
    }


def test_attributes_without_a_setter_are_recorded(captured: Captured) -> None:
    """What has no setter goes on the span by its full key, merged like metadata."""
    r = tcc.run().prompt("p").attributes({"app.region": "eu", "app.gone": 1}).attributes({"app.gone": None})
    r.attributes({"app.count": 3}).end()
    (span,) = captured.spans
    own = {key: value for key, value in parsed(span).items() if key.startswith("app.")}
    assert typed(own) == {"app.region": ("str", "eu"), "app.count": ("int", 3)}


def test_attributes_cannot_make_a_span_another(captured: Captured) -> None:
    """`attributes()` is for what has no setter: the run stays the run that it is, with what was set."""
    r = tcc.run("run-1").prompt("p").response("a").metadata({"tcc.userId": "u-1"})
    r.attributes({"tcc.runId": "other", "gen_ai.operation.name": "chat", "tcc.statusCode": 2})
    r.attributes({"gen_ai.input.messages": "[]", "tcc.userId": "other", "error.type": "x"}).end()
    (span,) = captured.spans
    assert parsed(span) == {
        "gen_ai.operation.name": "invoke_agent",
        "tcc.runId": "run-1",
        "gen_ai.input.messages": user("p"),
        "gen_ai.output.messages": assistant("a"),
        "tcc.userId": "u-1",
        "user.id": "u-1",
        "tcc.statusCode": 0,
    }


def test_the_span_and_its_trace_are_at_hand(captured: Captured) -> None:
    """A handle shows its OpenTelemetry span and the id of its trace."""
    r = tcc.run().prompt("p")
    r.end()
    (span,) = captured.spans
    assert span.context is not None
    assert span.context.span_id == span_id(r)
    assert trace_id_of(span) == r.trace_id


def test_a_repr_shows_id_and_state_but_no_content(captured: Captured) -> None:
    """A run in a debugger or a log shows what it is, and nothing that was said."""
    r = tcc.run("run-1").prompt("a secret of the user")
    shown_open = repr(r)
    r.end()
    assert ("run-1" in shown_open, "open" in shown_open, "secret" in shown_open) == (True, True, False)
    assert ("run-1" in repr(r), "ended" in repr(r), "secret" in repr(r)) == (True, True, False)


def test_the_current_run_is_the_one_of_the_nearest_handle(captured: Captured) -> None:
    """`current_run()` is the run around the caller, also inside its steps and tool calls, and else None."""
    assert tcc.current_run() is None
    with tcc.run() as outer:
        outer.prompt("p")
        assert tcc.current_run() is outer
        with outer.step() as s:
            s.prompt("p").response("a")
            assert tcc.current_run() is outer
        with tcc.run() as inner:
            inner.prompt("p")
            with inner.tool_call("t"):
                assert tcc.current_run() is inner
        assert tcc.current_run() is outer
    assert tcc.current_run() is None


def test_a_run_with_flush_is_delivered_when_it_ends(collector: Collector) -> None:
    """With `flush=True` the run is on the collector when `end()`, `error()` or its block returns."""
    tcc.run("by-end", flush=True).prompt("p").end()
    assert [span.attributes["tcc.runId"] for span in collector.store.spans()] == ["by-end"]
    tcc.run("by-error", flush=True).error("no")
    assert len(collector.store) == 2
    with tcc.run("by-block", flush=True) as r:
        r.prompt("p")
    assert len(collector.store) == 3
