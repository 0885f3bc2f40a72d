"""The platform's older package itself, from the registry, sends to our server and believes it was heard."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from contextcompany.semconv import attributes as names

if TYPE_CHECKING:
    from contextcompany.local.otlp.spans import SpanRecord
    from tests.local.intake.serving import Kept

# Its import name is ours, so it has an environment of its own: `make older-sdk`.
ENVIRONMENT = Path(__file__).parents[4] / ".venvs" / "older"
PYTHON = ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

pytestmark = pytest.mark.skipif(
    not (ENVIRONMENT / ".installed").exists(),
    reason="THE OLDER PACKAGE IS NOT INSTALLED: `make older-sdk` puts it into .venvs/older",
)

RECORDS = """
import contextcompany as tcc

assert tcc.__version__ == "2.0.0"
run = tcc.run(run_id="r-1", session_id="c-1", conversational=True)
run.prompt("Where is Müller?", system_prompt="Be brief.")
run.metadata({"tcc.agent": "scout", "tcc.userId": "u-1"}, plan="pro")
step = run.step(step_id="s-1")
step.prompt('[{"role": "user", "content": "Where?"}]').response("Let me look.")
step.model(requested="gpt-5", used="gpt-5-2025-08-07").finish_reason("tool_calls")
step.tokens(prompt_uncached=100, prompt_cached=20, completion=7).cost(0.25)
step.tool_definitions('[{"type": "function", "function": {"name": "search"}}]')
step.end()
call = run.tool_call("search", tool_call_id="t-1")
call.args({"query": "Müller"}).result({"hits": [1, 2]})
call.error("it broke: api_key=abcdef")
failed = tcc.run(run_id="r-2")
failed.prompt("And now?")
failed.error("no answer")
run.response("Here.").status(1, "in part")
run.end()
assert run.feedback(score="thumbs_up", text="good")
assert tcc.submit_feedback(run_id="r-2", score="thumbs_down")
"""

# Its LiteLLM callback needs nothing of litellm but the class below, and litellm is a large download.
CALLS_BACK = """
import sys, types
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace as Some

for name in ("litellm", "litellm.integrations", "litellm.integrations.custom_logger"):
    sys.modules[name] = types.ModuleType(name)
sys.modules["litellm.integrations.custom_logger"].CustomLogger = object

from contextcompany.litellm import TCCCallback

callback = TCCCallback()
start = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
end = start + timedelta(seconds=2)
call = Some(id="t-1", function=Some(name="search", arguments='{"query": "it"}'))
message = Some(role="assistant", content=None, tool_calls=[call])
answer = Some(
    model="gpt-5-2025-08-07",
    usage=Some(prompt_tokens=120, completion_tokens=7),
    choices=[Some(message=message, finish_reason="tool_calls")],
)
asked = {
    "model": "gpt-5",
    "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Where is it?"}],
    "litellm_params": {"metadata": {"tcc.runId": "r-1"}},
}
callback.log_success_event(asked, answer, start, end)
callback.log_failure_event(asked, "RateLimitError", start, end)
callback.provider.shutdown()
"""

REFUSED = """
import contextcompany as tcc

