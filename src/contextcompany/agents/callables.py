"""What the model of an agent may call: tools and sub-agents, under one set of names."""

from __future__ import annotations

import asyncio
import inspect
import json
import types
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from contextcompany.agents.threads import in_thread
from contextcompany.context.schema import ArgumentError, Schema, task_schema
from contextcompany.context.tool import spec_of
from contextcompany.recording.calls.calls import Kind
from contextcompany.recording.calls.capture import NOTHING, Capture
from contextcompany.recording.calls.yielded import joined
from contextcompany.runtime.process import process
from contextcompany.semconv import attributes as names

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
    from uuid import UUID

    from contextcompany.agents.result import AgentResult
    from contextcompany.context.run_context import RunContext


class SubAgent(Protocol):
    """An agent as another agent calls it."""

    name: str
    instructions: str | None

    def run(
        self,
        task: str,
        context: Any = None,
        *,
        session_id: str | UUID | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Awaitable[AgentResult]:
        """Run the agent."""
        ...


_EVERYTHING: Final = Capture("an agent")


class UnknownToolError(LookupError):
    """The model asked for a tool that the agent does not have."""


class ContextError(TypeError):
    """The context of a tool is missing or of another class: a mistake of the program, not of a model."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A call whose arguments fit and whose context is there: nothing left but to make it.

    Attributes:
        arguments: the arguments by parameter name, without the context.
        call: makes the call.
    """

    arguments: dict[str, Any]
    call: Callable[[], Awaitable[Any]]


class _Tool:
    """A function decorated with `@tool`."""

    def __init__(self, function: Callable[..., Any]) -> None:
        spec = spec_of(function)
        if spec is None:
            name = getattr(function, "__qualname__", type(function).__name__)
            raise TypeError(f"tools must be decorated with @tool: got {name}; decorate it")
        self.name = spec.name
        self.capture = spec.capture
        self._spec = spec
        # The plain function, bound where it is a method: the agent records the call itself.
        self._plain: Callable[..., Any] = getattr(function, "__wrapped__", function)
        if type(function) is types.MethodType:
            # A classmethod from Python 3.13 on: it binds the tool, and not what the tool holds.
            self._plain = types.MethodType(self._plain, cast("Any", function).__self__)
        self._is_coroutine = inspect.iscoroutinefunction(self._plain)
        self._bound = inspect.ismethod(self._plain) and not inspect.ismethod(spec.function)
        self.is_threaded = not self._is_coroutine and spec.kind is not Kind.ASYNC_GENERATOR

    @property
    def schema(self) -> Schema:
        return self._spec.schema

    def prepared(self, arguments: Mapping[str, Any], context: RunContext) -> Prepared:
        checked = self.schema.validated(arguments)
        try:
            args, filled = self._spec.injected((), checked, bound=self._bound, fallback=context)
        except TypeError as error:
            raise ContextError(str(error)) from None

        async def call() -> Any:
            if self._is_coroutine:
                return await self._plain(*args, **filled)
            if self._spec.kind is Kind.ASYNC_GENERATOR:
                return joined([item async for item in self._plain(*args, **filled)])
            called = _exhausted if self._spec.kind is Kind.GENERATOR else _called
            result = await in_thread(called, self._plain, args, filled)
            if type(result) is str or not inspect.isawaitable(result):
                return result
            # A task of its own, for what it puts into context variables is not for the run.
            return await asyncio.ensure_future(result)

        return Prepared(dict(arguments), call)


def _called(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    try:
        return function(*args, **kwargs)
    except StopIteration as error:
        # No future can hold it: on Python 3.11 whoever waits for the thread would wait for ever.
        raise RuntimeError("the tool raised StopIteration") from error


def _exhausted(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    return joined(list(function(*args, **kwargs)))


class _SubAgentTool:
    """Another agent."""

    def __init__(self, name: str, agent: SubAgent) -> None:
        self.name = name
        self.is_threaded = False
        self._agent = agent
        self._schema: tuple[str, Schema] | None = None

    @property
    def schema(self) -> Schema:
        about = self._agent.instructions or "Takes a task and answers it."
        if self._schema is None or self._schema[0] != about:
            self._schema = about, task_schema(self.name, f"Delegates to the agent {self.name}. {about}")
        return self._schema[1]

    def prepared(self, arguments: Mapping[str, Any], context: RunContext) -> Prepared:
        task = self.schema.validated(arguments)["task"]

        async def call() -> Any:
            around = process.current_place()
            if around is None or around.is_off:
                return (await self._agent.run(task, context)).output
            identity = {key: value for key, value in around.identity.items() if key != names.TCC_AGENT}
            # Said outright, because they may differ from what the class of the context names.
            run = self._agent.run(task, context, session_id=around.session_id, metadata=identity)
            return (await run).output

        return Prepared(dict(arguments), call)


class Callables:
    """The tools and sub-agents of one agent, by name.

    Args:
        tools: functions decorated with `@tool`.
        subagents: agents, each with the name under which the model calls it.
        owner: the agent that has them, for error messages.

    Raises:
        TypeError: for a tool that is none.
        ValueError: for a name that stands for two.
    """

    def __init__(
        self, tools: Sequence[Callable[..., Any]], subagents: Sequence[tuple[str, SubAgent]], *, owner: str
    ) -> None:
        self._known: dict[str, _Tool | _SubAgentTool] = {}
        every: list[_Tool | _SubAgentTool] = [_Tool(tool) for tool in tools]
        every += [_SubAgentTool(name, agent) for name, agent in subagents]
        for one in every:
            if one.name in self._known:
                raise ValueError(f"agent {owner} has two callables named {one.name}: rename one of them")
            self._known[one.name] = one

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self._known)

    def schemas(self, names: Sequence[str]) -> list[Schema]:
        """Return what the model is told of the callables with these names."""
        return [self._known[name].schema for name in names if name in self._known]

    def captured_args(self, name: str, arguments: object) -> object:
        """Return what is recorded of the arguments of a call, or `NOTHING`; for text, that are none."""
        capture = self._capture(name)
        if isinstance(arguments, dict):
            by_name = cast("dict[str, Any]", arguments)
            return capture.of_args(dict(by_name), by_name)
        return arguments if capture.args is True else NOTHING

    def captured_result(self, name: str, result: object) -> object:
        """Return what is recorded of the result of a call, or `NOTHING`."""
        return self._capture(name).of_result(result)

    def _capture(self, name: str) -> Capture:
        known = self._known.get(name)
        return known.capture if isinstance(known, _Tool) else _EVERYTHING

    def is_threaded(self, name: str) -> bool:
        """Return whether calls are made in a thread, and leave the context of the caller alone."""
        known = self._known.get(name)
        return known is not None and known.is_threaded

    def read(self, name: str, arguments: str | Mapping[str, Any], allowed: Sequence[str]) -> dict[str, Any]:
        """Return the arguments that a model sent as a dict.

        Raises:
            UnknownToolError: for a tool that is unknown, or not among the allowed ones.
            ArgumentError: for arguments that are no JSON object.
        """
        if name not in self._known or name not in allowed:
            offered = ", ".join(allowed) or "none"
            raise UnknownToolError(f"there is no tool {name!r}; available: {offered}")
        if not isinstance(arguments, str):
            return dict(arguments)
        try:
            parsed: Any = json.loads(arguments or "{}")
        except (ValueError, RecursionError) as error:
            raise ArgumentError(f"the arguments of {name} are no JSON: {error}") from None
        if not isinstance(parsed, dict):
            raise ArgumentError(f"the arguments of {name} must be a JSON object")
        return cast("dict[str, Any]", parsed)

    def prepared(self, name: str, arguments: Mapping[str, Any], context: RunContext) -> Prepared:
        """Return a call with checked arguments and injected context.

        Raises:
            ArgumentError: for arguments that do not fit.
            ContextError: for a context that is missing or of another class.
        """
        return self._known[name].prepared(arguments, context)
