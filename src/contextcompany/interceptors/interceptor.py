"""The phases of a run, what an interceptor is told there, and what it may answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Self

from contextcompany.context.run_context import RunContext

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Phase(Enum):
    """Where in a run an interceptor is asked.

    Each is asked once per run (`PRE_RUN`, `POST_RUN`, `ON_ERROR`), per model request (`PRE_THINK`,
    `POST_THINK`) or per tool call (`PRE_ACT`, `POST_ACT`).
    """

    PRE_RUN = "pre_run"
    PRE_THINK = "pre_think"
    POST_THINK = "post_think"
    PRE_ACT = "pre_act"
    POST_ACT = "post_act"
    POST_RUN = "post_run"
    ON_ERROR = "on_error"


class Action(Enum):
    """What an interceptor asks for."""

    CONTINUE = "continue"
    STOP = "stop"
    SKIP = "skip"


class StopExecution(Exception):  # noqa: N818  (the name of the contract)
    """Stop the run from anywhere below an agent; its response becomes the run's output.

    Args:
        response: the output of the run.
    """

    def __init__(self, response: str = "") -> None:
        super().__init__(response)
        self.response = response


@dataclass(slots=True)
class Usage:
    """What a run has used so far.

    Attributes:
        model_calls: requests to a model.
        tool_calls: executed tools.
        input_tokens: tokens of all requests, cached ones included.
        output_tokens: tokens of all answers.
        cached_tokens: input tokens that were read from the provider's cache.
        cost: US dollars, as far as models report them.
    """

    model_calls: int = 0
    tool_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cost: float = 0.0

    @property
    def total_tokens(self) -> int:
        """Return input and output tokens together."""
        return self.input_tokens + self.output_tokens


@dataclass(kw_only=True, slots=True)
class InterceptContext:
    """What an interceptor is told.

    Attributes:
        agent: the agent that runs.
        phase: where in the run this is.
        task: what the agent was asked.
        run_context: the context of the run; an empty one when none was given, never None.
        messages: the conversation so far, chat messages as dicts.
        tools: the names of the tools that the model may call.
        model: the model of the next or the last request.
        tool_name: the tool, in `PRE_ACT` and `POST_ACT`.
        tool_args: its arguments, in `PRE_ACT` and `POST_ACT`.
        tool_result: its result, in `POST_ACT`.
        error: what was raised, in `ON_ERROR`, and in `POST_ACT` of a failed tool.
        model_response: the model's reply, in `POST_THINK`.
        response: the final answer, in `POST_RUN`.
        usage: counts so far.
        state: shared by all interceptors of the run, empty at its start.
    """

    agent: Any
    phase: Phase
    task: str
    run_context: RunContext = field(default_factory=RunContext)
    messages: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    tools: list[str] = field(default_factory=list[str])
    model: Any = None
    tool_name: str | None = None
    tool_args: dict[str, Any] | None = None
    tool_result: Any = None
    error: BaseException | None = None
    model_response: Any = None
    response: str | None = None
    usage: Usage = field(default_factory=Usage)
    state: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class InterceptResult:
    """What an interceptor answers; made by `continue_()`, `stop()`, `skip()` and `modify()`.

    Attributes:
        action: go on, stop the run, or skip this model request or tool call.
        response: the run's output for a stop; the reply or the result for a skip.
        messages: the conversation to go on with, or None.
        tool_args: the arguments to go on with, or None.
        tool_result: the result to go on with, or None.
        tools: the names of the tools that the model may call, or None for all.
        model: the model to ask, or None.
        prompt: another task for the model, or None.
    """

    action: Action = Action.CONTINUE
    response: Any = None
    messages: list[dict[str, Any]] | None = None
    tool_args: dict[str, Any] | None = None
    tool_result: Any = None
    tools: tuple[str, ...] | None = None
    model: Any = None
    prompt: str | None = None

    @classmethod
    def continue_(cls) -> Self:
        """Go on as if nobody had asked."""
        return cls()

    @classmethod
    def stop(cls, response: str = "") -> Self:
        """End the run now with this output."""
        return cls(action=Action.STOP, response=response)

    @classmethod
    def skip(cls, response: Any = None) -> Self:
        """Leave this out, with the given value in its place.

        In `PRE_RUN` the run, in `PRE_THINK` the model request, in `PRE_ACT` the tool call, in
        `POST_ACT` the result that the tool gave. There is nothing to skip at other phases.
        """
        return cls(action=Action.SKIP, response=response)

    @classmethod
    def modify(
        cls,
        *,
        messages: Sequence[Mapping[str, Any]] | None = None,
        tool_args: Mapping[str, Any] | None = None,
        tool_result: Any = None,
        tools: Sequence[str] | None = None,
        model: Any = None,
        prompt: str | None = None,
    ) -> Self:
        """Go on with something changed; the next interceptor sees the change.

        Args:
            messages: the conversation, in the think phases.
            tool_args: the arguments, in `PRE_ACT`.
            tool_result: the result, in `POST_ACT`.
            tools: the names of the tools that the model may call, in `PRE_RUN` and `PRE_THINK`.
            model: the model to ask, in `PRE_RUN` and `PRE_THINK`.
            prompt: another task, in `PRE_RUN`.
        """
        return cls(
            messages=None if messages is None else [dict(message) for message in messages],
            tool_args=None if tool_args is None else dict(tool_args),
            tool_result=tool_result,
            tools=None if tools is None else tuple(tools),
            model=model,
            prompt=prompt,
        )


class Interceptor(ABC):
    """Derive from it and answer in `intercept`; interceptors are asked in the order given."""

    @abstractmethod
    async def intercept(self, phase: Phase, context: InterceptContext) -> InterceptResult:
        """Look at a phase of a run and say how it goes on.

        Args:
            phase: where in the run this is.
            context: what is known there.
        """
