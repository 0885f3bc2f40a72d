"""lmnr."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.peers import workload
from benchmarks.peers.recorder import Recorder

if TYPE_CHECKING:
    from benchmarks.peers.workload import Variant


def setup(url: str) -> Recorder:
    """See `benchmarks.peers.adapters`."""
    from lmnr import Laminar

    host, _, port = url.rpartition(":")
    Laminar.initialize(
        project_api_key="x", base_url=host, http_port=int(port), force_http=True, instruments=set()
    )
    start = Laminar.start_as_current_span

    def record(given: Variant) -> None:
        asked = {"user": given.user_prompt, "system": given.system_prompt}
        with start("agent", input=asked, session_id=given.session_id, metadata=workload.METADATA):
            for kind, number in workload.SEQUENCE:
                (step if kind == "step" else call)(given, number)
            Laminar.set_span_output(given.response)

    def step(given: Variant, number: int) -> None:
        messages = [{"role": "user", "content": given.step_prompts[number]}]
        with start("chat", span_type="LLM", input=messages):
            Laminar.set_span_attributes(
                {
                    "gen_ai.system": "openai",
                    "gen_ai.request.model": workload.MODEL_REQUESTED,
                    "gen_ai.response.model": workload.MODEL_USED,
                    "gen_ai.usage.input_tokens": workload.PROMPT_TOKENS,
                    "gen_ai.usage.cache_read_input_tokens": workload.CACHED,
                    "gen_ai.usage.output_tokens": workload.COMPLETION,
                    "gen_ai.response.finish_reasons": (workload.FINISH_REASON,),
                    "gen_ai.tool.definitions": workload.TOOLS_JSON,
                }
            )
            Laminar.set_span_output(given.step_responses[number])

    def call(given: Variant, number: int) -> None:
        with start(workload.TOOL_NAMES[number], span_type="TOOL", input=given.tool_arguments[number]):
            Laminar.set_span_output(given.tool_results[number])

    return Recorder(record, Laminar.force_flush)
