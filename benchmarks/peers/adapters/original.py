"""The platform's original package, which sends each run, step and tool call from the caller's thread.

Its import name is that of ours, and so are the calls, so type checkers read this as if it were ours.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from benchmarks.peers import workload
from benchmarks.peers.recorder import Recorder

if TYPE_CHECKING:
    from benchmarks.peers.workload import Variant


def setup(url: str) -> Recorder:
    """See `benchmarks.peers.adapters`."""
    os.environ.update(TCC_API_KEY="dev_x", TCC_BASE_URL=url)
    import contextcompany as tcc

    def record(given: Variant) -> None:
        run = tcc.run(session_id=given.session_id, conversational=True)
        run.prompt(user_prompt=given.user_prompt, system_prompt=given.system_prompt)
        run.metadata(workload.METADATA)
        for kind, number in workload.SEQUENCE:
            if kind == "step":
                step = run.step()
                step.prompt(given.step_prompts[number]).response(given.step_responses[number])
                step.model(requested=workload.MODEL_REQUESTED, used=workload.MODEL_USED)
                step.finish_reason(workload.FINISH_REASON)
                step.tokens(
                    prompt_uncached=workload.UNCACHED,
                    prompt_cached=workload.CACHED,
                    completion=workload.COMPLETION,
                )
                step.tool_definitions(workload.TOOLS_JSON)
                step.end()
            else:
                call = run.tool_call(workload.TOOL_NAMES[number], tool_call_id=None)
                call.args(given.tool_arguments[number]).result(given.tool_results[number])
                call.end()
        run.response(given.response)
        run.end()

    return Recorder(record, lambda: None)
