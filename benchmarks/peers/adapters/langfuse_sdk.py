"""langfuse."""

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
        {"LANGFUSE_PUBLIC_KEY": "pk-x", "LANGFUSE_SECRET_KEY": "sk-x", "LANGFUSE_BASE_URL": url}
    )
    from langfuse import get_client, propagate_attributes

    client = get_client()
    start = client.start_as_current_observation

    def record(given: Variant) -> None:
        asked = {"user": given.user_prompt, "system": given.system_prompt}
        with start(as_type="agent", name="agent", input=asked, metadata=workload.METADATA) as run:
            with propagate_attributes(session_id=given.session_id):
                for kind, number in workload.SEQUENCE:
                    (step if kind == "step" else call)(given, number)
            run.update(output=given.response)

    def step(given: Variant, number: int) -> None:
        with start(
            as_type="generation",
            name="chat",
            model=workload.MODEL_REQUESTED,
            input=given.step_prompts[number],
            metadata={"tools": workload.TOOLS_JSON},
        ) as generation:
            generation.update(
                output=given.step_responses[number],
                model=workload.MODEL_USED,
                metadata={
                    "finish_reason": workload.FINISH_REASON,
                    "model_requested": workload.MODEL_REQUESTED,
                },
                usage_details={
                    "input": workload.UNCACHED,
                    "input_cached_tokens": workload.CACHED,
                    "output": workload.COMPLETION,
                },
            )

    def call(given: Variant, number: int) -> None:
        name, arguments = workload.TOOL_NAMES[number], given.tool_arguments[number]
        with start(as_type="tool", name=name, input=arguments) as tool:
            tool.update(output=given.tool_results[number])

    return Recorder(record, client.flush)
