"""Arize Phoenix: it rewrites `gen_ai.*` into attributes of its own, and those are what it shows."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

from tests.receivers.processes import free_port
from tests.receivers.reading import get_json
from tests.receivers.spans import (
    ERROR,
    NO_ROOT,
    OK,
    OTHER,
    RUN,
    STEP,
    TOOL_CALL,
    Message,
    Span,
    Trace,
    canonical,
    content,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PROJECT = "/v1/projects/default"
NUMBERED = re.compile(r"\.(\d+)\.message\.(.+)")
CALL = re.compile(r"tool_calls\.(\d+)\.tool_call\.(id|function\.name|function\.arguments)")
CONTENT = re.compile(r"contents\.(\d+)\.message_content\.text")


class Phoenix:
    """Keeps spans in SQLite; a trace is whatever spans share a trace id.

    It drops all output messages of a span when one of them lacks `finish_reason`, which may be empty.
    """

    name: ClassVar[str] = "phoenix"
    distribution: ClassVar[str] = "arize-phoenix"
    requirement: ClassVar[str] = "arize-phoenix>=20,<21"
    headers: ClassVar[dict[str, str]] = {}
    ready_path: ClassVar[str] = "/healthz"
    unfinished: ClassVar[str] = NO_ROOT
    kinds: ClassVar[dict[str, str]] = {"AGENT": RUN, "LLM": STEP, "TOOL": TOOL_CALL, "UNKNOWN": OTHER}

    def command(self, binaries: Path, port: int) -> list[str]:
        """Return the command that starts it."""
        return [str(binaries / "phoenix"), "serve"]

    def variables(self, folder: Path, port: int) -> dict[str, str]:
        """Return the settings that keep it on loopback, apart from gRPC, and its files in `folder`."""
        return {
            "PHOENIX_HOST": "127.0.0.1",
            "PHOENIX_PORT": str(port),
            "PHOENIX_GRPC_PORT": str(free_port()),
            "PHOENIX_WORKING_DIR": str(folder),
            "PHOENIX_TELEMETRY_ENABLED": "false",
        }

    def read(self, base: str) -> dict[str, Trace]:
        """Read spans, roots, sessions and token sums, each where Phoenix itself gives them."""
        spans: dict[str, dict[str, Span]] = defaultdict(dict)
        for row in _rows(f"{base}{PROJECT}/spans?limit=1000"):
            span = _span(row, self.kinds)
            spans[span.trace_id][span.span_id] = span
        if not spans:
            return {}  # before the first span there is no project to ask about
        roots = {
            row["context"]["trace_id"]: row["context"]["span_id"]
            for row in _rows(f"{base}{PROJECT}/spans?limit=1000&parent_id=null")
        }
        sessions = {
            trace["trace_id"]: session["session_id"]
            for session in _rows(f"{base}{PROJECT}/sessions?limit=100")
            for trace in session["traces"]
        }
        traces = {row["trace_id"]: row for row in _rows(f"{base}{PROJECT}/traces?limit=100")}
        return {
            trace_id: Trace(
                trace_id,
                root=roots.get(trace_id),
                state=members[roots[trace_id]].state if roots.get(trace_id) in members else self.unfinished,
                session=sessions.get(trace_id),
                tokens=(traces[trace_id]["token_count_prompt"], traces[trace_id]["token_count_completion"]),
                spans=members,
            )
            for trace_id, members in spans.items()
        }


def _rows(url: str) -> list[Any]:
    rows: list[Any] = []
    cursor = ""
    while True:
        page = get_json(url + cursor)
        rows += page["data"]
        if not page["next_cursor"]:
            return rows
        cursor = f"&cursor={quote(page['next_cursor'])}"


def _span(row: Mapping[str, Any], kinds: Mapping[str, str]) -> Span:
    attributes: dict[str, Any] = row["attributes"]
    return Span(
        trace_id=row["context"]["trace_id"],
        span_id=row["context"]["span_id"],
        parent_id=row["parent_id"],
        name=row["name"],
        kind=kinds.get(row["span_kind"], row["span_kind"]),
        state=ERROR if row["status_code"] == "ERROR" else OK,
        status_message=row["status_message"],
        session=attributes.get("session.id"),
        tokens=(
            attributes.get("llm.token_count.prompt"),
            attributes.get("llm.token_count.completion"),
            attributes.get("llm.token_count.prompt_details.cache_read"),
        ),
        input=_messages(attributes, "llm.input_messages"),
        output=_messages(attributes, "llm.output_messages"),
        arguments=content(_nested(attributes, "tool.parameters")),
        result=content(attributes.get("output.value")) if row["span_kind"] == "TOOL" else "",
    )


def _messages(attributes: Mapping[str, Any], namespace: str) -> tuple[Message, ...]:
    fields: dict[int, dict[str, Any]] = defaultdict(dict)
    for key, value in attributes.items():
        if key.startswith(namespace) and (found := NUMBERED.fullmatch(key, len(namespace))):
            fields[int(found[1])][found[2]] = value
    return tuple(_message(fields[index]) for index in sorted(fields))


def _message(fields: Mapping[str, Any]) -> Message:
    if "tool_call_id" in fields:
        return Message(
            fields["role"], results=((fields["tool_call_id"], canonical(fields.get("content", ""))),)
        )
    texts = {0: fields["content"]} if fields.get("content") else {}
    calls: dict[int, dict[str, str]] = defaultdict(dict)
    for key, value in fields.items():
        if found := CONTENT.fullmatch(key):
            texts[int(found[1])] = value
        elif found := CALL.fullmatch(key):
            calls[int(found[1])][found[2]] = value
    return Message(
        fields["role"],
        tuple(texts[index] for index in sorted(texts) if texts[index]),
        tuple(
            (
                calls[index].get("id", ""),
                calls[index]["function.name"],
                canonical(calls[index].get("function.arguments")),
            )
            for index in sorted(calls)
        ),
    )


def _nested(attributes: Mapping[str, Any], prefix: str) -> object:
    """Put an object together again that Phoenix spread over dotted keys."""
    if prefix in attributes:
        return attributes[prefix]
    whole: dict[str, Any] = {}
    for key, value in attributes.items():
        if key.startswith(f"{prefix}."):
            *path, last = key.removeprefix(f"{prefix}.").split(".")
            inner = whole
            for name in path:
                inner = inner.setdefault(name, {})
            inner[last] = value
    return whole
