"""openinference-instrumentation: its tracer provider and the helpers for attributes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from benchmarks.peers import workload
from benchmarks.peers.adapters.provider import batching
from benchmarks.peers.recorder import Recorder

if TYPE_CHECKING:
    from benchmarks.peers.workload import Variant


def setup(url: str) -> Recorder:
    """See `benchmarks.peers.adapters`."""
    from openinference.instrumentation import Tool, TracerProvider, get_llm_attributes, using_attributes
    from opentelemetry.sdk.resources import Resource

    provider = TracerProvider(resource=Resource.create({"service.name": "bench"}))
    provider.add_span_processor(batching(url))
    start = provider.get_tracer("bench").start_as_current_span
    tools = [Tool(json_schema=json.dumps(tool)) for tool in workload.TOOLS]

    def record(given: Variant) -> None:
        with (
            using_attributes(session_id=given.session_id, metadata=workload.METADATA),
            start("agent", openinference_span_kind="agent") as run,
        ):
            run.set_input({"user": given.user_prompt, "system": given.system_prompt})
            for kind, number in workload.SEQUENCE:
                (step if kind == "step" else call)(given, number)
            run.set_output(given.response)

    def step(given: Variant, number: int) -> None:
        with start("chat", openinference_span_kind="llm") as span:
            span.set_attributes(
                get_llm_attributes(
                    provider="openai",
                    system="openai",
                    request_model_name=workload.MODEL_REQUESTED,
                    response_model_name=workload.MODEL_USED,
                    input_messages=[{"role": "user", "content": given.step_prompts[number]}],
                    output_messages=[{"role": "assistant", "content": given.step_responses[number]}],
                    token_count={
                        "prompt": workload.PROMPT_TOKENS,
                        "completion": workload.COMPLETION,
                        "prompt_details": {"cache_read": workload.CACHED},
                    },
                    tools=tools,
                )
            )
            span.set_attribute("llm.finish_reason", workload.FINISH_REASON)

    def call(given: Variant, number: int) -> None:
        name = workload.TOOL_NAMES[number]
        with start(name, openinference_span_kind="tool") as span:
            span.set_tool(name=name, parameters=given.tool_arguments[number])
            span.set_output(given.tool_results[number])

    return Recorder(record, provider.force_flush)
