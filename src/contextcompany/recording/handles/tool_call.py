"""A tool call: one execution of a tool that the model asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from contextcompany.propagation import ids
from contextcompany.recording.handles.handle import Handle
from contextcompany.recording.places.placing import place_of
from contextcompany.recording.spans.moments import nanoseconds
from contextcompany.recording.spans.start import start_child
from contextcompany.semconv import attributes as names
from contextcompany.semconv.values import clean_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from opentelemetry.trace import Span
    from opentelemetry.util.types import AttributeValue

    from contextcompany.recording.spans.moments import Moment
    from contextcompany.recording.spans.recording import Recording
    from contextcompany.runtime.places import Place

_MOST_NAME_BYTES = 4_096


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
        text = "" if tool_name is None else clean_text(tool_name, _MOST_NAME_BYTES)[0]
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


def tool_call(
    run_id: str | UUID | None = None,
    tool_call_id: str | UUID | None = None,
    tool_name: str | None = None,
    api_key: str | None = None,
    tcc_url: str | None = None,
    *,
    start_time: Moment | None = None,
    carrier: Mapping[str, str] | None = None,
) -> ToolCall:
    """Start a tool call of a run.

    Args:
        run_id: the run, of this process or another; left out where a run is current.
        tool_call_id: the id that the model gave the call, generated if left out.
        tool_name: the tool's name, here or by `name()`.
        api_key: a key for this tool call alone, else the run's.
        tcc_url: a collector for this tool call alone, else the run's.
        start_time: when the call began, if not now.
        carrier: the W3C trace context of the run in another process (`traceparent`).

    Raises:
        ValueError: without a run id where no run is current, or for a URL that is none.
        TypeError: for an id that is neither text nor UUID.
    """
    place = place_of(ids.id_text("run_id", run_id), api_key, tcc_url, carrier, function="tool_call()")
    below = place.as_span() if carrier and place.span_context.is_remote else None
    return new_tool_call(place, tool_call_id, tool_name, start_time=start_time, below=below)


def new_tool_call(
    place: Place,
    tool_call_id: str | UUID | None,
    tool_name: str | None,
    *,
    start_time: Moment | None = None,
    below: Span | None = None,
    run: Handle | None = None,
) -> ToolCall:
    """Start a tool call at a place, below the given span or the nearest handle of the run."""
    given_id = None if tool_call_id is None else ids.id_text("tool_call_id", tool_call_id)
    known_id = given_id or ids.new_id()
    fields: dict[str, Any] = {}
    attributes: dict[str, AttributeValue] = {
        names.GEN_AI_TOOL_CALL_ID: known_id if given_id is None else clean_text(given_id)[0],
        names.GEN_AI_TOOL_TYPE: names.TOOL_TYPE_FUNCTION,
    }
    if tool_name is not None:
        fields["name"] = attributes[names.GEN_AI_TOOL_NAME] = clean_text(tool_name, _MOST_NAME_BYTES)[0]
    recording = start_child(
        "tool_call",
        place,
        below=below,
        attributes=attributes,
        fields=fields,
        start_time=None if start_time is None else nanoseconds("start_time", start_time),
    )
    recording.fields.update(fields)
    return ToolCall(recording, tool_call_id=known_id, run=run)
