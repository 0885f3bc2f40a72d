"""What a collector received, as plain data in which nothing changes from one test run to the next."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from contextcompany.local.otlp.spans import SpanRecord

_JSON_KEYS: Final = frozenset(
    {
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "gen_ai.system_instructions",
        "gen_ai.tool.call.arguments",
        "gen_ai.tool.call.result",
        "gen_ai.tool.definitions",
    }
)
_GENERATED_IDS: Final = {
    "tcc.runId": "run",
    "tcc.parentRunId": "run",
    "tcc.sessionId": "session",
    "tcc.stepId": "step",
    "gen_ai.tool.call.id": "call",
}
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Arrived:
    """One span as it arrived, or as it should have.

    Content is parsed JSON. An id that was generated is `<run 1>`, `<session 1>`, `<step 1>` or `<call 1>`,
    counted in the order of the spans, wherever it stands. `parent` is the place of the parent in the list of
    all spans (None for a root, -1 for a parent that did not arrive), `trace` counts the traces.
    """

    name: str
    attributes: dict[str, Any]
    kind: str = "INTERNAL"
    parent: int | None = None
    trace: int = 0
    status: tuple[str, Any] = ("UNSET", "")
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    links: int = 0


class Matching:
    """A text that is equal to every text in which the pattern is found."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and re.search(self._pattern, other, re.DOTALL) is not None

    def __repr__(self) -> str:
        return f"Matching({self._pattern!r})"


def arrived(records: Iterable[SpanRecord]) -> list[Arrived]:
    """Return spans in the order in which they started, without what differs from one test run to the next."""
    spans = sorted(records, key=lambda span: span.start_ns)
    traces = list(dict.fromkeys(span.trace_id for span in spans))
    places = {span.span_id: place for place, span in enumerate(spans)}
    plain = _with_names_for_ids(spans)
    assert [span.name for span in spans if span.end_ns < span.start_ns] == []
    return [
        Arrived(
            name=span.name,
            kind=span.kind,
            parent=None if span.parent_span_id is None else places.get(span.parent_span_id, -1),
            trace=traces.index(span.trace_id),
            status=(span.status_code, span.status_message),
            attributes={key: plain(_parsed(key, value)) for key, value in span.attributes.items()},
            events=[
                (event.name, {key: plain(_parsed(key, value)) for key, value in event.attributes.items()})
                for event in span.events
            ],
            links=len(span.links),
        )
        for span in spans
    ]


def user(text: str) -> list[dict[str, Any]]:
    """Return the messages that a user's text becomes."""
    return [{"role": "user", "parts": [{"type": "text", "content": text}]}]


def assistant(text: str, reason: str = "") -> list[dict[str, Any]]:
    """Return the messages that an answer becomes."""
    return [{"role": "assistant", "parts": [{"type": "text", "content": text}], "finish_reason": reason}]


def system(text: str) -> list[dict[str, Any]]:
    """Return the instructions that a system prompt becomes."""
    return [{"type": "text", "content": text}]


def raised(kind: str, message: str) -> tuple[str, dict[str, Any]]:
    """Return the event that an exception becomes."""
    return (
        "exception",
        {
            "exception.type": kind,
            "exception.message": message,
            "exception.stacktrace": Matching(rf"^Traceback .*{kind}: {re.escape(message)}\s*$"),
        },
    )


def _parsed(key: str, value: object) -> object:
    if key in _JSON_KEYS and isinstance(value, str):
        return json.loads(value)
    return list(value) if isinstance(value, tuple) else value


def _with_names_for_ids(spans: list[SpanRecord]) -> Callable[[object], object]:
    names: dict[object, str] = {}
    for span in spans:
        for key, word in _GENERATED_IDS.items():
            value = span.attributes.get(key)
            if isinstance(value, str) and _UUID.fullmatch(value) and value not in names:
                number = sum(name.startswith(f"<{word} ") for name in names.values()) + 1
                names[value] = f"<{word} {number}>"
    return lambda value: names.get(value, value) if isinstance(value, str) else value
