"""Fixtures for the wire."""

from __future__ import annotations

import socket
from typing import Any

import pytest


@pytest.fixture
def names_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every host name lead to loopback, as a name server of the test's own would."""
    ask = socket.getaddrinfo

    def answer(host: Any, *args: Any, **kwargs: Any) -> Any:
        return ask("127.0.0.1" if host in {"collector.example", "localhost"} else host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", answer)
