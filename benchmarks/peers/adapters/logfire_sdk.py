"""logfire, sending to a collector instead of its own platform."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from benchmarks.peers import workload
from benchmarks.peers.recorder import Recorder

if TYPE_CHECKING:
    from benchmarks.peers.workload import Variant


def setup(url: str) -> Recorder:
    """See `benchmarks.peers.adapters`."""
    os.environ.update(OTEL_EXPORTER_OTLP_ENDPOINT=url, OTEL_SERVICE_NAME="bench")
    import logfire

    logfire.configure(send_to_logfire=False, console=False)

    def record(given: Variant) -> None:
        with logfire.span(
            "agent run",
            session_id=given.session_id,
            user_prompt=given.user_prompt,
            system_prompt=given.system_prompt,
            metadata=workload.METADATA,
        ) as run:
            for kind, number in workload.SEQUENCE:
                (step if kind == "step" else call)(given, number)
            run.set_attribute("response", given.response)

    def step(given: Variant, number: int) -> None:
        with logfire.span(
            "chat {model}",
            model=workload.MODEL_REQUESTED,
            prompt=given.step_prompts[number],
            tool_definitions=workload.TOOLS_JSON,
        ) as span:
            span.set_attributes(
                {
                    "response": given.step_responses[number],
                    "model_used": workload.MODEL_USED,
                    "gen_ai.usage.input_tokens": workload.PROMPT_TOKENS,
                    "gen_ai.usage.cache_read.input_tokens": workload.CACHED,
                    "gen_ai.usage.output_tokens": workload.COMPLETION,
                    "finish_reason": workload.FINISH_REASON,
                }
            )

    def call(given: Variant, number: int) -> None:
        with logfire.span(
            "tool {name}",
            name=workload.TOOL_NAMES[number],
            call_id=workload.TOOL_CALL_IDS[number],
            args=given.tool_arguments[number],
        ) as span:
            span.set_attribute("result", given.tool_results[number])

    return Recorder(record, logfire.force_flush)
