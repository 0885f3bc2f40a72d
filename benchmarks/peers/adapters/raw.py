"""The bare OpenTelemetry SDK with attributes that were built beforehand: the least that spans can cost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from benchmarks.peers import workload
from benchmarks.peers.adapters.provider import batching, provider
from benchmarks.peers.recorder import Recorder

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.util.types import AttributeValue

    from benchmarks.peers.workload import Variant

    Attributes = dict[str, AttributeValue]


def setup(url: str) -> Recorder:
    """See `benchmarks.peers.adapters`."""
    return recorder(batching(url))


def recorder(processor: SpanProcessor) -> Recorder:
    """Record with a provider that has this processor."""
    used = provider(processor)
    start = used.get_tracer("bench").start_as_current_span
    built = {variant.session_id: _attributes(variant) for variant in workload.RUNS}

    def record(given: Variant) -> None:
        root, parts = built[given.session_id]
        with start("invoke_agent") as run:
            for name, attributes in parts:
                with start(name) as span:
                    span.set_attributes(attributes)
            run.set_attributes(root)

    return Recorder(record, used.force_flush)


def _attributes(given: Variant) -> tuple[Attributes, list[tuple[str, Attributes]]]:
    root: Attributes = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "agent",
        "gen_ai.conversation.id": given.session_id,
        "gen_ai.input.messages": given.user_prompt,
        "gen_ai.system_instructions": given.system_prompt,
        "gen_ai.output.messages": given.response,
        **{f"metadata.{key}": value for key, value in workload.METADATA.items()},
    }
    parts = [
        ("chat gpt-5", _step(given, number)) if kind == "step" else ("execute_tool", _call(given, number))
        for kind, number in workload.SEQUENCE
    ]
    return root, parts


def _step(given: Variant, number: int) -> Attributes:
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": workload.MODEL_REQUESTED,
        "gen_ai.response.model": workload.MODEL_USED,
        "gen_ai.input.messages": given.step_prompts[number],
        "gen_ai.output.messages": given.step_responses[number],
        "gen_ai.usage.input_tokens": workload.PROMPT_TOKENS,
        "gen_ai.usage.cache_read.input_tokens": workload.CACHED,
        "gen_ai.usage.output_tokens": workload.COMPLETION,
        "gen_ai.response.finish_reasons": (workload.FINISH_REASON,),
        "gen_ai.tool.definitions": workload.TOOLS_JSON,
    }


def _call(given: Variant, number: int) -> Attributes:
    return {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": workload.TOOL_NAMES[number],
        "gen_ai.tool.call.id": workload.TOOL_CALL_IDS[number],
        "gen_ai.tool.type": "function",
        "gen_ai.tool.call.arguments": json.dumps(given.tool_arguments[number]),
        "gen_ai.tool.call.result": given.tool_results[number],
    }
