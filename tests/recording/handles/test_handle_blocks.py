"""Handles as context managers, sync and async."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from typing import TYPE_CHECKING, Any

import pytest

import contextcompany as tcc
from tests.recording.rows import parent_id, parsed, span_id, user, whole

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator

    from contextcompany import Run
    from contextcompany.testing import Captured

ALL_KINDS = ("run", "step", "tool_call")
RULES = {"run": ["run.prompt"], "step": ["step.prompt", "step.response"], "tool_call": ["tool_call.name"]}
OPERATIONS = {"run": "invoke_agent", "step": "chat", "tool_call": "execute_tool"}


class HouseError(Exception):
    """An error with a module of its own."""


LEAVING: dict[str, BaseException] = {
    "ValueError": ValueError("bad"),
    f"{__name__}.HouseError": HouseError("bad"),
    "KeyboardInterrupt": KeyboardInterrupt("bad"),
    "SystemExit": SystemExit("bad"),
    "GeneratorExit": GeneratorExit("bad"),
    "asyncio.exceptions.CancelledError": asyncio.CancelledError("bad"),
}


def handle_of(r: Run, kind: str) -> Any:
    """Return the run itself, or a bare step or tool call of it."""
    if kind == "run":
        return r
    return r.step() if kind == "step" else r.tool_call()


def fill(handle: Any) -> None:
    """Give a handle of any kind the fields that it needs."""
    for setter in ("prompt", "response", "name"):
        if hasattr(handle, setter):
            getattr(handle, setter)("x")


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_leaving_a_block_ends_the_handle(captured: Captured, kind: str) -> None:
    """Rule 7: `with` gives the handle itself, and ends it well when the block is left."""
    handle = handle_of(tcc.run(), kind)
    with handle as entered:
        assert entered is handle
        fill(entered)
        assert list(captured.spans) == []
    (span,) = captured.spans
    assert (span.status.status_code.name, parsed(span)["tcc.statusCode"]) == ("UNSET", 0)


@pytest.mark.parametrize("kind", ALL_KINDS)
async def test_leaving_an_async_block_ends_the_handle(captured: Captured, kind: str) -> None:
    """Rule 7: `async with` does what `with` does."""
    handle = handle_of(tcc.run(), kind)
    async with handle as entered:
        assert entered is handle
        fill(entered)
        await asyncio.sleep(0)
        assert list(captured.spans) == []
    (span,) = captured.spans
    assert (span.status.status_code.name, parsed(span)["tcc.statusCode"]) == ("UNSET", 0)


@pytest.mark.parametrize("error_type", LEAVING)
@pytest.mark.parametrize("kind", ALL_KINDS)
def test_an_exception_that_leaves_a_block_fails_the_handle(
    captured: Captured, kind: str, error_type: str
) -> None:
    """Rule 7: a block left by any exception fails its handle, breaks no rule, and lets it go on unchanged."""
    handle, leaving = handle_of(tcc.run(), kind), LEAVING[error_type]
    notes, arguments, cause = getattr(leaving, "__notes__", None), leaving.args, leaving.__cause__
    with pytest.raises(type(leaving)) as raised, handle:
        raise leaving
    assert raised.value is leaving
    assert (getattr(leaving, "__notes__", None), leaving.args, leaving.__cause__) == (notes, arguments, cause)
    (span,) = captured.named(OPERATIONS[kind])
    assert (span.status.status_code.name, span.status.description) == ("ERROR", "bad")
    assert (parsed(span)["tcc.statusCode"], parsed(span)["error.type"]) == (2, error_type)
    assert "tcc.violations" not in parsed(span)


async def test_an_exception_that_leaves_an_async_block_goes_on(captured: Captured) -> None:
    """Rule 7: `async with` fails the handle and lets the very same exception go on."""
    leaving = HouseError("bad")
    with pytest.raises(HouseError) as raised:
        async with tcc.run():
            raise leaving
    assert raised.value is leaving
    (span,) = captured.spans
    assert parsed(span)["error.type"] == f"{__name__}.HouseError"


async def test_a_cancelled_task_fails_its_handle_and_stays_cancelled(captured: Captured) -> None:
    """Rule 7: cancellation goes through an `async with` block and is what the span says."""
    entered = asyncio.Event()

    async def agent() -> None:
        async with tcc.run() as r:
            r.prompt("p")
            entered.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(agent())
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()
    (span,) = captured.spans
    assert parsed(span)["error.type"] == "asyncio.exceptions.CancelledError"


def test_closing_a_generator_fails_the_handle_inside(captured: Captured) -> None:
    """Rule 7: a generator that is closed inside its block leaves it by GeneratorExit."""

    def chunks() -> Generator[int]:
        with tcc.run() as r:
            r.prompt("p")
            yield 1

    stream = chunks()
    assert next(stream) == 1
    stream.close()
    (span,) = captured.spans
    assert parsed(span)["error.type"] == "GeneratorExit"


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_a_block_left_without_fields_is_repaired_then_raises(captured: Captured, kind: str) -> None:
    """Rule 7: a block left normally without its fields sends a repaired span, then raises ValueError."""
    handle = handle_of(tcc.run(), kind)
    with pytest.raises(ValueError, match=RULES[kind][0].partition(".")[2]), handle:
        pass
    (span,) = captured.spans
    assert span.status.status_code.name == "ERROR"
    assert [rule for rule in RULES[kind] if rule not in str(span.status.description)] == []
    own = {key: parsed(span)[key] for key in ("tcc.statusCode", "error.type", "tcc.violations")}
    assert own == {"tcc.statusCode": 2, "error.type": "tcc.incomplete", "tcc.violations": RULES[kind]}


def test_a_repaired_run_is_a_whole_span(captured: Captured) -> None:
    """Rule 7: the repair adds what is wrong and keeps all that was set."""
    with pytest.raises(ValueError, match="prompt"), tcc.run("run-1") as r:
        r.metadata(region="eu")
    (span,) = captured.spans
    seen = whole(span)
    description = seen.pop("status")[1]
    assert seen.pop("attributes") == {
        "gen_ai.operation.name": "invoke_agent",
        "tcc.runId": "run-1",
        "tcc.metadata.region": "eu",
        "tcc.statusCode": 2,
        "tcc.statusMessage": description,
        "tcc.violations": ["run.prompt"],
        "error.type": "tcc.incomplete",
    }
    assert seen == {"name": "invoke_agent", "kind": "INTERNAL", "parent": None, "events": [], "links": []}


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_after_its_block_a_handle_never_raises(
    captured: Captured, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    """Rule 5: a handle that the end of its block closed ignores every later call, with one warning."""
    handle = handle_of(tcc.run(), kind)
    with handle:
        fill(handle)
    before = [whole(span) for span in captured.spans]
    with caplog.at_level(logging.WARNING, "contextcompany"):
        assert handle.status(1) is handle
        fill(handle)
        handle.end()
        handle.error("late")
    assert len([record for record in caplog.records if "with block" in record.getMessage()]) == 1
    assert [whole(span) for span in captured.spans] == before


@pytest.mark.parametrize("end", ["end", "error"])
@pytest.mark.parametrize("kind", ALL_KINDS)
def test_a_handle_ended_inside_its_block_is_left_alone(captured: Captured, kind: str, end: str) -> None:
    """Rule 7: what the caller ended inside the block stays as it ended, also when an exception follows."""
    handle = handle_of(tcc.run(), kind)
    with handle:
        fill(handle)
        getattr(handle, end)()
    before = [whole(span) for span in captured.spans]
    assert len(before) == 1
    assert before[0]["status"][0] == {"end": "UNSET", "error": "ERROR"}[end]
    other = handle_of(tcc.run(), kind)
    with pytest.raises(KeyError), other:  # noqa: PT012  (the block is what is tested)
        fill(other)
        getattr(other, end)()
        raise KeyError("later")
    after = [whole(span) for span in captured.spans]
    assert (len(after), after[1]["status"], after[1]["events"]) == (2, before[0]["status"], [])
    with pytest.raises(RuntimeError, match="ended"):
        handle.status(0)


def test_a_status_set_inside_a_block_holds(captured: Captured) -> None:
    """Rule 7: a block left normally ends with the status that was set inside it."""
    with tcc.run() as r:
        r.prompt("p").status(2, "gave up")
    (span,) = captured.spans
    assert (span.status.status_code.name, span.status.description) == ("ERROR", "gave up")


def test_a_block_may_be_left_in_another_context(captured: Captured) -> None:
    """Leaving a block in a context that never entered it ends the handle and disturbs nothing."""
    with tcc.run("outer") as outer:
        outer.prompt("p")
        r = tcc.run("inner").prompt("p")
        contextvars.Context().run(r.__enter__)
        r.__exit__(None, None, None)
        assert tcc.current_run() is outer
    assert [parsed(span)["tcc.runId"] for span in captured.spans] == ["inner", "outer"]


def test_blocks_may_be_left_out_of_order(captured: Captured) -> None:
    """A block that is left before a block inside it leaves no stale parent behind."""
    r = tcc.run().prompt("p")
    first, second = r.step().prompt("q").response("a"), r.step().prompt("q").response("a")
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    inside = r.tool_call("inside")
    second.__exit__(None, None, None)
    after = r.tool_call("after")
    for handle in (inside, after, r):
        handle.end()
    assert tcc.current_run() is None
    parents = {span.name: parent_id(span) for span in captured.spans}
    assert (parents["execute_tool inside"], parents["execute_tool after"]) == (span_id(second), span_id(r))


async def test_an_async_generator_driven_by_several_tasks_ends_its_run(captured: Captured) -> None:
    """A block inside an async generator ends well although each step of it runs in another task."""

    async def chunks() -> AsyncIterator[int]:
        async with tcc.run("streamed") as r:
            r.prompt("p")
            yield 1
            yield 2

    stream = chunks()
    seen = [await asyncio.create_task(anext_of(stream)) for _ in range(3)]
    assert seen == [1, 2, None]
    (span,) = captured.spans
    assert parsed(span) == {
        "gen_ai.operation.name": "invoke_agent",
        "tcc.runId": "streamed",
        "gen_ai.input.messages": user("p"),
        "tcc.statusCode": 0,
    }


async def anext_of(stream: AsyncIterator[int]) -> int | None:
    """Take the next item, or None at the end."""
    return await anext(stream, None)


@pytest.mark.parametrize("error_type", LEAVING)
def test_an_exception_is_not_written_to(captured: Captured, error_type: str) -> None:
    """Rule 7: what goes on is unchanged: nothing of ours sticks to an exception that is pickled or logged."""
    leaving = LEAVING[error_type]
    vars(leaving).clear()
    with pytest.raises(type(leaving)), tcc.run() as r, r.step():
        raise leaving
    assert vars(leaving) == {}
    assert [len(span.events) for span in captured.spans] == [1, 0]
