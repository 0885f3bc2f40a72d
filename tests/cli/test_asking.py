"""Plain questions to a server on this machine."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from contextcompany.cli.asking import Answer, ask, is_local_collector
from contextcompany.local.embedded.collector import Collector

if TYPE_CHECKING:
    import pytest


def test_a_collector_is_told_from_others() -> None:
    """What identifies itself is the local collector; where nothing answers, nothing is."""
    with Collector() as collector:
        assert is_local_collector(collector.url)
    assert not is_local_collector(collector.url)


def test_what_speaks_no_http_is_no_answer() -> None:
    """A program that takes connections and says nothing sensible is no collector."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        assert ask(url, "/healthz", seconds=0.05) is None


def test_proxies_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stays on this machine never leaves it by way of a proxy."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with Collector() as collector:
        assert ask(collector.url, "/nowhere") is not None


def test_a_body_that_is_no_json_object_has_no_fields() -> None:
    """Nor has one that nests too deep."""
    assert Answer(200, b'{"a": 1}').fields() == {"a": 1}
    for body in (b"<html>", b"[1]", b"[" * 100_000, b"\xff", b""):
        assert Answer(200, body).fields() == {}
