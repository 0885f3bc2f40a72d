"""This package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks.peers import workload
from benchmarks.peers.recorder import Recorder

if TYPE_CHECKING:
    from benchmarks.peers.workload import Variant
    from contextcompany import Run

_FLUSH_SECONDS: Final = 60.0


def setup(url: str) -> Recorder:
    """See `benchmarks.peers.adapters`."""
    import contextcompany as tcc

    tcc.configure(tcc_url=url)
    return recorder()


def recorder() -> Recorder:
    """Record with the configuration in force."""
    import contextcompany as tcc

    def record(given: Variant) -> None:
        with tcc.run(session_id=given.session_id, conversational=True) as run:
            run.prompt(given.user_prompt, given.system_prompt).metadata(workload.METADATA)
            for kind, number in workload.SEQUENCE:
                (_step if kind == "step" else _call)(run, given, number)
            run.response(given.response)

    return Recorder(record, lambda: tcc.flush(_FLUSH_SECONDS))


def _step(run: Run, given: Variant, number: int) -> None:
    with run.step() as step:
        step.prompt(given.step_prompts[number]).response(given.step_responses[number])
        step.model(workload.MODEL_REQUESTED, workload.MODEL_USED)
        step.tokens(workload.UNCACHED, workload.CACHED, workload.COMPLETION)
        step.finish_reason(workload.FINISH_REASON).tool_definitions(workload.TOOLS_JSON)


def _call(run: Run, given: Variant, number: int) -> None:
    with run.tool_call(workload.TOOL_NAMES[number], workload.TOOL_CALL_IDS[number]) as call:
        call.args(given.tool_arguments[number]).result(given.tool_results[number])
