"""The bare OpenTelemetry SDK as the GenAI conventions want it: JSON messages, made at each call."""

from __future__ import annotations

from json import dumps
from typing import TYPE_CHECKING

from benchmarks.peers import workload
from benchmarks.peers.adapters.provider import batching, provider
from benchmarks.peers.recorder import Recorder

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

    from benchmarks.peers.workload import Variant


def setup(url: str) -> Recorder:
    """See `benchmarks.peers.adapters`."""
    used = provider(batching(url))
    tracer = used.get_tracer("bench")

    def record(given: Variant) -> None:
        with tracer.start_as_current_span("invoke_agent agent") as run:
            for kind, number in workload.SEQUENCE:
                (_step if kind == "step" else _call)(tracer, given, number)
            attributes = {
                "gen_ai.operation.name": "invoke_agent",
                "gen_ai.agent.name": "agent",
                "gen_ai.conversation.id": given.session_id,
                "gen_ai.input.messages": dumps([_message("user", given.user_prompt)]),
                "gen_ai.system_instructions": dumps([{"type": "text", "content": given.system_prompt}]),
                "gen_ai.output.messages": dumps([_message("assistant", given.response)]),
            }
            for key, value in workload.METADATA.items():
                attributes["metadata." + key] = value
            run.set_attributes(attributes)

    return Recorder(record, used.force_flush)


def _message(role: str, text: str) -> dict[str, object]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def _step(tracer: Tracer, given: Variant, number: int) -> None:
    with tracer.start_as_current_span("chat " + workload.MODEL_REQUESTED) as span:
        answer = {
            **_message("assistant", given.step_responses[number]),
            "finish_reason": workload.FINISH_REASON,
        }
        span.set_attributes(
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": "openai",
                "gen_ai.request.model": workload.MODEL_REQUESTED,
                "gen_ai.response.model": workload.MODEL_USED,
                "gen_ai.input.messages": dumps([_message("user", given.step_prompts[number])]),
                "gen_ai.output.messages": dumps([answer]),
                "gen_ai.usage.input_tokens": workload.PROMPT_TOKENS,
                "gen_ai.usage.cache_read.input_tokens": workload.CACHED,
                "gen_ai.usage.output_tokens": workload.COMPLETION,
                "gen_ai.response.finish_reasons": (workload.FINISH_REASON,),
                "gen_ai.tool.definitions": workload.TOOLS_JSON,
            }
        )


def _call(tracer: Tracer, given: Variant, number: int) -> None:
    name = workload.TOOL_NAMES[number]
    with tracer.start_as_current_span("execute_tool " + name) as span:
        span.set_attributes(
            {
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": name,
                "gen_ai.tool.call.id": workload.TOOL_CALL_IDS[number],
                "gen_ai.tool.type": "function",
                "gen_ai.tool.call.arguments": dumps(given.tool_arguments[number]),
                "gen_ai.tool.call.result": given.tool_results[number],
            }
        )
