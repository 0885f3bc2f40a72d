"""The one protocol between an agent and a model, and a model that plays a script."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from contextcompany.context.schema import Schema

Message = dict[str, Any]
"""A chat message in the shape of OpenAI's chat completions."""


@dataclass(frozen=True, slots=True)
class ToolRequest:
    """A call that a model asks for.

    Attributes:
        id: the model's own id for it.
        name: the tool.
        arguments: JSON text or a dict.
    """

    id: str
    name: str
    arguments: str | dict[str, Any] = "{}"


@dataclass(frozen=True, slots=True)
class ModelUsage:
    """Token counts of one request; None where the provider does not tell.

    Attributes:
        prompt_uncached: input tokens that came from no cache.
        prompt_cached: input tokens read from the provider's cache.
        cache_write: input tokens written to the provider's cache.
        completion: output tokens, reasoning included.
        reasoning: output tokens spent on reasoning.
        cost: US dollars, where the provider tells.
    """

    prompt_uncached: int | None = None
    prompt_cached: int | None = None
    cache_write: int | None = None
    completion: int | None = None
    reasoning: int | None = None
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class ModelReply:
    """What a model answered.

    Attributes:
        text: the text, or None beside tool calls.
        tool_calls: the calls it asks for.
        usage: token counts.
        model: the model that answered, where the provider tells.
        finish_reason: why it stopped, in the provider's word.
    """

    text: str | None = None
    tool_calls: tuple[ToolRequest, ...] = ()
    usage: ModelUsage = field(default_factory=ModelUsage)
    model: str | None = None
    finish_reason: str | None = None


@runtime_checkable
class Model(Protocol):
    """What an agent needs of a model. Write your own by giving a class these two members."""

    @property
    def name(self) -> str:
        """Return the model's name as requests carry it."""
        ...

    async def reply(self, messages: Sequence[Message], tools: Sequence[Schema]) -> ModelReply:
        """Answer a conversation.

        Args:
            messages: chat messages in the shape of OpenAI's chat completions.
            tools: the tools that may be called; `.openai()` and `.anthropic()` give their shapes.
        """
        ...


class ScriptedModel:
    """Play replies in order, for tests: no network, and every request is kept.

    Args:
        replies: texts, `ModelReply` objects, exceptions to raise, or callables (sync or async) that
            take the messages and return one of these.
        name: the model's name.

    Attributes:
        requests: the messages of every request so far.
    """

    def __init__(self, replies: Iterable[Any], *, name: str = "scripted") -> None:
        self._replies = iter(replies)
        self._name = name
        self.requests: list[list[Message]] = []

    @property
    def name(self) -> str:
        """Return the model's name."""
        return self._name

    async def reply(self, messages: Sequence[Message], tools: Sequence[Schema]) -> ModelReply:  # noqa: ARG002  (the protocol's signature)
        """Return the next reply of the script.

        Raises:
            RuntimeError: where the script has ended.
        """
        self.requests.append([dict(message) for message in messages])
        try:
            found: Any = next(self._replies)
        except StopIteration:
            count = len(self.requests)
            raise RuntimeError(f"the script has no reply for request {count}; add one") from None
        if callable(found) and not isinstance(found, type):
            play: Callable[..., Any] = found
            found = play(messages)
            if inspect.isawaitable(found):
                found = await found
        if isinstance(found, BaseException):
            raise found
        reply: Any = ModelReply(text=found, finish_reason="stop") if isinstance(found, str) else found
        return cast("ModelReply", reply)
