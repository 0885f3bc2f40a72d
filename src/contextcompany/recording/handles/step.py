"""A step: one request to a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar

from contextcompany.diagnostics import warn_once
from contextcompany.recording.handles.handle import Handle
from contextcompany.recording.handles.tool_calls import new_tool_call
from contextcompany.semconv.values import amount, clean_text, count

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterable
    from contextlib import AbstractAsyncContextManager, AbstractContextManager
    from uuid import UUID

    from contextcompany.recording.handles.tool_call import ToolCall
    from contextcompany.recording.spans.recording import Recording

    Streamed: TypeAlias = (
        Iterable[Any]
        | AsyncIterable[Any]
        | AbstractContextManager[Iterable[Any], Any]
        | AbstractAsyncContextManager[AsyncIterable[Any], Any]
    )

MOST_NAME_BYTES = 4_096

_Chunks = TypeVar("_Chunks", bound="Streamed")


class Step(Handle):
    """One request to a model. Made by `step()`; needs a prompt and a response before `end()`."""

    __slots__ = ("_run", "_step_id")

    def __init__(self, recording: Recording, *, step_id: str, run: Handle | None) -> None:
        super().__init__(recording)
        self._step_id = step_id
        self._run = run

    @classmethod
    def _around(cls, recording: Recording, own_id: str) -> Self:
        return cls(recording, step_id=own_id, run=None)

    @property
    def _own_id(self) -> str:
        return self._step_id

    def __repr__(self) -> str:
        """Return the step with its ids and state; never content."""
        return self._describe(("step_id", self._step_id), ("run_id", self.run_id))

    @property
    def step_id(self) -> str:
        """Return the step's id, given or generated."""
        return self._step_id

    def prompt(self, text: object) -> Self:
        """Set what was sent to the model.

        Args:
            text: plain text, or chat messages of OpenAI or Anthropic shape as a list or JSON text.

        Raises:
            RuntimeError: after `end()` or `error()`.
        """
        self._recording.put_content("prompt()", "prompt", text)
        return self

    def response(self, text: object) -> Self:
        """Set what the model answered: text, or a message object of OpenAI or Anthropic shape.

        None (what a model returns beside tool calls) counts as empty text.

        Raises:
            RuntimeError: after `end()` or `error()`.
        """
        self._recording.put_content("response()", "response", text)
        return self

    def model(
        self, requested: str | None = None, used: str | None = None, *, provider: str | None = None
    ) -> Self:
        """Set the model asked for and the one that answered; what is left out keeps its value.

        Args:
            requested: the name that the request carried.
            used: the name that the response carried.
            provider: who serves it (`gen_ai.provider.name`), else told from the model's name.

        Raises:
            RuntimeError: after `end()` or `error()`.
        """
        recording = self._recording
        recording.require_open("model()")
        if requested is not None:
            recording.put("model()", "model_requested", clean_text(requested, MOST_NAME_BYTES)[0])
        if used is not None:
            recording.put("model()", "model_used", clean_text(used, MOST_NAME_BYTES)[0])
        if provider is not None:
            recording.put("model()", "provider", clean_text(provider, MOST_NAME_BYTES)[0])
        return self

    def tokens(
        self,
        prompt_uncached: int | None = None,
        prompt_cached: int | None = None,
        completion: int | None = None,
        *,
        cache_write: int | None = None,
        reasoning: int | None = None,
    ) -> Self:
        """Set token counts; what is left out keeps its value, what is no count is left out.

        Args:
            prompt_uncached: prompt tokens that came from no cache.
            prompt_cached: prompt tokens read from the provider's cache.
            completion: tokens of the answer, reasoning included.
            cache_write: prompt tokens written to the provider's cache.
            reasoning: tokens of the answer that were spent on reasoning.

        Raises:
            RuntimeError: after `end()` or `error()`.
        """
        self._recording.require_open("tokens()")
        if prompt_uncached is not None:
            self._put_count("prompt_uncached", prompt_uncached)
        if prompt_cached is not None:
            self._put_count("prompt_cached", prompt_cached)
        if completion is not None:
            self._put_count("completion", completion)
        if cache_write is not None:
            self._put_count("cache_write", cache_write)
        if reasoning is not None:
            self._put_count("reasoning", reasoning)
        return self

    def _put_count(self, field: str, value: object) -> None:
        number = count(value)
        if number is None:
            warn_once(("tokens", field), "tokens(%s=…) is no whole number from 0 on; it is left out", field)
        else:
            self._recording.put("tokens()", field, number)

    def cost(self, real_total: float) -> Self:
        """Set the cost of the step; it wins over the computed one.

        Args:
            real_total: US dollars.

        Raises:
            RuntimeError: after `end()` or `error()`.
        """
        self._recording.require_open("cost()")
        number = amount(real_total)
        if number is None:
            warn_once("cost", "cost(…) is no finite amount from 0 on; it is left out")
        else:
            self._recording.put("cost()", "cost", number)
        return self

    def finish_reason(self, reason: str | None) -> Self:
        """Set why the model stopped, in the provider's word: `stop`, `length`, `tool_calls`.

        Raises:
            RuntimeError: after `end()` or `error()`.
        """
        self._recording.require_open("finish_reason()")
        if reason is not None:
            self._recording.put("finish_reason()", "finish_reason", clean_text(reason, MOST_NAME_BYTES)[0])
        return self

    def tool_definitions(self, definitions: object) -> Self:
        """Set the tools that the model could call: JSON text or a list, of OpenAI or Anthropic shape.

        Raises:
            RuntimeError: after `end()` or `error()`.
        """
        self._recording.put_frozen("tool_definitions()", "tool_definitions", definitions)
        return self

    def stream(self, chunks: _Chunks, *, end: bool = True) -> _Chunks:
        """Record an answer that comes as a stream, and pass every chunk on as it is.

        What comes back stands in for the stream: it is iterated, entered and closed in its place, and
        has its attributes and methods. From the chunks come the response, tool calls, model, finish
        reason, token counts and the time to the first chunk; what the setters were given wins.

        The step ends with its stream: well when the stream is exhausted, failed when it raises, and as
        partial success (status 1) when it is not read to its end. A step that was entered as a `with`
        block before is ended by its block.

        Args:
            chunks: a sync or async iterable of texts, or of stream events of OpenAI (Chat Completions,
                Responses API) or Anthropic as objects or dicts; or the context manager that gives it.
            end: False leaves the step open when the stream ends.

        Raises:
            TypeError: for anything else.
            RuntimeError: after `end()` or `error()`.
        """
        from contextcompany.recording.streams.streaming import streamed

        return streamed(self, self._recording, chunks, ends=end and not self._entered)

    def tool_call(self, tool_name: str | None = None, tool_call_id: str | UUID | None = None) -> ToolCall:
        """Start a tool call below this step.

        Args:
            tool_name: the tool's name, here or by `name()`.
            tool_call_id: the id that the model gave the call, generated if left out.
        """
        return new_tool_call(self._place, tool_call_id, tool_name, below=self.span, run=self._run)
