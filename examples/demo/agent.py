"""A shop's support agent: asks a model, calls the tools it wants, and records all of it."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any

import openai

import contextcompany as tcc
from examples.demo.tools import DEFINITIONS, Tools

if TYPE_CHECKING:
    from collections.abc import Sequence

SYSTEM = """You are the support agent of a small shop for things for the home. Today is 2026-03-16.
Look up orders with query_shop and the rules of the shop with search_help before you answer. Answer in two
or three sentences. The customer is Ada Lindqvist, customer number 7."""

MODELS = ("gpt-5", "gpt-5-mini")
_MOST_STEPS = 8
# What another model, or a moment later, may well answer.
_PASSING_ERRORS = (openai.InternalServerError, openai.RateLimitError, openai.APIConnectionError)


class SupportAgent:
    """Answer a customer's questions, turn by turn, in one session.

    Args:
        client: The OpenAI client; it should not retry by itself, so that each request is a step.
        tools: What the model may call.
        session_id: The session that all runs belong to.
        models: The models to ask, the next one where the one before fails.
    """

    def __init__(
        self, client: openai.OpenAI, tools: Tools, *, session_id: str, models: Sequence[str] = MODELS
    ) -> None:
        self._client = client
        self._tools = tools
        self._session_id = session_id
        self._models = models
        self._messages: list[Any] = [{"role": "system", "content": SYSTEM}]

    def answer(self, question: str) -> tcc.Run:
        """Answer one question; one question is one run."""
        with tcc.run(session_id=self._session_id, conversational=True) as run:
            run.prompt(question, system_prompt=SYSTEM)
            run.metadata(
                {
                    "tcc.agent": "shop-support",
                    "tcc.userId": "customer-7",
                    "tcc.userName": "Ada Lindqvist",
                    "tcc.orgId": "shop-1",
                    "tcc.orgName": "Hus & Hem",
                },
                channel="chat",
                language="en",
            )
            self._messages.append({"role": "user", "content": question})
            for _ in range(_MOST_STEPS):
                message = self._ask(run)
                said = message.model_dump(include={"role", "content", "tool_calls"}, exclude_none=True)
                self._messages.append(said)
                if not message.tool_calls:
                    run.response(message.content)
                    break
                for call in message.tool_calls:
                    self._messages.append(self._call(run, call))
            else:
                run.status(1, f"no answer after {_MOST_STEPS} steps").response("I could not find that out.")
        return run

    def _ask(self, run: tcc.Run) -> Any:
        """Ask the models in turn until one answers."""
        for model in self._models[:-1]:
            try:
                return self._step(run, model)
            except _PASSING_ERRORS:
                # The step has recorded it; the next model gets the same messages.
                continue
        return self._step(run, self._models[-1])

    def _step(self, run: tcc.Run, model: str) -> Any:
        """Send one request to a model; one request is one step."""
        with run.step() as step:
            step.prompt(self._messages).tool_definitions(DEFINITIONS).model(requested=model)
            completion: Any = self._client.chat.completions.create(
                model=model,
                messages=self._messages,
                tools=DEFINITIONS,  # type: ignore[arg-type]
            )
            choice, usage = completion.choices[0], completion.usage
            cached = usage.prompt_tokens_details.cached_tokens or 0 if usage.prompt_tokens_details else 0
            step.response(choice.message).finish_reason(choice.finish_reason).model(used=completion.model)
            step.tokens(
                prompt_uncached=usage.prompt_tokens - cached,
                prompt_cached=cached,
                completion=usage.completion_tokens,
            )
        return choice.message

    def _call(self, run: tcc.Run, call: Any) -> dict[str, Any]:
        """Call a tool for the model; what goes wrong is recorded, and told to the model."""
        result: Any
        try:
            with run.tool_call(call.function.name, call.id) as tool_call:
                arguments = json.loads(call.function.arguments)
                tool_call.args(arguments)
                result = self._tools.call(call.function.name, arguments)
                tool_call.result(result)
        except (sqlite3.Error, LookupError, ValueError) as error:
            result = {"error": str(error)}
        return {"role": "tool", "tool_call_id": call.id, "content": json.dumps(result)}
