"""Ask interceptors in their order, each seeing what the one before changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from contextcompany.interceptors.interceptor import Action, InterceptResult, Phase, StopExecution

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contextcompany.interceptors.interceptor import InterceptContext, Interceptor


_CONTINUE: Final = InterceptResult.continue_()
_SKIPPABLE: Final = frozenset({Phase.PRE_RUN, Phase.PRE_THINK, Phase.PRE_ACT, Phase.POST_ACT})


class Stopped(StopExecution):
    """An interceptor stopped the run.

    Args:
        response: the output of the run.
        by: the name of the interceptor's class.
        phase: where it did.
    """

    def __init__(self, response: str, by: str, phase: Phase) -> None:
        super().__init__(response)
        self.by = by
        self.phase = phase


class Chain:
    """The interceptors of one run.

    Attributes:
        is_empty: whether there is none, so that nobody sees or changes what it is told.
        skips: what was skipped so far, as `phase Interceptor [tool]`, for the run's span.
    """

    def __init__(self, interceptors: Sequence[Interceptor]) -> None:
        self._interceptors = tuple(interceptors)
        self.is_empty = not self._interceptors
        self.skips: list[str] = []

    @property
    def needs_cost(self) -> bool:
        """Return whether an interceptor needs the cost of each reply at once."""
        return any(getattr(one, "needs_cost", False) for one in self._interceptors)

    async def ask(self, phase: Phase, context: InterceptContext) -> InterceptResult:
        """Ask all, apply what they change to the context, and return the first stop or skip.

        Raises:
            StopExecution: where one stops the run.
            TypeError: where one answers with anything but an InterceptResult.
            ValueError: where one skips at a phase at which there is nothing to skip.
        """
        context.phase = phase
        for interceptor in self._interceptors:
            name = type(interceptor).__name__
            try:
                result: Any = await interceptor.intercept(phase, context)
            except StopExecution as stop:
                raise Stopped(stop.response, name, phase) from stop
            if not isinstance(result, InterceptResult):
                raise TypeError(
                    f"{name}.intercept must return an InterceptResult: got {type(result).__name__}; "
                    "return InterceptResult.continue_()"
                )
            _apply(result, context)
            if result.action is Action.STOP:
                raise Stopped(str(result.response or ""), name, phase)
            if result.action is Action.SKIP:
                if phase not in _SKIPPABLE:
                    raise ValueError(
                        f"{name} cannot skip at {phase.value}: there is nothing left to skip; "
                        "skip at pre_run, pre_think, pre_act or post_act, or stop"
                    )
                self.skips.append(" ".join(filter(None, (phase.value, name, context.tool_name))))
                return result
        return _CONTINUE


def _apply(result: InterceptResult, context: InterceptContext) -> None:
    if result.messages is not None:
        context.messages = result.messages
    if result.tool_args is not None:
        context.tool_args = result.tool_args
    if result.tool_result is not None:
        context.tool_result = result.tool_result
    if result.tools is not None:
        context.tools = [name for name in context.tools if name in result.tools]
    if result.model is not None:
        context.model = result.model
    if result.prompt is not None:
        context.task = result.prompt
