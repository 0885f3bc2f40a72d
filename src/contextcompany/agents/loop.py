"""The loop of one run: ask the model, call what it asks for, until it answers.

Each request is recorded as a step, each call as a tool call, all inside one run.
"""

from __future__ import annotations

import asyncio
import contextvars
import dataclasses
from typing import TYPE_CHECKING, Any, Final

from contextcompany.agents import messages as chat
from contextcompany.agents.callables import ContextError, UnknownToolError
from contextcompany.agents.model import ModelReply
from contextcompany.agents.result import AgentResult
from contextcompany.context.current import using_context
from contextcompany.context.recorded import record_context
from contextcompany.context.run_context import for_agent
from contextcompany.context.schema import ArgumentError
from contextcompany.interceptors.chain import Chain, Stopped
from contextcompany.interceptors.interceptor import (
    Action,
    InterceptContext,
    Phase,
    StopExecution,
    Usage,
)
from contextcompany.recording.calls.capture import NOTHING
from contextcompany.recording.handles.runs import run as start_run
from contextcompany.recording.spans.failures import safe_message
from contextcompany.semconv import attributes as names

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from contextcompany.agents.agent import Agent
    from contextcompany.agents.callables import Prepared
    from contextcompany.agents.model import Message, Model, ToolRequest
    from contextcompany.context.run_context import RunContext
    from contextcompany.recording.handles.run import Run
    from contextcompany.recording.handles.tool_call import ToolCall

MAX_STEPS: Final = "max_steps"

_depth: contextvars.ContextVar[int] = contextvars.ContextVar("contextcompany-agent-depth", default=0)


