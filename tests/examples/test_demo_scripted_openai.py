"""The scripted server is one that the real client of OpenAI gets along with."""

from __future__ import annotations

import json
import socket
import threading
from typing import TYPE_CHECKING, Any

import openai
import pytest

from examples.demo.scripted_openai import ScriptedOpenAI
from examples.demo.tools import DEFINITIONS

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def client() -> Iterator[openai.OpenAI]:
    """Connect a client to a server that fails on its third and fourth chat request."""
    with (
        ScriptedOpenAI(failures={3: 429, 4: 500}, seconds=0) as scripted,
        openai.OpenAI(api_key="none", base_url=scripted.base_url, max_retries=0, timeout=10) as connected,
    ):
        yield connected


def _chat(client: openai.OpenAI, *messages: dict[str, Any], model: str = "gpt-5", **more: Any) -> Any:
    return client.chat.completions.create(model=model, messages=list(messages), **more)  # type: ignore[arg-type]


def _user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def _tool(content: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": "1", "content": json.dumps(content)}


def test_a_question_about_an_order_becomes_a_query(client: openai.OpenAI) -> None:
    """The tool call carries the number from the question; model, reason and usage are those of OpenAI."""
    completion = _chat(client, _user("Where is order 1029?"), tools=DEFINITIONS)
    (choice,) = completion.choices
    (call,) = choice.message.tool_calls
    assert (choice.finish_reason, choice.message.content, call.function.name) == (
        "tool_calls",
        None,
        "query_shop",
    )
    assert "id = 1029" in json.loads(call.function.arguments)["sql"]
    assert completion.model == "gpt-5-2025-08-07"
    assert (
        completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens
    )


def test_it_goes_on_from_what_the_tool_returned(client: openai.OpenAI) -> None:
    """An error of the database is mended, rows and sections of the help become the answer."""
    question = _user("Where is order 1029?")
    mended = _chat(client, question, _tool({"error": "no such column: x"}), tools=DEFINITIONS)
    sql = json.loads(mended.choices[0].message.tool_calls[0].function.arguments)["sql"]
    assert sql == "SELECT * FROM orders WHERE id = 1029"
    row = {"id": 1029, "product": "Bookend", "state": "shipped", "carrier": "X", "expected_on": "2026-02-10"}
    answered = _chat(client, question, _tool([row]), tools=DEFINITIONS)
    assert answered.choices[0].finish_reason == "stop"
    assert answered.choices[0].message.content.startswith("Your order 1029 (Bookend) is shipped with X.")


def test_requests_fail_by_script(client: openai.OpenAI) -> None:
    """The third and the fourth request fail as told, with errors that the client knows."""
    for _ in range(2):
        _chat(client, _user("Hello"))
    with pytest.raises(openai.RateLimitError) as limited:
        _chat(client, _user("Hello"))
    assert limited.value.code == "rate_limit_exceeded"
    with pytest.raises(openai.InternalServerError):
        _chat(client, _user("Hello"))
    assert _chat(client, _user("Hello")).choices[0].message.content == "I have no way to look that up."


def test_a_longer_prompt_finds_its_beginning_in_the_cache(client: openai.OpenAI) -> None:
    """Cached tokens are whole blocks of what the same model has seen before."""
    system = {"role": "system", "content": "x" * 1_000}
    first = _chat(client, system, _user("Hello"))
    second = _chat(client, system, _user("Hello again"))
    assert first.usage.prompt_tokens_details.cached_tokens == 0
    assert second.usage.prompt_tokens_details.cached_tokens == 256


def test_models_keys_and_paths_are_checked(client: openai.OpenAI) -> None:
    """Unknown models and paths are 404, a missing key is 401, known models are listed."""
    assert [model.id for model in client.models.list()] == ["gpt-5", "gpt-5-mini"]
    with pytest.raises(openai.NotFoundError, match="no such model"):
        _chat(client, _user("Hello"), model="gpt-2")
    with pytest.raises(openai.NotFoundError):
        client.embeddings.create(model="gpt-5", input="x")
    with pytest.raises(openai.AuthenticationError):
        _chat(client, _user("Hello"), extra_headers={"Authorization": "none"})


def test_it_leaves_nothing_running() -> None:
    """After the block nobody listens and no thread is left."""
    before = threading.active_count()
    with ScriptedOpenAI() as scripted:
        port = int(scripted.base_url.rpartition(":")[2].removesuffix("/v1"))
    assert threading.active_count() == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=10)
