"""Steps: one request to a model, with its messages, models, tokens and cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

import contextcompany as tcc
from tests.recording.rows import assistant, parsed, span_id, typed, user, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from contextcompany import Run, Step
    from contextcompany.testing import Captured

TOKENS = "gen_ai.usage."


@pytest.fixture
def r(captured: Captured) -> Iterator[Run]:
    """Hold a run open around the steps of a test."""
    opened = tcc.run("run-1").prompt("p")
    yield opened
    opened.end()


@pytest.fixture
def s(r: Run) -> Step:
    """Make a step that has what it needs."""
    return r.step("step-1").prompt("q").response("a")


def only_step(captured: Captured) -> dict[str, Any]:
    """Return the attributes of the one step that has ended."""
    (span,) = captured.spans
    return parsed(span)


def tokens_of(captured: Captured) -> dict[str, tuple[str, Any]]:
    """Return the token counts of the one step that has ended, with their types."""
    return typed({key: value for key, value in only_step(captured).items() if key.startswith(TOKENS)})


def test_a_step_with_prompt_and_response_is_a_whole_span(captured: Captured, r: Run, s: Step) -> None:
    """The least a step needs gives one client span below its run, of an unknown provider."""
    s.end()
    (span,) = captured.spans
    assert whole(span) == {
        "name": "chat",
        "kind": "CLIENT",
        "parent": span_id(r),
        "status": ("UNSET", None),
        "attributes": {
            "gen_ai.operation.name": "chat",
            "tcc.runId": "run-1",
            "tcc.stepId": "step-1",
            "gen_ai.provider.name": "_OTHER",
            "gen_ai.input.messages": user("q"),
            "gen_ai.output.messages": assistant("a"),
            "tcc.statusCode": 0,
        },
        "events": [],
        "links": [],
    }


def test_every_setter_returns_the_step(s: Step) -> None:
    """Calls can be chained, as the documents of the platform show."""
    assert s.prompt("q") is s
    assert s.response("a") is s
    assert s.model(requested="m", used="n", provider="openai") is s
    assert s.tokens(1, 2, 3, cache_write=4, reasoning=2) is s
    assert s.cost(0.1) is s
    assert s.finish_reason("stop") is s
    assert s.tool_definitions("[]") is s
    assert s.status(0) is s
    assert s.attributes({"app.k": 1}) is s
    s.end()


def test_the_id_of_a_step_is_given_or_generated(r: Run) -> None:
    """A step takes text or a UUID as its id; an empty or missing one becomes a UUID."""
    given = UUID("0b6f3d52-3d53-4e0e-9a0f-2f7e5ad1c001")
    assert r.step("mine").step_id == "mine"
    assert r.step(given).step_id == str(given)
    assert UUID(r.step("").step_id).version == 4
    assert UUID(tcc.step(r.run_id).step_id).version == 4


def test_a_step_without_a_run_raises(captured: Captured) -> None:
    """A step needs a run id where no run is current, and the error says so."""
    with pytest.raises(ValueError, match=r"no run_id and no run is current"):
        tcc.step()
    with pytest.raises(ValueError, match=r"no run_id and no run is current"):
        tcc.step("")
    assert captured.spans == ()


@pytest.mark.parametrize(
    "call",
    [
        lambda: tcc.step(7),  # type: ignore[arg-type]
        lambda: tcc.step("run-1", 7),  # type: ignore[arg-type]
        lambda: tcc.step("run-1", start_time="noon"),  # type: ignore[arg-type]
    ],
    ids=["run_id", "step_id", "start_time"],
)
def test_a_wrong_argument_raises(captured: Captured, call: Callable[[], object]) -> None:
    """Rule 9: an id or a time of another type is misuse, and starts no span."""
    before = tcc.stats().open_handles
    with pytest.raises(TypeError, match=r": got (int|str)"):
        call()
    assert (captured.spans, tcc.stats().open_handles) == ((), before)


def test_the_models_merge(captured: Captured, s: Step) -> None:
    """Rule 2: the model used comes beside the model requested, and the provider stays."""
    s.model(requested="my-model", provider="acme").model(used="my-model-0613").end()
    (span,) = captured.spans
    assert span.name == "chat my-model"
    assert {key: only_step(captured)[key] for key in only_step(captured) if "model" in key} == {
        "gen_ai.request.model": "my-model",
        "gen_ai.response.model": "my-model-0613",
    }
    assert only_step(captured)["gen_ai.provider.name"] == "acme"


def test_the_tokens_merge(captured: Captured, s: Step) -> None:
    """Rule 2: cached tokens come beside the counts that were set before, and input counts all parts."""
    s.tokens(prompt_uncached=150, completion=25).tokens(prompt_cached=50)
    s.tokens(cache_write=10, reasoning=5).end()
    assert tokens_of(captured) == {
        "gen_ai.usage.input_tokens": ("int", 210),
        "gen_ai.usage.cache_read.input_tokens": ("int", 50),
        "gen_ai.usage.cache_write.input_tokens": ("int", 10),
        "gen_ai.usage.output_tokens": ("int", 25),
        "gen_ai.usage.reasoning.output_tokens": ("int", 5),
    }


def test_a_later_count_wins(captured: Captured, s: Step) -> None:
    """Rule 2: a count that is set again replaces the one before."""
    s.tokens(prompt_uncached=1, completion=1).tokens(completion=9).end()
    assert tokens_of(captured) == {
        "gen_ai.usage.input_tokens": ("int", 1),
        "gen_ai.usage.output_tokens": ("int", 9),
    }


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"prompt_uncached": 3}, {"input_tokens": 3}),
        ({"prompt_cached": 3}, {"input_tokens": 3, "cache_read.input_tokens": 3}),
        ({"cache_write": 3}, {"input_tokens": 3, "cache_write.input_tokens": 3}),
        ({"completion": 3}, {"output_tokens": 3}),
        ({"reasoning": 3}, {"reasoning.output_tokens": 3}),
        ({"prompt_uncached": 0, "completion": 0}, {"input_tokens": 0, "output_tokens": 0}),
        ({}, {}),
    ],
)
def test_a_missing_part_counts_zero_and_nothing_gives_nothing(
    captured: Captured, s: Step, given: dict[str, int], expected: dict[str, int]
) -> None:
    """Input tokens add up the parts that were given; what was not given has no attribute."""
    s.tokens(**given).end()
    assert tokens_of(captured) == {TOKENS + key: ("int", value) for key, value in expected.items()}


@pytest.mark.parametrize("given", ["", [], None])
def test_empty_messages_count_as_set(captured: Captured, r: Run, given: object) -> None:
    """Rule 3: what a model returns beside tool calls is empty text, and the step ends well."""
    r.step().prompt(given).response(given).end()
    step = only_step(captured)
    assert (step["gen_ai.input.messages"], step["gen_ai.output.messages"]) == (user(""), assistant(""))
    assert step["tcc.statusCode"] == 0


def test_a_snapshot_is_taken_when_the_setter_is_called(captured: Captured, r: Run) -> None:
    """Rule 1: a list of messages that grows afterwards is recorded as it was."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": "first"}]
    answer = {"role": "assistant", "content": "answer"}
    tools = [{"name": "find", "description": "Find."}]
    s = r.step().prompt(messages).response(answer).tool_definitions(tools)
    messages[0]["content"] = "changed"
    messages.append({"role": "user", "content": "later"})
    answer["content"] = "changed"
    tools[0]["name"] = "changed"
    s.end()
    step = only_step(captured)
    assert step["gen_ai.input.messages"] == user("first")
    assert step["gen_ai.output.messages"] == assistant("answer")
    assert step["gen_ai.tool.definitions"] == [{"type": "function", "name": "find", "description": "Find."}]


