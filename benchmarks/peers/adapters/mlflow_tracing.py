"""mlflow-tracing, sending to a collector by OTLP."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from benchmarks.peers import workload
from benchmarks.peers.recorder import Recorder

if TYPE_CHECKING:
    from benchmarks.peers.workload import Variant


def setup(url: str) -> Recorder:
    """See `benchmarks.peers.adapters`."""
    os.environ.update(
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"{url}/v1/traces",
        OTEL_EXPORTER_OTLP_TRACES_PROTOCOL="http/protobuf",
        OTEL_SERVICE_NAME="bench",
        MLFLOW_DISABLE_TELEMETRY="true",
        DO_NOT_TRACK="true",
        # Without one, 3.17 imports a module that it does not depend on, and records nothing, in silence.
        MLFLOW_TRACKING_URI=url,
    )
    import mlflow
    from mlflow.tracing.provider import provider

    def record(given: Variant) -> None:
        with mlflow.start_span("agent", span_type="AGENT") as run:
            run.set_inputs({"user": given.user_prompt, "system": given.system_prompt})
            # Not as tags of the trace: with those, 3.17 writes to the root span after its end and loses it.
            run.set_attributes({"session_id": given.session_id, **workload.METADATA})
            for kind, number in workload.SEQUENCE:
                (step if kind == "step" else call)(given, number)
            run.set_outputs(given.response)

    def step(given: Variant, number: int) -> None:
        with mlflow.start_span("chat", span_type="CHAT_MODEL") as span:
            span.set_inputs({"messages": [{"role": "user", "content": given.step_prompts[number]}]})
            span.set_attributes(
                {
                    "mlflow.llm.model": workload.MODEL_USED,
                    "model_requested": workload.MODEL_REQUESTED,
                    "mlflow.chat.tokenUsage": {
                        "input_tokens": workload.PROMPT_TOKENS,
                        "output_tokens": workload.COMPLETION,
                        "total_tokens": workload.PROMPT_TOKENS + workload.COMPLETION,
                        "cache_read_input_tokens": workload.CACHED,
                    },
                    "finish_reason": workload.FINISH_REASON,
                    "tool_definitions": workload.TOOLS_JSON,
                }
            )
            span.set_outputs(given.step_responses[number])

    def call(given: Variant, number: int) -> None:
        with mlflow.start_span(workload.TOOL_NAMES[number], span_type="TOOL") as span:
            span.set_inputs(given.tool_arguments[number])
            span.set_outputs(given.tool_results[number])

    return Recorder(record, lambda: provider.get().force_flush())
