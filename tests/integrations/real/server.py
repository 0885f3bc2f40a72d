"""A server that speaks OpenAI's chat completions: plain, streamed, with a tool call, and with an error."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

USAGE = {
    "prompt_tokens": 19,
    "completion_tokens": 7,
    "total_tokens": 26,
    "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 3, "audio_tokens": 0},
}
MODEL = "gpt-5-2025-08-07"
CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "search", "arguments": '{"query": "order"}'},
}


class ScriptedServer:
    """Answer by the last word of what the user says: `stream`, `tool`, `fail`, or anything else.

    Attributes:
        traceparents: what the requests carried, in their order.
    """

    def __init__(self) -> None:
        self.traceparents: list[str | None] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        """Return the base URL for the client."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(20)

    def answer(self, request: dict[str, Any], traceparent: str | None) -> tuple[int, str, bytes]:
        """Return status, type and body."""
        self.traceparents.append(traceparent)
        number = len(self.traceparents)
        word = request["messages"][-1]["content"].split()[-1]
        if word == "fail":
            error = {"message": "The server is overloaded.", "type": "server_error", "code": None}
            return 500, "application/json", json.dumps({"error": error}).encode()
        if request.get("stream"):
            return 200, "text/event-stream", _stream(number)
        message: dict[str, Any] = {"role": "assistant", "content": f"answer {number}"}
        reason = "stop"
        if word == "tool":
            message, reason = {"role": "assistant", "content": None, "tool_calls": [CALL]}, "tool_calls"
        choice = {"index": 0, "message": message, "finish_reason": reason, "logprobs": None}
        body = {**_head(number, "chat.completion"), "choices": [choice], "usage": USAGE}
        return 200, "application/json", json.dumps(body).encode()


def _head(number: int, kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{number}", "object": kind, "created": 1_700_000_000, "model": MODEL}


def _stream(number: int) -> bytes:
    events: list[dict[str, Any]] = [
        {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {"content": "streamed "}, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {"content": f"answer {number}"}, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {"choices": [], "usage": USAGE},
    ]
    head = _head(number, "chat.completion.chunk")
    lines = [f"data: {json.dumps({**head, **event})}\n\n" for event in events]
    return "".join([*lines, "data: [DONE]\n\n"]).encode()


def _handler_of(scripted: ScriptedServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, kind, answer = scripted.answer(json.loads(body), self.headers.get("traceparent"))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (named by its base)
            """Say nothing."""

    return Handler
