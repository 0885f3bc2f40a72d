"""What keeps requests from the destination."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import trustme

from contextcompany.cli.doctor.reaching import is_local, origin_url, reach
from contextcompany.local.embedded.collector import Collector
from contextcompany.settings.settings import load
from tests.loopback import LoopbackServer

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path


def told(url: str | None, **more: object) -> list[tuple[str, str, str]]:
    """Return state, text and advice of each finding."""
    arguments = {} if url is None else {"tcc_url": url}
    return [(one.state, one.text, one.advice) for one in reach(load(**arguments, **more))]  # type: ignore[arg-type]


def test_the_local_collector_is_recognised() -> None:
    """It is reached, and it is the one that has a dashboard."""
    with Collector() as collector:
        settings = load(tcc_url=collector.url)
        found = reach(settings)
        assert [one.state for one in found] == ["ok", "ok"]
        assert is_local(found)
        assert origin_url(settings) == collector.url


def test_another_collector_is_no_problem() -> None:
    """It was named, so it gets what is sent."""
    with LoopbackServer() as server:
        (_, (state, text, _)) = told(server.url)
        assert (state, text.partition(" is ")[2]) == ("note", "another server than tcc serve")


def test_nobody_listens() -> None:
    """The line says what to start or to name."""
    with Collector() as collector:
        pass
    ((state, text, advice),) = told(collector.url)
    assert (state, text) == ("problem", f"nothing answers at {collector.url[7:]}: connection refused")
    assert advice == "start tcc serve, or name a collector with TCC_URL"


def test_a_name_that_nobody_knows() -> None:
    """The name may be misspelt; names are looked up before anything is sent."""
    ((state, text, advice),) = told("https://collector.invalid./")
    assert (state, text) == ("problem", "the name collector.invalid. is not known")
    assert "URL" in advice


def test_proxies_stand_in_between() -> None:
    """Where requests go through a proxy, nothing is tried past it."""
    assert told("https://collector.invalid", proxies=True) == [
        ("note", "collector.invalid:443 is asked through the proxies that the environment names", "")
    ]


@contextmanager
def tls_server(context: ssl.SSLContext) -> Generator[int]:
    """Shake hands with one client."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            try:
                context.wrap_socket(connection, server_side=True).close()
            except OSError:
                connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(20)


@pytest.mark.parametrize("is_trusted", [True, False])
def test_certificates(tmp_path: Path, is_trusted: bool) -> None:
    """One of an unknown authority is a problem that can be solved, and says how."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    bundle = tmp_path / "authority.pem"
    (authority if is_trusted else trustme.CA()).cert_pem.write_to_path(bundle)
    with tls_server(context) as port:
        found = told(f"https://127.0.0.1:{port}", ca_bundle=str(bundle))
    if is_trusted:
        assert found[1][:2] == ("ok", "the certificate of 127.0.0.1 is trusted (TLSv1.3)")
    else:
        assert found[-1][0] == "problem"
        assert found[-1][1].startswith("the certificate of 127.0.0.1 is not trusted: ")
        assert "TCC_CA_BUNDLE" in found[-1][2]


def test_a_server_without_tls() -> None:
    """The scheme is wrong, or the port."""
    with LoopbackServer() as server:
        found = told(server.url.replace("http:", "https:"))
    assert found[-1][0] == "problem"
    assert found[-1][1].startswith("no secure connection with 127.0.0.1: ")
