"""An agent: a model, its tools, its sub-agents and its interceptors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from contextcompany.agents.callables import Callables
from contextcompany.agents.execution import AgentRun
from contextcompany.agents.loop import Loop
from contextcompany.agents.model import Model
from contextcompany.context.current import current_context
from contextcompany.context.run_context import context_of
from contextcompany.interceptors.interceptor import Interceptor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from contextcompany.agents.result import AgentResult
    from contextcompany.context.run_context import AnyRunContext

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Agent:
    """A model in a loop with tools, given a context at each run.

    Args:
        name: what the agent is called on spans and by other agents; letters, digits, `_` and `-`.
        model: an object with `name` and `reply`; see `contextcompany.agents.Model`.
        tools: functions decorated with `@tool`.
        subagents: agents that the model may call as tools; a dict names them itself.
        interceptors: asked in this order at every phase.
        instructions: the system prompt.
        max_steps: requests to the model at most; then the run ends with `stopped = "max_steps"`.
        max_depth: how deep agents may call agents.

    Raises:
        ValueError: for a name that models cannot call, a name used twice, or a limit below 1.
        TypeError: for a tool that is none, a model that is none, and so on.
    """

    def __init__(
        self,
        *,
        name: str,
        model: Model,
        tools: Sequence[Callable[..., Any]] = (),
        subagents: Sequence[Agent] | Mapping[str, Agent] = (),
        interceptors: Sequence[Interceptor] = (),
        instructions: str | None = None,
        max_steps: int = 10,
        max_depth: int = 8,
    ) -> None:
        _check_name(name, "an agent")
        if not isinstance(model, Model):
            raise TypeError(
                f"model must have a name and an async reply(): got {type(model).__name__}; "
                "wrap your client, e.g. contextcompany.agents.openai.OpenAIModel(client, 'gpt-5')"
            )
        for one in interceptors:
            if not isinstance(one, Interceptor):
                raise TypeError(f"interceptors must derive from Interceptor: got {type(one).__name__}")
        for label, limit in (("max_steps", max_steps), ("max_depth", max_depth)):
            if limit < 1:
                raise ValueError(f"{label} must be at least 1: got {limit!r}")
        self.name = name
        self.model = model
        self.instructions = instructions
        self.interceptors = tuple(interceptors)
        self.max_steps = max_steps
        self.max_depth = max_depth
        named = list(
            cast("Mapping[str, Any]", subagents).items()
            if isinstance(subagents, Mapping)
            else ((getattr(one, "name", ""), one) for one in subagents)
        )
        for _, subagent in named:
            if not isinstance(subagent, Agent):
                raise TypeError(f"subagents must be agents: got {type(subagent).__name__}; pass an Agent")
        self.callables = Callables(tools, named, owner=name)
        for callable_name in self.callables:
            _check_name(callable_name, "a tool or sub-agent")

    def __repr__(self) -> str:
        """Return the agent with its name and model."""
        return f"Agent({self.name!r}, model={self.model.name!r})"

    def run(
        self,
        task: str,
        context: AnyRunContext | Mapping[str, Any] | None = None,
        *,
        session_id: str | UUID | None = None,
        run_id: str | UUID | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> AgentRun:
        """Run the agent: await it in async code; elsewhere it starts at once and `.output` waits for it.

        Args:
            task: what the agent is asked.
            context: given to tools, interceptors and sub-agents; a mapping becomes its metadata. The
                object is never written to. Left out inside of another run, that run's context is taken.
            session_id: groups runs of one conversation, else the session of the run around it.
            run_id: the id of the recorded run, generated if left out.
            metadata: metadata of the recorded run.

        Raises:
            TypeError: for a context that is none.
        """
        given = context_of(current_context() if context is None else context)

        async def work() -> AgentResult:
            return await Loop(self, task, given).run(session_id=session_id, run_id=run_id, metadata=metadata)

        return AgentRun(self.name, work)


def _check_name(name: object, whose: str) -> None:
    """Raise a ValueError for a name that the providers of models do not take."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"the name of {whose} must be letters, digits, _ or -, at most 64: got {name!r}")