class Loop:
    """One run of an agent.

    Args:
        agent: who runs.
        task: what it is asked.
        given: the context that the caller passed; never written to.
    """

    def __init__(self, agent: Agent, task: str, given: RunContext) -> None:
        self._agent = agent
        self._context = for_agent(given, agent, task)
        self._chain = Chain(agent.interceptors)
        self._usage = Usage()
        # Calls are admitted one by one: a budget must have counted the one before.
        self._admission = asyncio.Lock()
        self._told = InterceptContext(
            agent=agent,
            phase=Phase.PRE_RUN,
            task=task,
            run_context=self._context,
            tools=list(agent.callables),
            model=agent.model,
            usage=self._usage,
        )

    async def run(
        self,
        *,
        session_id: str | UUID | None,
        run_id: str | UUID | None,
        metadata: Mapping[str, Any] | None,
    ) -> AgentResult:
        """Run to the end and record it.

        Raises:
            RuntimeError: where agents call agents too deep.
            TypeError: for a tool whose context is missing or of another class.
            Exception: whatever the model or an interceptor raises.
        """
        depth = _depth.get() + 1
        if depth > self._agent.max_depth:
            raise RuntimeError(
                f"agent {self._agent.name} would be {depth} agents deep: "
                f"got max_depth={self._agent.max_depth}; answer without a further agent, or raise the limit"
            )
        before = _depth.get()
        _depth.set(depth)
        try:
            recorded = record_context(self._context, session_id)
            self._run = start_run(run_id, recorded.session_id)
            with self._run, using_context(self._context):
                self._run.prompt(self._told.task, self._agent.instructions)
                self._run.metadata({**recorded.metadata, names.TCC_AGENT: self._agent.name})
                self._run.metadata(metadata)
                return await self._recorded(self._run)
        finally:
            _depth.set(before)

    async def _recorded(self, run: Run) -> AgentResult:
        stopped: str | None = None
        try:
            output, stopped = await self._guarded()
        except StopExecution as stop:
            by = stop.by if isinstance(stop, Stopped) else type(stop).__name__
            at = f" at {stop.phase.value}" if isinstance(stop, Stopped) else ""
            output = stop.response
            stopped = by
            run.metadata(stopped=f"{by}{at}")
        if stopped is not None:
            run.status(names.STATUS_CODE_PARTIAL, f"stopped by {stopped}")
        if self._chain.skips:
            run.metadata(skipped=self._chain.skips)
        run.response(output)
        return AgentResult(output, self._told.messages, self._usage, run.run_id, self._context, stopped)

    async def _guarded(self) -> tuple[str, str | None]:
        try:
            return await self._conversation()
        except StopExecution:
            raise
        except Exception as error:
            self._told.error = error
            await self._chain.ask(Phase.ON_ERROR, self._told)
            raise

    async def _conversation(self) -> tuple[str, str | None]:
        told = self._told
        answer = await self._chain.ask(Phase.PRE_RUN, told)
        if answer.action is Action.SKIP:
            return str(answer.response or ""), None
        if not told.messages:
            told.messages = chat.opening(self._agent.instructions, told.task)
        offered, model = list(told.tools), told.model
        output = ""
        stopped: str | None = MAX_STEPS
        for _ in range(self._agent.max_steps):
            # What an interceptor changes for one request holds for that request only.
            told.tools, told.model = list(offered), model
            reply = await self._think()
            if not reply.tool_calls:
                output, stopped = reply.text or "", None
                break
            output = reply.text or output
            await self._act_on(reply)
        told.response = output
        await self._chain.ask(Phase.POST_RUN, told)
        return output, stopped

    async def _think(self) -> ModelReply:
        told = self._told
        answer = await self._chain.ask(Phase.PRE_THINK, told)
        if answer.action is Action.SKIP:
            reply = ModelReply(text=str(answer.response or ""))
            message = chat.assistant(reply)
        else:
            reply, message = await self._request(told.model)
        told.model_response = reply
        told.messages = [*told.messages, message]
        await self._chain.ask(Phase.POST_THINK, told)
        return reply

    async def _request(self, model: Model) -> tuple[ModelReply, Message]:
        schemas = self._agent.callables.schemas(self._told.tools)
        with self._run.step() as step:
            step.prompt(self._told.messages).model(requested=model.name)
            if schemas:
                step.tool_definitions([schema.openai() for schema in schemas])
            reply = await model.reply(self._told.messages, schemas)
            chat.check(reply, model.name)
            used, message = reply.usage, chat.assistant(reply)
            step.response(message).model(used=reply.model).finish_reason(reply.finish_reason)
            step.tokens(
                used.prompt_uncached,
                used.prompt_cached,
                used.completion,
                cache_write=used.cache_write,
                reasoning=used.reasoning,
            )
            if used.cost is not None:
                step.cost(used.cost)
        chat.count(self._usage, reply, model.name, price=self._chain.needs_cost)
        return reply, message

    async def _act_on(self, reply: ModelReply) -> None:
        first, *others = reply.tool_calls
        if not others and self._chain.is_empty and self._agent.callables.is_threaded(first.name):
            # Nothing of it runs in this thread that could put anything into the context of the run.
            self._told.messages = [*self._told.messages, await self._act(first)]
            return
        tasks = [asyncio.ensure_future(self._act(request)) for request in reply.tool_calls]
        try:
            results = await asyncio.gather(*tasks)
        except BaseException:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            raise
        self._told.messages = [*self._told.messages, *results]

    async def _act(self, request: ToolRequest) -> dict[str, Any]:
        """Make one call and return the message that tells the model of it."""
        told = dataclasses.replace(self._told, tool_name=request.name, tool_args=None)
        with self._run.tool_call(request.name, request.id) as call:
            try:
                return await self._admitted(call, request, told)
            except StopExecution as stop:
                # A stop is no failure of the tool: what it gave until then is kept.
                if told.tool_result is not None:
                    self._tell_result(call, request.name, told.tool_result)
                call.status(names.STATUS_CODE_PARTIAL, "stopped")
                stopped = stop
        raise stopped

    async def _admitted(self, call: ToolCall, request: ToolRequest, told: InterceptContext) -> dict[str, Any]:
        try:
            told.tool_args = self._agent.callables.read(request.name, request.arguments, told.tools)
        except (ArgumentError, UnknownToolError) as error:
            self._tell_args(call, request.name, request.arguments)
            return _failed(call, request, error)
        self._tell_args(call, request.name, told.tool_args)
        async with self._admission:
            answer = await self._chain.ask(Phase.PRE_ACT, told)
            arguments = told.tool_args or {}
            if not self._chain.is_empty:
                self._tell_args(call, request.name, arguments)
            if answer.action is Action.SKIP:
                self._tell_result(call, request.name, answer.response)
                call.status(names.STATUS_CODE_PARTIAL, "skipped by an interceptor")
                return chat.result(request, answer.response)
            try:
                prepared = self._agent.callables.prepared(request.name, arguments, self._context)
            except ArgumentError as error:
                return _failed(call, request, error)
            self._usage.tool_calls += 1
        return await self._call(call, request, prepared, told)

    async def _call(
        self, call: ToolCall, request: ToolRequest, prepared: Prepared, told: InterceptContext
    ) -> dict[str, Any]:
        task = asyncio.current_task()
        before = 0 if task is None else task.cancelling()
        try:
            told.tool_result = await prepared.call()
        except (StopExecution, ContextError):
            raise
        except asyncio.CancelledError as error:
            if task is None or task.cancelling() > before:
                raise
            # Nobody cancelled the run: the tool waited for something that others cancelled.
            return await self._call_failed(call, request, error, told)
        except Exception as error:  # noqa: BLE001  (whatever else a tool raises goes back to the model)
            return await self._call_failed(call, request, error, told)
        answer = await self._chain.ask(Phase.POST_ACT, told)
        if answer.action is Action.SKIP:
            told.tool_result = answer.response
        self._tell_result(call, request.name, told.tool_result)
        return chat.result(request, told.tool_result)

    def _tell_args(self, call: ToolCall, name: str, arguments: object) -> None:
        captured = self._agent.callables.captured_args(name, arguments)
        if captured is not NOTHING:
            call.args(captured)

    def _tell_result(self, call: ToolCall, name: str, result: object) -> None:
        captured = self._agent.callables.captured_result(name, result)
        if captured is not NOTHING:
            call.result(captured)

    async def _call_failed(
        self, call: ToolCall, request: ToolRequest, error: BaseException, told: InterceptContext
    ) -> dict[str, Any]:
        told.error = error
        await self._chain.ask(Phase.POST_ACT, told)
        failed = _failed(call, request, error)
        return failed if told.tool_result is None else chat.result(request, told.tool_result)


def _failed(call: ToolCall, request: ToolRequest, error: BaseException) -> dict[str, Any]:
    call.error(error)
    # Masked for the model too: what it is told stands in the next prompt, which is recorded.
    return chat.result(request, f"error: {type(error).__name__}: {safe_message(error)}")