def test_the_cost_of_the_caller_is_reported(captured: Captured, s: Step) -> None:
    """A cost that the caller sets is recorded in dollars, as a double, and as reported."""
    s.model("gpt-4o").tokens(1000, completion=1000).cost(3).end()
    recorded = typed(only_step(captured))
    assert (recorded["tcc.cost"], recorded["tcc.costSource"]) == (("float", 3.0), ("str", "reported"))


def test_the_finish_reason_is_a_list_of_one(captured: Captured, s: Step) -> None:
    """The convention has a list of reasons; a step has one."""
    s.finish_reason("tool_call").end()
    assert only_step(captured)["gen_ai.response.finish_reasons"] == ["tool_call"]


def test_a_step_takes_its_provider_when_it_is_made(captured: Captured, r: Run) -> None:
    """`provider=` of `step()` names the provider, and `model(provider=…)` may correct it."""
    r.step(provider="acme").prompt("q").response("a").end()
    tcc.step(r.run_id, provider="acme").model(provider="other").prompt("q").response("a").end()
    providers = [parsed(span)["gen_ai.provider.name"] for span in captured.named("chat")]
    assert providers == ["acme", "other"]


def test_a_repr_shows_ids_and_state_but_no_content(s: Step) -> None:
    """A step in a debugger or a log shows what it is, and nothing that was said."""
    s.prompt("a secret")
    assert ("step-1" in repr(s), "run-1" in repr(s), "open" in repr(s)) == (True, True, True)
    assert "secret" not in repr(s)
