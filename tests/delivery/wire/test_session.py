"""What an HTTP session of ours takes from its surroundings: nothing but what it was asked to."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
import requests

from contextcompany.delivery.wire.outcomes import Outcome, Verdict
from tests.loopback import Answer, LoopbackServer

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from pathlib import Path
from tests.delivery.wire.posting import BODY, SECRET, TIMEOUT, PostedServer, posted, transport


def test_a_redirect_is_not_read_to_its_end() -> None:
    """A redirect with an endless body costs neither time nor memory."""

    def answer(connection: socket.socket) -> None:
        connection.recv(65_536)
        with suppress(OSError):
            connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n")
            while True:
                connection.sendall(b"x" * 65_536)

    with PostedServer(answer) as server:
        began = time.monotonic()
        assert server.posted().verdict is Verdict.STAYS
        assert time.monotonic() - began < TIMEOUT / 2


PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackServer]:
    """Run a proxy that the environment names, with a password."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with LoopbackServer() as server:
        for name in PROXY_VARIABLES:
            monkeypatch.setenv(name, server.url.replace("//", "//joe:pw@"))
        yield server


@pytest.mark.usefixtures("names_of_this_machine")
def test_proxies_are_used_when_asked(proxy: LoopbackServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked to, a transport takes the proxy of the environment, unless NO_PROXY excepts the host."""
    url = "http://collector.example:4318/v1/traces"
    sender = transport(url, proxies=True, allow_insecure=True)
    assert sender.post(BODY, timeout=TIMEOUT) == Outcome(Verdict.DELIVERED)
    sender.close()
    (request,) = proxy.requests
    assert request.path == url
    assert request.headers["authorization"] == f"Bearer {SECRET}"
    assert request.headers["proxy-authorization"].startswith("Basic ")
    monkeypatch.setenv("NO_PROXY", "collector.example")
    monkeypatch.setenv("no_proxy", "collector.example")
    with LoopbackServer() as server:
        sender = transport(
            f"http://collector.example:{server.port}/v1/traces", proxies=True, allow_insecure=True
        )
        assert sender.post(BODY, timeout=TIMEOUT) == Outcome(Verdict.DELIVERED)
        sender.close()
        assert len(server.requests) == 1
    assert len(proxy.requests) == 1


def test_this_machine_is_reached_without_a_proxy(proxy: LoopbackServer) -> None:
    """What goes to loopback takes no proxy: a key may travel there in clear text because it stays here."""
    with LoopbackServer() as server:
        sender = transport(f"{server.url}/v1/traces", proxies=True)
        assert sender.post(BODY, timeout=TIMEOUT) == Outcome(Verdict.DELIVERED)
        sender.close()
    assert proxy.requests == []


def test_netrc_is_not_read_with_proxies_either(
    proxy: LoopbackServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Asking for proxies does not ask for the passwords of `.netrc`."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login joe password from-netrc\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    sender = transport("http://collector.example:4318/v1/traces", proxies=True, key=None)
    sender.post(BODY, timeout=TIMEOUT)
    sender.close()
    assert "authorization" not in proxy.requests[0].headers


@pytest.mark.usefixtures("names_of_this_machine")
def test_a_slow_proxy_is_left_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time limit holds for what a proxy says before the request, too."""
    with LoopbackServer(Answer(pace=0.03, headers=(("X-Long", "x" * 100),))) as server:
        for name in PROXY_VARIABLES:
            monkeypatch.setenv(name, server.url)
        sender = transport("https://collector.example/v1/traces", proxies=True)
        began = time.monotonic()
        assert sender.post(BODY, timeout=0.4).verdict is Verdict.LATER
        assert time.monotonic() - began < 1.5
        sender.close()


def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTP_PROXY and its kin see no span and no key, while other clients of the process use them."""
    with LoopbackServer() as proxy, LoopbackServer() as server:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        requests.get(f"{server.url}/other", timeout=TIMEOUT).close()
        assert [request.path for request in proxy.requests] == [f"{server.url}/other"]
        assert posted(server).verdict is Verdict.DELIVERED
        assert [request.path for request in server.requests] == ["/v1/traces"]
        assert len(proxy.requests) == 1


def test_netrc_does_not_replace_the_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Credentials of `.netrc` for the same host are not sent, with a key of ours or without one."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login joe password from-netrc\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with LoopbackServer() as server:
        requests.get(f"{server.url}/other", timeout=TIMEOUT).close()
        assert server.requests[0].headers["authorization"].startswith("Basic ")
        posted(server)
        assert server.requests[1].headers["authorization"] == f"Bearer {SECRET}"
        keyless = transport(f"{server.url}/v1/traces", key=None)
        keyless.post(BODY, timeout=TIMEOUT)
        keyless.close()
        assert "authorization" not in server.requests[2].headers


def test_cookies_are_not_kept() -> None:
    """A cookie that a collector sets does not come back to it."""
    with LoopbackServer(Answer(headers=(("Set-Cookie", "session=1; Path=/"),))) as server:
        sender = transport(f"{server.url}/v1/traces")
        for _ in range(2):
            sender.post(BODY, timeout=TIMEOUT)
        sender.close()
        assert "cookie" not in server.requests[1].headers
