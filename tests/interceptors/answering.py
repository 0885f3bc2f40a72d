"""An interceptor that notes where it was asked and answers by a table."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from contextcompany.interceptors import InterceptContext, Interceptor, InterceptResult, Phase

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Answer = InterceptResult | Callable[[InterceptContext], Any]


class Answering(Interceptor):
    """Answer at some phases, go on at all others.

    Args:
        answers: by phase, a result, or what is called with the context and may return or await one.

    Attributes:
        asked: the phases so far, with the tool in the act phases.
    """

    def __init__(self, answers: Mapping[Phase, Answer] | None = None) -> None:
        self._answers = dict(answers or {})
        self.asked: list[str] = []

    async def intercept(self, phase: Phase, context: InterceptContext) -> InterceptResult:
        """Note the phase and answer."""
        assert context.phase is phase
        self.asked.append(" ".join(filter(None, (phase.value, context.tool_name))))
        answer: Any = self._answers.get(phase)
        if callable(answer):
            answer = answer(context)
            if inspect.isawaitable(answer):
                answer = await answer
        return InterceptResult.continue_() if answer is None else answer


class Another(Answering):
    """The same under another name, as it stands on spans."""
