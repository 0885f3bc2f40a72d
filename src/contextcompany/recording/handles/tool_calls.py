"""Start tool calls: recorded ones, and those of runs that are left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from contextcompany.propagation import ids
from contextcompany.recording.handles.off import OffHandle, unrecorded
from contextcompany.recording.handles.tool_call import MOST_NAME_BYTES, ToolCall
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

    from contextcompany.recording.handles.handle import Handle
    from contextcompany.recording.spans.moments import Moment
    from contextcompany.runtime.places import Place


class OffToolCall(OffHandle, ToolCall):
    """A tool call of which nothing is recorded."""

    __slots__ = ()

    @property
    def tool_call_id(self) -> str:
        """Return the call's id, given or generated, now if need be."""
        if not self._tool_call_id:
            self._tool_call_id = ids.new_id()
        return self._tool_call_id

    @property
    def _own_id(self) -> str:
        return self.tool_call_id

    def name(self, tool_name: str | None) -> Self:  # noqa: ARG002
        """See `ToolCall.name`."""
        return self._set("name()", "name")

    def args(self, value: object) -> Self:  # noqa: ARG002
        """See `ToolCall.args`."""
        self._recording.require_open("args()")
        return self

    def result(self, value: object) -> Self:  # noqa: ARG002
        """See `ToolCall.result`."""
        self._recording.require_open("result()")
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
    started_at = None if start_time is None else nanoseconds("start_time", start_time)
    if place.is_off:
        off = OffToolCall(unrecorded("tool_call", place), tool_call_id=given_id or "", run=run)
        return off if tool_name is None else off.name(tool_name)
    known_id = given_id or ids.new_id()
    fields: dict[str, Any] = {}
    attributes: dict[str, AttributeValue] = {
        names.GEN_AI_TOOL_CALL_ID: known_id if given_id is None else clean_text(given_id)[0],
        names.GEN_AI_TOOL_TYPE: names.TOOL_TYPE_FUNCTION,
    }
    if tool_name is not None:
        fields["name"] = attributes[names.GEN_AI_TOOL_NAME] = clean_text(tool_name, MOST_NAME_BYTES)[0]
    recording = start_child(
        "tool_call",
        place,
        below=below,
        attributes=attributes,
        fields=fields,
        start_time=started_at,
    )
    recording.fields.update(fields)
    return ToolCall(recording, tool_call_id=known_id, run=run)
