"""Any text is one segment of a path."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from contextcompany.local.paths import SegmentPaths, segment, segment_text

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Message

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1) | st.text("~./%\\?#\n\0", min_size=1)


def _answer(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"{request.url.path.count('/')}|{request.path_params['name']}")


_app = SegmentPaths(
    Starlette(
        routes=[Route("/runs/{name:segment}", _answer), Route("/runs/{name:segment}/spans", _answer)],
    )
)


def _ask(raw_path: str) -> str:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        # As servers give it: decoded, and as it came.
        "path": unquote(raw_path),
        "raw_path": raw_path.encode("ascii"),
        "query_string": b"",
        "headers": [],
        "server": ("localhost", 80),
        "scheme": "http",
    }
    asyncio.run(_app(scope, receive, send))
    assert sent[0]["status"] == 200
    return bytes(sent[1]["body"]).decode("utf-8")


@given(TEXTS)
def test_a_segment_reads_back_as_it_was(text: str) -> None:
    """Whatever an id holds, the text of its segment is that id, and the segment is plain ASCII."""
    written = segment(text)
    assert segment_text(written) == text
    assert written.isascii()
    assert not set(written) & set("/?#\\ ")


@given(TEXTS)
def test_no_browser_resolves_a_segment(text: str) -> None:
    """A link to a run leads to that run: its segment is never taken for a step up the path."""
    target = f"/runs/{segment(text)}/spans"
    assert urlsplit(urljoin("http://localhost/", target)).path == target
    assert unquote(segment(text)) not in {".", ".."}


@pytest.mark.parametrize(
    "text", ["r-1", "a/b", "a%2Fb", "%", "..", ".", "~.", "x/spans", "ü 👋", "a\nb", "\0", "?x=1#y", "spans"]
)
def test_a_route_gets_the_text_whatever_it_holds(text: str) -> None:
    """An id with slashes reaches the route for one id, and not the one of a longer path."""
    assert _ask(f"/runs/{segment(text)}").partition("|")[2] == text
    assert _ask(f"/runs/{segment(text)}/spans").partition("|")[2] == text


def test_two_ids_never_share_an_address() -> None:
    """Dots that are escaped and texts that look so stay apart."""
    texts = [".", "..", "~.", "~..", "~~.", "%2E", "%2E%2E", "~%2E", "...", "~..."]
    assert len({segment(text) for text in texts}) == len(texts)
