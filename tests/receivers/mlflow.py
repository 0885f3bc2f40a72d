"""MLflow: it keeps the attributes as they came and adds its own, `mlflow.*`, which are what it shows."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, ClassVar

from tests.receivers.reading import get_json, post_json
from tests.receivers.spans import (
    ERROR,
    OK,
    OTHER,
    RUN,
    STEP,
    TOOL_CALL,
    Span,
    Trace,
    content,
    messages,
    system_message,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

EXPERIMENT = "0"
TRACES = "/api/3.0/mlflow/traces"
SEARCH = {
    "locations": [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": EXPERIMENT}}],
    "max_results": 100,
}
STATES = {"OK": OK, "ERROR": ERROR, "IN_PROGRESS": "in progress"}


class MLflow:
    """Keeps traces in SQLite; a trace has a state of its own, which comes with its root."""

    name: ClassVar[str] = "mlflow"
    distribution: ClassVar[str] = "mlflow"
    requirement: ClassVar[str] = "mlflow>=3.17,<4"
    headers: ClassVar[dict[str, str]] = {"x-mlflow-experiment-id": EXPERIMENT}
    ready_path: ClassVar[str] = "/health"
    unfinished: ClassVar[str] = "in progress"
    kinds: ClassVar[dict[str, str]] = {"AGENT": RUN, "CHAT_MODEL": STEP, "TOOL": TOOL_CALL, "none": OTHER}

    def command(self, binaries: Path, port: int) -> list[str]:
        """Return the command that starts it; what it is not told, it keeps in its working folder."""
        return [
            str(binaries / "mlflow"),
            *("server", "--workers", "1", "--host", "127.0.0.1", "--port", str(port)),
            *("--backend-store-uri", "sqlite:///mlflow.db", "--artifacts-destination", "artifacts"),
        ]

    def variables(self, folder: Path, port: int) -> dict[str, str]:
        """Return the settings that keep it to itself: no jobs, no telemetry, no prices from elsewhere."""
        return {
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            # It would ask for prices inside the first request, for seconds where there is no network.
            "MLFLOW_MODEL_CATALOG_URI": "",
        }

    def read(self, base: str) -> dict[str, Trace]:
        """Search the traces, then read the spans of each."""
        found = post_json(f"{base}{TRACES}/search", SEARCH).get("traces", [])
        traces: dict[str, Trace] = {}
        for hit in found:
            whole = get_json(f"{base}{TRACES}/get?trace_id={hit['trace_id']}&allow_partial=true")["trace"]
            info = whole["trace_info"]
            spans = [_span(span, self.kinds) for span in whole.get("spans", ())]
            metadata = info["trace_metadata"]
            used = json.loads(metadata.get("mlflow.trace.tokenUsage", "{}"))
            trace_id = info["trace_id"].removeprefix("tr-")
            traces[trace_id] = Trace(
                trace_id,
                root=next((span.span_id for span in spans if span.parent_id is None), None),
                state=STATES[info["state"]],
                session=metadata.get("mlflow.trace.session"),
                tokens=(used.get("input_tokens", 0), used.get("output_tokens", 0)),
                spans={span.span_id: span for span in spans},
            )
        return traces


def _span(span: Mapping[str, Any], kinds: Mapping[str, str]) -> Span:
    attributes = _mapping(span["attributes"])
    kind = kinds.get(attributes.get("mlflow.spanType", "none"), attributes.get("mlflow.spanType", "none"))
    used = attributes.get("mlflow.chat.tokenUsage", {})
    given, returned = attributes.get("mlflow.spanInputs"), attributes.get("mlflow.spanOutputs")
    status = span.get("status", {})
    return Span(
        trace_id=_hex(span["trace_id"]),
        span_id=_hex(span["span_id"]),
        parent_id=_hex(span["parent_span_id"]) if span.get("parent_span_id") else None,
        name=span["name"],
        kind=kind,
        state=ERROR if status.get("code") == "STATUS_CODE_ERROR" else OK,
        status_message=status.get("message", ""),
        session=attributes.get("gen_ai.conversation.id"),
        tokens=(used.get("input_tokens"), used.get("output_tokens"), used.get("cache_read_input_tokens")),
        # It has no place of its own for the system prompt, and leaves it where we put it.
        input=system_message(attributes.get("gen_ai.system_instructions"))
        + (() if kind == TOOL_CALL else messages(given)),
        output=() if kind == TOOL_CALL else messages(returned),
        arguments=content(given) if kind == TOOL_CALL else "",
        result=content(returned) if kind == TOOL_CALL else "",
    )


def _hex(identifier: str) -> str:
    return base64.b64decode(identifier).hex()


def _value(value: Mapping[str, Any]) -> Any:
    if not value:
        return None
    ((which, inner),) = value.items()
    if which == "array_value":
        return [_value(item) for item in inner.get("values", ())]
    if which == "kvlist_value":
        return _mapping(inner.get("values", ()))
    # 64-bit integers may come as text: JSON numbers cannot hold them all.
    return int(inner) if which == "int_value" else inner


def _mapping(pairs: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return {pair["key"]: _value(pair.get("value", {})) for pair in pairs}
