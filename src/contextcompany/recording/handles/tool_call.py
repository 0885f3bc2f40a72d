"""A tool call: one execution of a tool that the model asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from contextcompany.recording.handles.handle import Handle
from contextcompany.semconv.values import clean_text

if TYPE_CHECKING:
    from contextcompany.recording.spans.recording import Recording

MOST_NAME_BYTES = 4_096


class ToolCall(Handle):
    """One execution of a tool. Made by `tool_call()`; needs the tool's name before `end()`."""

    __slots__ = ("_run", "_tool_call_id")

    def __init__(self, recording: Recording, *, tool_call_id: str, run: Handle | None) -> None:
        super().__init__(recording)
        self._tool_call_id = tool_call_id
        self._run = run

    @classmethod
    def _around(cls, recording: Recording, own_id: str) -> Self:
        return cls(recording, tool_call_id=own_id, run=None)

    @property
    def _own_id(self) -> str:
        return self._tool_call_id

    def __repr__(self) -> str:
        """Return the tool call with its ids and state; never content."""
        return self._describe(("tool_call_id", self._tool_call_id), ("run_id", self.run_id))

    @property
    def tool_call_id(self) -> str:
        """Return the call's id, given or generated."""
        return self._tool_call_id

    def name(self, tool_name: str | None) -> Self:
        """Set the tool's name; None counts as an empty one.

        Raises:
            RuntimeError: after `end()` or `error()`.
        """
        text = "" if tool_name is None else clean_text(tool_name, MOST_NAME_BYTES)[0]
        self._recording.put("name()", "name", text)
        return self

    def args(self, value: object) -> Self:
        """Set the arguments: a dict, or JSON text of one; anything else is wrapped.

        Raises:
            RuntimeError: after `end()` or `error()`.
        """
        self._recording.put_content("args()", "args", value)
        return self

    def result(self, value: object) -> Self:
        """Set the result: a dict, or JSON text of one; anything else is wrapped.

        Raises:
            RuntimeError: after `end()` or `error()`.
        """
        self._recording.put_content("result()", "result", value)
        return self
