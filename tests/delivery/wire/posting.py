"""Transports to post with, and a server of raw bytes that can be posted to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from contextcompany.delivery.wire.transport import Transport
from contextcompany.settings.destination import Destination, Source
from tests.delivery.spans.whole import encode
from tests.delivery.wire.raw import RawServer
from tests.handmade import STEP, ended_span

if TYPE_CHECKING:
    from contextcompany.delivery.wire.outcomes import Outcome
    from tests.loopback import LoopbackServer

AGENT = "contextcompany-otel/1.2.3"
SECRET = "hunter22"
BODY = encode([ended_span("chat", STEP)]).body
TIMEOUT = 10.0


def transport(url: str, *, proxies: bool = False, **fields: Any) -> Transport:
    """Return a transport to a URL, with a key unless told otherwise."""
    destination = Destination(url, Source.OURS, **{"key": SECRET, **fields})
    return Transport(destination, user_agent=AGENT, use_environment_proxies=proxies)


def posted(server: LoopbackServer, *, path: str = "/v1/traces", timeout: float = TIMEOUT) -> Outcome:
    """Post one request to a server and close the connection."""
    sender = transport(server.url + path)
    try:
        return sender.post(BODY, timeout=timeout)
    finally:
        sender.close()


class PostedServer(RawServer):
    """A server of raw bytes that can be posted to."""

    def posted(self, body: bytes = BODY, *, timeout: float = TIMEOUT) -> Outcome:
        """Post one request and close the connection."""
        sender = transport(self.url)
        try:
            return sender.post(body, timeout=timeout)
        finally:
            sender.close()


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
