"""A run: one user input to one final answer."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, Literal, Self

from contextcompany.recording.handles import feedback as feedbacks
from contextcompany.recording.handles.handle import Handle, converted
from contextcompany.recording.handles.steps import new_step
from contextcompany.recording.handles.tool_calls import new_tool_call
from contextcompany.recording.places.identity import IDENTITY_KEYS, identity_text, put_identity
from contextcompany.runtime.process import process

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from uuid import UUID

    from contextcompany.recording.handles.step import Step
    from contextcompany.recording.handles.tool_call import ToolCall
    from contextcompany.recording.spans.moments import Moment
    from contextcompany.recording.spans.recording import Recording

_FLUSH_SECONDS = 5.0


class Run(Handle):
    """One user input to one final answer. Made by `run()`; needs a prompt before `end()`."""

    __slots__ = ("_flush", "_run_id")

    def __init__(self, recording: Recording, *, run_id: str, timeout: float | None, flush: bool) -> None:
        super().__init__(recording, timeout)
        if recording.is_open:  # a copy does not take the place of its original
            self._place.run = weakref.ref(self)
        self._run_id = run_id
        self._flush = flush

    @classmethod
    def _around(cls, recording: Recording, own_id: str) -> Self:
        return cls(recording, run_id=own_id, timeout=None, flush=False)

    @property
    def _own_id(self) -> str:
        return self._run_id

    def __repr__(self) -> str:
        """Return the run with its id and state; never content."""
        return self._describe(("run_id", self._run_id))

    @property
    def run_id(self) -> str:
        """Return the run's id, given or generated."""
        return self._run_id

    def prompt(self, user_prompt: object, system_prompt: object = None) -> Self:
        """Set the user's input, and the system's instructions beside it.

        Args:
            user_prompt: text; chat messages of OpenAI or Anthropic shape are converted.
            system_prompt: text, or None to leave an earlier one as it is.

        Raises:
            RuntimeError: after `end()` or `error()`.
        """
        self._recording.put_content("prompt()", "prompt", user_prompt)
        if system_prompt is not None:
            self._recording.put_content("prompt()", "system_prompt", system_prompt)
        return self

    def response(self, text: object) -> Self:
        """Set the final answer: text, or a message object of OpenAI or Anthropic shape.

        Raises:
            RuntimeError: after `end()` or `error()`.
        """
        self._recording.put_content("response()", "response", text)
        return self

    def metadata(self, data: Mapping[str, Any] | None = None, **kwargs: Any) -> Self:
        """Merge metadata; later calls win, keyword arguments win over the dict, None removes a key.

        The keys `tcc.agent`, `tcc.userId`, `tcc.userName`, `tcc.orgId` and `tcc.orgName` become
        attributes of their own, on this run and on children created after. Text, numbers, booleans
        and lists of one of them keep their type; anything else becomes JSON text.

        Raises:
            TypeError: for data that is no mapping.
            RuntimeError: after `end()` or `error()`.
        """
        changes = {} if data is None else converted("metadata", data)
        if kwargs:
            changes |= converted("metadata", kwargs)
        named = {key: changes.pop(key) for key in IDENTITY_KEYS & changes.keys()}
        if not self._recording.put_metadata(changes):
            return self
        for key, value in named.items():
            text = None if value is None else identity_text(key, value[0])
            if text is not None or value is None:
                put_identity(self._place, key, text)
        return self

    def step(
        self,
        step_id: str | UUID | None = None,
        *,
        provider: str | None = None,
        start_time: Moment | None = None,
    ) -> Step:
        """Start a step of this run, also after the run has ended.

        Args:
            step_id: the step's id, generated if left out.
            provider: who serves the model (`gen_ai.provider.name`), else told from the model's name.
            start_time: when the request began, if not now.
        """
        return new_step(self._place, step_id, provider=provider, start_time=start_time, run=self)

    def tool_call(
        self,
        tool_name: str | None = None,
        tool_call_id: str | UUID | None = None,
        *,
        start_time: Moment | None = None,
    ) -> ToolCall:
        """Start a tool call of this run, also after the run has ended.

        Args:
            tool_name: the tool's name, here or by `name()`.
            tool_call_id: the id that the model gave the call, generated if left out.
            start_time: when the call began, if not now.
        """
        return new_tool_call(self._place, tool_call_id, tool_name, start_time=start_time, run=self)

    def feedback(
        self, score: Literal["thumbs_up", "thumbs_down"] | None = None, text: str | None = None
    ) -> bool:
        """Send the user's word on this run, before or after its end.

        Args:
            score: `"thumbs_up"` or `"thumbs_down"`.
            text: up to 2,000 characters; an empty one counts as not given.

        Returns:
            True when a collector confirmed it; False when it is queued and not confirmed yet, and
            for a run that is not recorded or held back.

        Raises:
            ValueError: for another score, a longer text, or neither of both.
        """
        return feedbacks.send(self._place, score, text, feedbacks.DEFAULT_SECONDS)

    def end(self, *, end_time: Moment | None = None) -> None:
        """End the run and send it; needs a prompt.

        Args:
            end_time: when it ended, if not now: an aware datetime or seconds since the epoch.

        Raises:
            ValueError: without a prompt; the run stays open.
            RuntimeError: when it was ended before.
        """
        super().end(end_time=end_time)
        self._flush_if_asked()

    def error(self, status_message: object = "", *, end_time: Moment | None = None) -> None:
        """End the run as failed and send it; needs no prompt.

        Args:
            status_message: what went wrong, as text or as the exception itself.
            end_time: when it ended, if not now: an aware datetime or seconds since the epoch.

        Raises:
            RuntimeError: when it was ended before.
        """
        super().error(status_message, end_time=end_time)
        self._flush_if_asked()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the run as every handle ends, then flush if that was asked for."""
        try:
            super().__exit__(exc_type, exc, traceback)
        finally:
            self._flush_if_asked()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the run; a flush that was asked for leaves the event loop free."""
        try:
            super().__exit__(exc_type, exc, traceback)
        finally:
            if self._flush and not self._place.is_off:
                import asyncio

                await asyncio.to_thread(process.flush, _FLUSH_SECONDS)

    def _flush_if_asked(self) -> None:
        if self._flush and not self._place.is_off:
            process.flush(_FLUSH_SECONDS)
