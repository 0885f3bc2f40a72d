"""traceloop-sdk: its decorators for the agent and the tools, its manual tracking for requests to models."""

from __future__ import annotations

import contextlib
import io
import os
from typing import TYPE_CHECKING, Any

from benchmarks.peers import workload
from benchmarks.peers.recorder import Recorder

if TYPE_CHECKING:
    from benchmarks.peers.workload import Variant


def setup(url: str) -> Recorder:
    """See `benchmarks.peers.adapters`."""
    os.environ.update(TRACELOOP_TELEMETRY="false", TRACELOOP_BASE_URL=url, TRACELOOP_API_KEY="x")
    from traceloop.sdk import Traceloop
    from traceloop.sdk.decorators import agent, tool
    from traceloop.sdk.tracing.tracing import TracerWrapper

    with contextlib.redirect_stdout(io.StringIO()):
        Traceloop.init(app_name="bench", instruments=set(), telemetry_enabled=False)
    # A decorated function gets what is recorded, and nothing else.
    current = workload.RUNS[0]

    def search(arguments: dict[str, Any]) -> str:
        del arguments
        return current.tool_results[0]

    def fetch(arguments: dict[str, Any]) -> str:
        del arguments
        return current.tool_results[1]

    tools = [tool(name=workload.TOOL_NAMES[0])(search), tool(name=workload.TOOL_NAMES[1])(fetch)]

    def answer(user: str, system: str) -> str:
        del user, system
        Traceloop.set_association_properties({"session_id": current.session_id, **workload.METADATA})
        for kind, number in workload.SEQUENCE:
            if kind == "step":
                _step(current, number)
            else:
                tools[number](current.tool_arguments[number])
        return current.response

    answering = agent(name="agent")(answer)

    def record(given: Variant) -> None:
        nonlocal current
        current = given
        answering(given.user_prompt, given.system_prompt)

    return Recorder(record, TracerWrapper().flush)


def _step(given: Variant, number: int) -> None:
    from opentelemetry import trace
    from traceloop.sdk.tracing.manual import LLMMessage, LLMUsage, track_llm_call

    with track_llm_call(vendor="openai", type="chat") as span:
        span.report_request(
            model=workload.MODEL_REQUESTED,
            messages=[LLMMessage(role="user", content=given.step_prompts[number])],
        )
        span.report_response(workload.MODEL_USED, [given.step_responses[number]])
        span.report_usage(
            LLMUsage(
                prompt_tokens=workload.PROMPT_TOKENS,
                completion_tokens=workload.COMPLETION,
                total_tokens=workload.PROMPT_TOKENS + workload.COMPLETION,
                cache_read_input_tokens=workload.CACHED,
            )
        )
        # What its tracking has no place for.
        trace.get_current_span().set_attributes(
            {
                "gen_ai.tool.definitions": workload.TOOLS_JSON,
                "gen_ai.response.finish_reasons": (workload.FINISH_REASON,),
            }
        )
