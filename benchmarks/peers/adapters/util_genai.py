"""opentelemetry-util-genai, with message contents switched on as its documentation says."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from benchmarks.peers import workload
from benchmarks.peers.adapters.provider import batching, provider
from benchmarks.peers.recorder import Recorder

if TYPE_CHECKING:
    from benchmarks.peers.workload import Variant


def setup(url: str) -> Recorder:
    """See `benchmarks.peers.adapters`."""
    os.environ["OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"] = "SPAN_ONLY"
    used = provider(batching(url))
    from opentelemetry.util.genai.handler import TelemetryHandler
    from opentelemetry.util.genai.types import FunctionToolDefinition, InputMessage, OutputMessage, TextPart

    handler = TelemetryHandler(tracer_provider=used, instrumentation_scope_name="bench")
    tools = [
        FunctionToolDefinition(
            name=tool["name"], description=tool["description"], parameters=tool["parameters"]
        )
        for tool in workload.TOOLS
    ]

    def record(given: Variant) -> None:
        with handler.invoke_local_agent(agent_name="agent", conversation_id=given.session_id) as run:
            run.system_instruction = [TextPart(given.system_prompt)]
            run.input_messages = [InputMessage("user", [TextPart(given.user_prompt)])]
            run.attributes.update(workload.METADATA)
            for kind, number in workload.SEQUENCE:
                (step if kind == "step" else call)(given, number)
            run.output_messages = [OutputMessage("assistant", [TextPart(given.response)])]

    def step(given: Variant, number: int) -> None:
        with handler.inference("openai", request_model=workload.MODEL_REQUESTED) as span:
            span.input_messages = [InputMessage("user", [TextPart(given.step_prompts[number])])]
            span.tool_definitions = tools
            span.output_messages = [OutputMessage("assistant", [TextPart(given.step_responses[number])])]
            span.finish_reasons = [workload.FINISH_REASON]
            span.response_model_name = workload.MODEL_USED
            span.input_tokens = workload.PROMPT_TOKENS
            span.cache_read_input_tokens = workload.CACHED
            span.output_tokens = workload.COMPLETION

    def call(given: Variant, number: int) -> None:
        with handler.tool(workload.TOOL_NAMES[number], tool_type="function") as span:
            span.tool_call_id = workload.TOOL_CALL_IDS[number]
            span.arguments = given.tool_arguments[number]
            span.tool_result = given.tool_results[number]

    return Recorder(record, used.force_flush)
