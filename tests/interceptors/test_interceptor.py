"""Phases, and what an interceptor is told and may answer."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

import contextcompany as tcc
from contextcompany.interceptors import (
    InterceptContext,
    Interceptor,
    InterceptResult,
    Phase,
    StopExecution,
    Usage,
)
from contextcompany.interceptors.interceptor import Action


def test_the_phases_are_the_seven_of_the_contract() -> None:
    """The phases have the names of the contract, in the order of a run."""
    assert [phase.value for phase in Phase] == [
        "pre_run",
        "pre_think",
        "post_think",
        "pre_act",
        "post_act",
        "post_run",
        "on_error",
    ]
    assert [phase.name.lower() for phase in Phase] == [phase.value for phase in Phase]


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (InterceptResult.continue_(), InterceptResult(action=Action.CONTINUE)),
        (InterceptResult.stop(), InterceptResult(action=Action.STOP, response="")),
        (InterceptResult.stop("no"), InterceptResult(action=Action.STOP, response="no")),
        (InterceptResult.skip(), InterceptResult(action=Action.SKIP, response=None)),
        (InterceptResult.skip({"a": 1}), InterceptResult(action=Action.SKIP, response={"a": 1})),
        (InterceptResult.modify(), InterceptResult.continue_()),
        (
            InterceptResult.modify(
                messages=[{"role": "user", "content": "q"}],
                tool_args={"a": 1},
                tool_result=0,
                tools=["t"],
                model="m",
                prompt="p",
            ),
            InterceptResult(
                messages=[{"role": "user", "content": "q"}],
                tool_args={"a": 1},
                tool_result=0,
                tools=("t",),
                model="m",
                prompt="p",
            ),
        ),
    ],
)
def test_each_way_to_answer_gives_a_whole_result(made: InterceptResult, expected: InterceptResult) -> None:
    """`continue_`, `stop`, `skip` and `modify` each say one thing and leave the rest alone."""
    assert made == expected


def test_a_result_keeps_what_it_was_given() -> None:
    """What the interceptor mutates after it answered changes nothing, and a result cannot be written to."""
    message, arguments, tools = {"role": "user", "content": "q"}, {"a": 1}, ["t"]
    result = InterceptResult.modify(messages=[message], tool_args=arguments, tools=tools)
    message["content"], arguments["a"] = "other", 2
    tools.append("u")
    assert result == InterceptResult.modify(
        messages=[{"role": "user", "content": "q"}], tool_args={"a": 1}, tools=["t"]
    )
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.prompt = "p"  # type: ignore[misc]


def test_an_interceptor_must_intercept() -> None:
    """A class that does not define `intercept` cannot be made."""

    class Idle(Interceptor):
        pass

    made: Any = Idle
    with pytest.raises(TypeError, match="intercept"):
        made()


def test_a_stop_carries_its_response() -> None:
    """`StopExecution` is an exception with the output of the run, empty if there is none."""
    assert StopExecution("enough").response == "enough"
    assert str(StopExecution("enough")) == "enough"
    assert StopExecution().response == ""
    assert issubclass(StopExecution, Exception)


def test_usage_adds_up_tokens() -> None:
    """Total tokens are input and output; the cached ones are part of the input already."""
    assert Usage().total_tokens == 0
    assert Usage(input_tokens=10, output_tokens=5, cached_tokens=8).total_tokens == 15


def test_a_context_made_by_hand_is_complete() -> None:
    """A test of an interceptor needs agent, phase and task only; the run context is empty, never None."""
    made = InterceptContext(agent="a", phase=Phase.PRE_RUN, task="t")
    assert made.run_context == tcc.RunContext()
    assert dataclasses.asdict(made) == {
        "agent": "a",
        "phase": Phase.PRE_RUN,
        "task": "t",
        "run_context": {"query": "", "metadata": {}},
        "messages": [],
        "tools": [],
        "model": None,
        "tool_name": None,
        "tool_args": None,
        "tool_result": None,
        "error": None,
        "model_response": None,
        "response": None,
        "usage": dataclasses.asdict(Usage()),
        "state": {},
    }
    other = InterceptContext(agent="a", phase=Phase.PRE_RUN, task="t")
    assert made.state is not other.state
    assert made.run_context is not other.run_context
