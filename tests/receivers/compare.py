"""Differences between what should be there and what is there, each as one line that names it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from tests.receivers.spans import ERROR, OK, OTHER, RUN, STEP, TOOL_CALL, Span, Trace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ASPECTS = {
    "parent_id": "tree",
    "root": "tree",
    "name": "tree",
    "kind": "kinds",
    "input": "messages",
    "output": "messages",
    "arguments": "messages",
    "result": "messages",
    "tokens": "tokens",
    "session": "session",
    "state": "state",
    "status_message": "state",
}
"""What the fields of traces and spans tell about."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not as it should be, and what it is about."""

    aspect: str
    text: str


def demo_shortcomings(traces: Iterable[Trace]) -> list[Difference]:
    """Name what the demo's runs must show and do not: checks of nothing would pass with any receiver."""
    every = list(traces)
    spans = [span for trace in every for span in trace.spans.values()]
    runs = [span for span in spans if span.kind == RUN]
    sessions = [trace.session for trace in every if trace.session is not None]
    recovered = [
        span
        for trace in every
        if trace.state == OK
        for span in trace.spans.values()
        if span.kind == TOOL_CALL and span.state == ERROR
    ]
    required = {
        "a root in every trace": all(trace.root for trace in every),
        "two runs of one session": len(sessions) > len(set(sessions)),
        "a run that ended well": any(run.state == OK for run in runs),
        "a failed tool call in a run that ended well": bool(recovered),
        "a failed step": any(span.kind == STEP and span.state == ERROR for span in spans),
        "feedback": any(span.kind == OTHER for span in spans),
        "a prompt in every run": all(run.input for run in runs),
        "a response in every run that ended well": all(run.output for run in runs if run.state == OK),
        "messages of a model that asks for tools": any(
            message.calls for span in spans if span.kind == STEP for message in span.output
        ),
        "results of tools in the messages to a model": any(
            message.results for span in spans if span.kind == STEP for message in span.input
        ),
        "tokens in every step that ended well": all(
            span.tokens[0] and span.tokens[1] for span in spans if span.kind == STEP and span.state == OK
        ),
        "no tokens outside steps": not any(any(span.tokens) for span in spans if span.kind != STEP),
        "arguments in every tool call": all(span.arguments for span in spans if span.kind == TOOL_CALL),
    }
    return [
        Difference("demo", f"the demo did not send {what}") for what, holds in required.items() if not holds
    ]


def differences(expected: Mapping[str, Trace], read: Mapping[str, Trace]) -> list[Difference]:
    """Compare all traces, field by field."""
    found = [
        Difference("tree", f"trace {trace_id}: sent, not there") for trace_id in expected.keys() - read.keys()
    ]
    found += [
        Difference("tree", f"trace {trace_id}: there, never sent")
        for trace_id in read.keys() - expected.keys()
    ]
    for trace_id in sorted(expected.keys() & read.keys()):
        found += _trace_differences(expected[trace_id], read[trace_id])
    return found


def _trace_differences(expected: Trace, read: Trace) -> list[Difference]:
    label = f"trace {expected.trace_id}"
    found = _field_differences(label, expected, read)
    for span_id, span in expected.spans.items():
        if span_id in read.spans:
            found += _field_differences(f"{label}, {span.name} ({span_id})", span, read.spans[span_id])
        else:
            found.append(Difference("tree", f"{label}, {span.name} ({span_id}): sent, not there"))
    for span_id in read.spans.keys() - expected.spans.keys():
        name = read.spans[span_id].name
        found.append(Difference("tree", f"{label}, {name} ({span_id}): there, never sent"))
    return found


def _field_differences(label: str, expected: Trace | Span, read: Trace | Span) -> list[Difference]:
    return [
        Difference(
            ASPECTS[field.name],
            f"{label}: {field.name}\n      sent {getattr(expected, field.name)!r}\n"
            f"      read {getattr(read, field.name)!r}",
        )
        for field in fields(expected)
        if field.name in ASPECTS and getattr(expected, field.name) != getattr(read, field.name)
    ]
