"""What an agent's run gives back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from contextcompany.context.run_context import RunContext
    from contextcompany.interceptors.interceptor import Usage


@dataclass(frozen=True, slots=True)
class AgentResult:
    """The outcome of a run.

    Attributes:
        output: the final answer.
        messages: the whole conversation, chat messages in the shape of OpenAI's chat completions.
        usage: counts of requests, tool calls, tokens and cost; of this agent alone.
        run_id: the id of the recorded run.
        context: the context that the run worked with, a copy of the given one.
        stopped: None for a run that came to its own end, `max_steps`, or the class of the
            interceptor that stopped it.
    """

    output: str
    messages: list[dict[str, Any]] = field(repr=False)
    usage: Usage
    run_id: str
    context: RunContext = field(repr=False)
    stopped: str | None = None
