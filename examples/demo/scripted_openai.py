"""A small server that speaks OpenAI's chat completions, for a demo without a key and without the network.

It is no model, but it does answer from the conversation: it looks for order numbers in the question, writes
SQL, mends SQL that failed, and puts what the tools returned, rows or help pages, into its answers.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

MODELS = {"gpt-5": "gpt-5-2025-08-07", "gpt-5-mini": "gpt-5-mini-2025-08-07"}
"""What may be asked for, and the version that answers."""

_ERRORS = {
    401: ("invalid_request_error", "invalid_api_key", "You did not send an API key."),
    404: ("invalid_request_error", "model_not_found", "There is no such model here."),
    429: (
        "rate_limit_error",
        "rate_limit_exceeded",
        "Too many requests at the moment, try again in a second.",
    ),
    500: ("server_error", None, "The server had an error while it processed your request."),
}
_ORDER_NUMBER = re.compile(r"\b(\d{4})\b")
_CHARACTERS_PER_TOKEN = 4
# Prompts are cached in blocks of so many tokens, as at the real one.
_CACHE_BLOCK = 64


class ScriptedOpenAI:
    """Serve `/v1/chat/completions` and `/v1/models` on a free port of 127.0.0.1 while the block lasts.

    Args:
        failures: Which requests fail: the number of the chat request, from 1, to the HTTP status.
        seconds: How long the model thinks.
    """

    def __init__(self, failures: Mapping[int, int] | None = None, *, seconds: float = 0.02) -> None:
        self._failures = dict(failures or {})
        self._seconds = seconds
        self._lock = threading.Lock()
        self._asked = 0
        self._prompts: defaultdict[str, list[str]] = defaultdict(list)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def base_url(self) -> str:
        """The URL for the client's `base_url`."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def complete(self, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Answer one chat request with a status and a body."""
        prompt = json.dumps(request["messages"])
        with self._lock:
            self._asked += 1
            number = self._asked
            earlier = list(self._prompts[request["model"]])
            self._prompts[request["model"]].append(prompt)
        time.sleep(self._seconds)
        if number in self._failures:
            return failure(self._failures[number])
        if request["model"] not in MODELS:
            return failure(404)
        message = reply(request["messages"], offered(request), number)
        shared = max((_shared(prompt, one) for one in earlier), default=0)
        said = json.dumps(message["tool_calls"]) if "tool_calls" in message else message["content"]
        prompt_tokens, completion_tokens = _tokens(prompt), _tokens(said)
        return 200, {
            "id": f"chatcmpl-scripted-{number}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": MODELS[request["model"]],
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "refusal": None, "annotations": [], **message},
                    "logprobs": None,
                    "finish_reason": "tool_calls" if "tool_calls" in message else "stop",
                }
            ],
            "usage": {
                "prompt_tokens": prompt_tokens,
                "completion_tokens": completion_tokens,
                "total_tokens": prompt_tokens + completion_tokens,
                "prompt_tokens_details": {
                    "cached_tokens": shared // _CHARACTERS_PER_TOKEN // _CACHE_BLOCK * _CACHE_BLOCK,
                    "audio_tokens": 0,
                },
                "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
            },
            "service_tier": "default",
            "system_fingerprint": None,
        }


def offered(request: dict[str, Any]) -> set[str]:
    """Name the tools that a request offers."""
    return {tool["function"]["name"] for tool in request.get("tools") or ()}


def failure(status: int) -> tuple[int, dict[str, Any]]:
    """Build an error as OpenAI writes it."""
    kind, code, message = _ERRORS.get(status, ("server_error", None, "Something went wrong."))
    return status, {"error": {"message": message, "type": kind, "param": None, "code": code}}


def reply(messages: list[dict[str, Any]], tools: set[str], number: int) -> dict[str, Any]:
    """Write the next message of a conversation: a tool call, or an answer from what the tools returned."""
    question = next(m["content"] for m in reversed(messages) if m["role"] == "user")
    last = messages[-1]
    if last["role"] == "tool":
        result = json.loads(last["content"])
        if isinstance(result, dict) and "error" in result:
            return _mend(question, str(result["error"]), number)
        return {"content": _answer(result)}
    order = _ORDER_NUMBER.search(question)
    if order and "query_shop" in tools:
        # A good guess at a database that it has not seen, and wrong.
        sql = f"SELECT id, product, state, delivery_date FROM orders WHERE id = {order[1]}"
        return _tool_call("query_shop", {"sql": sql}, number)
    if "search_help" in tools:
        return _tool_call("search_help", {"query": question}, number)
    return {"content": "I have no way to look that up."}


def _mend(question: str, error: str, number: int) -> dict[str, Any]:
    order = _ORDER_NUMBER.search(question)
    if order and "no such column" in error:
        return _tool_call("query_shop", {"sql": f"SELECT * FROM orders WHERE id = {order[1]}"}, number)
    return {"content": f"I am sorry, looking that up did not work: {error}."}


def _answer(result: list[dict[str, Any]]) -> str:
    if not result:
        return "I found nothing about that."
    first = result[0]
    if "text" in first:
        return (
            f"Yes. {first['text']} You find this on our page “{first['page']}”, under “{first['heading']}”."
        )
    return (
        f"Your order {first['id']} ({first['product']}) is {first['state']} with {first['carrier']}. "
        f"It was expected on {first['expected_on']}, so it is late. I am sorry about that."
    )


def _tool_call(name: str, arguments: dict[str, Any], number: int) -> dict[str, Any]:
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {
        "content": None,
        "tool_calls": [{"id": f"call_scripted_{number}", "type": "function", "function": function}],
    }


def _shared(one: str, other: str) -> int:
    """Count the characters that two texts begin with together."""
    differing = (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    return next(differing, min(len(one), len(other)))


def _tokens(text: str) -> int:
    return max(1, len(text) // _CHARACTERS_PER_TOKEN)


def _handler_of(scripted: ScriptedOpenAI) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != "/v1/models":
                self._answer(*failure(404))
                return
            models = [{"id": name, "object": "model", "created": 0, "owned_by": "openai"} for name in MODELS]
            self._answer(200, {"object": "list", "data": models})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path != "/v1/chat/completions":
                self._answer(*failure(404))
            elif not self.headers.get("Authorization", "").startswith("Bearer "):
                self._answer(*failure(401))
            else:
                self._answer(*scripted.complete(json.loads(body)))

        def _answer(self, status: int, body: dict[str, Any]) -> None:
            encoded = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(encoded)))
            self.end_headers()
            self.wfile.write(encoded)

        def log_message(self, *args: object) -> None:
            """Stay silent: the demo prints what matters."""

    return Handler