run = tcc.run(run_id="r-1")
run.prompt("hi").status(7)
run.end()
assert tcc.submit_feedback(run_id="x" * 2_000, score="thumbs_up") is False
"""


def _run(program: str, port: int) -> str:
    """Run a program with the older package and return what it printed."""
    done = subprocess.run(
        [PYTHON, "-I", "-c", program],
        env={"TCC_BASE_URL": f"http://127.0.0.1:{port}", "TCC_API_KEY": "dev_key", "NO_PROXY": "*"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _by_operation(store: Kept, run_id: str) -> dict[str, SpanRecord]:
    return {
        str(span.attributes.get(names.GEN_AI_OPERATION_NAME, span.name)): span
        for span in store.kept
        if span.attributes[names.TCC_RUN_ID] == run_id
    }


def _messages(span: SpanRecord, key: str) -> Any:
    return json.loads(str(span.attributes[key]))


def test_runs_steps_tool_calls_and_feedback_arrive(store: Kept, port: int) -> None:
    """A program that points TCC_BASE_URL here sees no failure, and all that it recorded is there."""
    assert _run(RECORDS, port) == ""
    assert len(store.kept) == 6
    found = _by_operation(store, "r-1")
    run = found[names.OPERATION_INVOKE_AGENT]
    step = found[names.OPERATION_CHAT]
    call = found[names.OPERATION_EXECUTE_TOOL]
    feedback = found[names.FEEDBACK_SPAN_NAME]
    assert (run.name, step.name, call.name) == ("invoke_agent scout", "chat gpt-5", "execute_tool search")
    assert step.parent_span_id == call.parent_span_id == run.span_id
    assert run.start_ns <= step.start_ns <= step.end_ns <= call.end_ns <= run.end_ns
    assert _messages(run, names.GEN_AI_INPUT_MESSAGES) == [
        {"role": "user", "parts": [{"type": "text", "content": "Where is Müller?"}]}
    ]
    without_content = {key: value for key, value in run.attributes.items() if key not in names.CONTENT_KEYS}
    assert without_content == {
        names.GEN_AI_OPERATION_NAME: "invoke_agent",
        names.TCC_RUN_ID: "r-1",
        names.TCC_SESSION_ID: "c-1",
        names.GEN_AI_CONVERSATION_ID: "c-1",
        names.TCC_CONVERSATIONAL: True,
        names.TCC_AGENT: "scout",
        names.GEN_AI_AGENT_NAME: "scout",
        names.TCC_USER_ID: "u-1",
        names.USER_ID: "u-1",
        names.TCC_METADATA_PREFIX + "plan": "pro",
        names.TCC_STATUS_CODE: 1,
        names.TCC_STATUS_MESSAGE: "in part",
    }
    used = (
        names.GEN_AI_USAGE_INPUT_TOKENS,
        names.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS,
        names.GEN_AI_USAGE_OUTPUT_TOKENS,
        names.TCC_COST,
    )
    assert [step.attributes[key] for key in used] == [120, 20, 7, 0.25]
    assert _messages(call, names.GEN_AI_TOOL_CALL_ARGUMENTS) == {"query": "Müller"}
    assert _messages(call, names.GEN_AI_TOOL_CALL_RESULT) == {"hits": [1, 2]}
    assert (call.status_code, call.status_message) == ("ERROR", "it broke: api_key=[REDACTED]")
    assert feedback.attributes[names.GEN_AI_EVALUATION_SCORE_LABEL] == names.SCORE_LABEL_THUMBS_UP
    assert feedback.attributes[names.GEN_AI_EVALUATION_EXPLANATION] == "good"
    failed = _by_operation(store, "r-2")
    assert failed[names.OPERATION_INVOKE_AGENT].status_message == "no answer"
    disliked = failed[names.FEEDBACK_SPAN_NAME].attributes[names.GEN_AI_EVALUATION_SCORE_LABEL]
    assert disliked == names.SCORE_LABEL_THUMBS_DOWN


def test_its_litellm_callback_arrives_as_steps(store: Kept, port: int) -> None:
    """Each call is a step of the run that its metadata names, with messages as our own steps have them."""
    assert _run(CALLS_BACK, port) == ""
    went_well, failed = store.kept
    assert {span.attributes[names.TCC_RUN_ID] for span in store.kept} == {"r-1"}
    assert went_well.end_ns - went_well.start_ns == 2_000_000_000
    assert went_well.attributes[names.GEN_AI_OPERATION_NAME] == names.OPERATION_CHAT
    assert went_well.attributes[names.GEN_AI_PROVIDER_NAME] == names.PROVIDER_OPENAI
    assert went_well.attributes[names.GEN_AI_USAGE_INPUT_TOKENS] == 120
    assert went_well.attributes[names.GEN_AI_RESPONSE_FINISH_REASONS] == ("tool_calls",)
    asked = _messages(went_well, names.GEN_AI_INPUT_MESSAGES)
    assert [message["role"] for message in asked] == ["system", "user"]
    (answered,) = _messages(went_well, names.GEN_AI_OUTPUT_MESSAGES)
    assert answered["parts"] == [
        {"type": "tool_call", "id": "t-1", "name": "search", "arguments": {"query": "it"}}
    ]
    assert (failed.status_code, failed.status_message) == ("ERROR", "RateLimitError")


def test_it_prints_why_it_was_refused(store: Kept, port: int) -> None:
    """What our server has to say reaches the person at the terminal."""
    printed = _run(REFUSED, port)
    assert "Failed to send run: 400" in printed
    assert "status_code must be 0, 1 or 2, got int '7'" in printed
    assert "Failed to submit feedback: 400" in printed
    assert store.kept == []
