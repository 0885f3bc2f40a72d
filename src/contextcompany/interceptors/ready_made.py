"""Three interceptors that most applications want: a budget, a permission gate, a deadline."""

from __future__ import annotations

import inspect
import time
from typing import TYPE_CHECKING, Any

from contextcompany.interceptors.interceptor import InterceptContext, Interceptor, InterceptResult, Phase

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from contextcompany.context.run_context import RunContext


class Budget(Interceptor):
    """Stop a run that has used up its share, before the next model request or tool call.

    Args:
        model_calls: requests to the model at most.
        tool_calls: executed tools at most.
        tokens: input and output tokens at most.
        cost: US dollars at most, as far as models report them.
        response: the output of a stopped run.

    Raises:
        ValueError: for a limit below 0, or none at all.
    """

    def __init__(
        self,
        *,
        model_calls: int | None = None,
        tool_calls: int | None = None,
        tokens: int | None = None,
        cost: float | None = None,
        response: str = "The budget of this run is used up.",
    ) -> None:
        limits = {
            "model_calls": model_calls,
            "tool_calls": tool_calls,
            "total_tokens": tokens,
            "cost": cost,
        }
        self._limits = {name: limit for name, limit in limits.items() if limit is not None}
        if not self._limits or any(not limit >= 0 for limit in self._limits.values()):
            raise ValueError(f"Budget needs limits from 0 on: got {limits}; pass e.g. model_calls=10")
        self._response = response

    @property
    def needs_cost(self) -> bool:
        """Return whether the cost of each reply must be known at once."""
        return "cost" in self._limits

    async def intercept(self, phase: Phase, context: InterceptContext) -> InterceptResult:
        """Stop where the next call would go over a limit."""
        watched = {
            Phase.PRE_THINK: ("model_calls", "total_tokens", "cost"),
            Phase.PRE_ACT: ("tool_calls", "total_tokens", "cost"),
        }.get(phase, ())
        for name in watched:
            limit = self._limits.get(name)
            if limit is not None and getattr(context.usage, name) >= limit:
                return InterceptResult.stop(self._response)
        return InterceptResult.continue_()


class PermissionGate(Interceptor):
    """Skip tool calls that the run's context does not allow; the model is told so.

    Args:
        allowed: takes the context and the tool's name, returns or awaits whether it may be called.
        response: what the model gets as the result of a refused call.
    """

    def __init__(
        self,
        allowed: Callable[[RunContext, str], bool | Awaitable[bool]],
        *,
        response: str = "Permission denied",
    ) -> None:
        self._allowed = allowed
        self._response = response

    async def intercept(self, phase: Phase, context: InterceptContext) -> InterceptResult:
        """Skip a tool call that is not allowed."""
        if phase is not Phase.PRE_ACT:
            return InterceptResult.continue_()
        answer: Any = self._allowed(context.run_context, context.tool_name or "")
        if inspect.isawaitable(answer):
            answer = await answer
        # Anything but a plain True refuses: a gate that fails must fail closed.
        return InterceptResult.continue_() if answer is True else InterceptResult.skip(self._response)


class Deadline(Interceptor):
    """Stop a run that takes too long, before its next model request or tool call.

    Args:
        seconds: how long a run may take.
        response: the output of a stopped run.

    Raises:
        ValueError: for a time that is not above 0.
    """

    def __init__(self, seconds: float, *, response: str = "The time for this run is up.") -> None:
        if not seconds > 0:
            raise ValueError(f"Deadline needs a time above 0: got {seconds!r}; pass seconds, such as 30.0")
        self._seconds = seconds
        self._response = response

    async def intercept(self, phase: Phase, context: InterceptContext) -> InterceptResult:
        """Begin the time with the run, and stop once it is over."""
        began = context.state.setdefault(f"deadline {id(self)}", time.monotonic())
        over = time.monotonic() - began > self._seconds
        if over and phase in (Phase.PRE_THINK, Phase.PRE_ACT):
            return InterceptResult.stop(self._response)
        return InterceptResult.continue_()
