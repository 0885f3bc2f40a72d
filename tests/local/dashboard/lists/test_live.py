"""The stream of changes."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection, HTTPResponse
from typing import TYPE_CHECKING

import pytest

from contextcompany.local.dashboard.lists.live import is_change
from tests.local.dashboard.pages import agent_run
from tests.local.served import Served, served

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path


@pytest.fixture
def shown(tmp_path: Path) -> Generator[Served]:
    """Serve an empty store."""
    with served(tmp_path) as found:
        yield found


@contextmanager
def _stream(shown: Served, **headers: str) -> Generator[HTTPResponse]:
    connection = HTTPConnection("127.0.0.1", shown.server.port, timeout=10)
    try:
        connection.request("GET", "/live", headers={"Host": f"localhost:{shown.server.port}", **headers})
        yield connection.getresponse()
    finally:
        connection.close()


def _event(response: HTTPResponse) -> dict[str, str]:
    lines = iter(lambda: response.readline().decode().rstrip("\n"), "")
    found = dict(line.split(": ", 1) for line in lines if not line.startswith(":"))
    return found if "event" in found else _event(response)


def test_a_change_is_told_at_once(shown: Served) -> None:
    """An open page is told where things stand, and then of each change, within a moment."""
    with _stream(shown) as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        assert _event(response) == {"id": "0", "event": "here", "data": "0"}
        begun = time.monotonic()
        shown.store.add(agent_run("r-1"))
        told = _event(response)
        assert time.monotonic() - begun < 2
        assert told["event"] == "change"
        assert int(told["data"]) <= shown.store.last_change()


def test_a_page_that_comes_back_hears_what_it_missed(shown: Served) -> None:
    """A stream that broke goes on with the changes since."""
    shown.store.add(agent_run("r-1"))
    with _stream(shown, **{"Last-Event-ID": "0"}) as response:
        assert _event(response)["event"] == "here"
        assert _event(response) == {
            "id": str(shown.store.last_change()),
            "event": "change",
            "data": str(shown.store.last_change()),
        }


def test_open_pages_hold_up_neither_answers_nor_the_end(tmp_path: Path) -> None:
    """With all pages open that there may be, answers come, one more page is refused, and the end is quick."""
    with served(tmp_path) as shown:
        streams = [_stream(shown) for _ in range(64)]
        for stream in streams:
            _event(stream.__enter__())
        begun = time.monotonic()
        assert shown.ask("/runs").status == 200
        assert time.monotonic() - begun < 2
        assert shown.ask("/live").status == 503
        begun = time.monotonic()
    assert time.monotonic() - begun < 4
    for stream in streams:
        stream.__exit__(None, None, None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0", True), ("12", True), ("", False), ("-1", False), ("٣", False), ("9" * 19, False)],
)
def test_a_change_number_is_a_short_row_of_digits(text: str, expected: bool) -> None:
    """Numbers that no store counts to are none."""
    assert is_change(text) is expected


def test_no_more_pages_are_live_than_there_are_places(shown: Served) -> None:
    """However many ask in the same moment, each is counted as it asks, and leaves its place when it goes."""
    ask = f"GET /live HTTP/1.1\r\nHost: localhost:{shown.server.port}\r\n\r\n".encode()
    with ExitStack() as opened:
        held = [
            opened.enter_context(socket.create_connection(("127.0.0.1", shown.server.port), timeout=20))
            for _ in range(100)
        ]
        for one in held:
            one.sendall(ask)
        answers = [one.recv(12)[-3:] for one in held]
    assert answers.count(b"200") == 64
    assert answers.count(b"503") == 36
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with _stream(shown) as response:
            if response.status == 200:
                return
    pytest.fail("no place became free")
