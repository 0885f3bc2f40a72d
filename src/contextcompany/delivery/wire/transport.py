"""One HTTP request to a collector, and its true outcome."""

from __future__ import annotations

import gzip
import json
import time
import zlib
from typing import TYPE_CHECKING, Final, cast

import requests
from urllib3.exceptions import HTTPError

from contextcompany.delivery.wire.answers import garbage, judge
from contextcompany.delivery.wire.connections import CONNECT_SECONDS, Connections
from contextcompany.delivery.wire.failures import failed
from contextcompany.delivery.wire.session import new_session, uninstrumented
from contextcompany.semconv.local import LOCAL_COLLECTOR_SERVICE
from contextcompany.settings.destination import is_loopback

if TYPE_CHECKING:
    from requests import Response

    from contextcompany.delivery.wire.outcomes import Outcome
    from contextcompany.delivery.wire.sockets import Exchange
    from contextcompany.settings.destination import Destination

_MOST_ANSWER_BYTES: Final = 4 << 20
_PART_BYTES: Final = 64 << 10
_GZIP_LEVEL: Final = 1
_OK: Final = 200
_REDIRECT: Final = 300
_REFUSAL_SECONDS: Final = 0.2


class Transport:
    """Post encoded spans to one destination.

    Args:
        destination: where, and with which key and headers.
        user_agent: the User-Agent header.
        use_environment_proxies: whether `HTTPS_PROXY`, `NO_PROXY` and their kin count; `.netrc` never does.
        ca_bundle: a file or folder of certificates to trust instead of the usual ones.
    """

    def __init__(
        self,
        destination: Destination,
        *,
        user_agent: str,
        use_environment_proxies: bool = False,
        ca_bundle: str | None = None,
    ) -> None:
        self._destination = destination
        self._user_agent = user_agent
        self._use_environment_proxies = use_environment_proxies
        self._ca_bundle = ca_bundle
        self._compress = not is_loopback(destination.url)
        self._connect()

    def renew(self) -> None:
        """Take a fresh socket, after a fork: the old one belongs to the parent process."""
        self._connections.abandon()
        self._connect()

    def close(self) -> None:
        """Close the connections; a request under way in another thread ends at once."""
        self._connections.close()
        self._session.close()

    def post(self, body: bytes, *, timeout: float) -> Outcome:
        """Send one encoded request.

        A connection that turns out to be closed by the other side is replaced once, if no byte of an
        answer came over it.

        Args:
            body: an `ExportTraceServiceRequest` in protobuf.
            timeout: seconds for the whole request; only asking for the addresses of a host comes on top.
        """
        headers = {"content-type": "application/x-protobuf"}
        if self._compress:
            body = gzip.compress(body, _GZIP_LEVEL)
            headers["content-encoding"] = "gzip"
        connections = self._connections
        with uninstrumented(), connections.exchange(timeout) as exchange:
            try:
                try:
                    return self._exchanged(body, headers, timeout, exchange)
                except requests.ConnectionError:
                    # In a forked child a greenlet may find itself here: the request is the parent's.
                    if not exchange.may_be_repeated or connections is not self._connections:
                        raise
                    return self._exchanged(body, headers, timeout, exchange)
            except (requests.RequestException, HTTPError) as error:
                return failed(error, self._destination.shown)

    def identifies_itself(self, *, timeout: float = 0.5) -> bool:
        """Return whether what answers at the destination is the local collector of this package."""
        health = self._destination.url.removesuffix("/v1/traces") + "/healthz"
        try:
            with uninstrumented(), self._connections.exchange(timeout):
                response = self._session.get(health, timeout=timeout, allow_redirects=False, stream=True)
                with response:
                    answer: object = json.loads(_body(response) or b"")
        except (requests.RequestException, HTTPError, zlib.error, ValueError, RecursionError):
            return False
        named = cast("dict[str, object]", answer) if isinstance(answer, dict) else {}
        return named.get("service") == LOCAL_COLLECTOR_SERVICE

    def _connect(self) -> None:
        self._connections = Connections()
        self._session = new_session(
            self._destination,
            self._connections,
            user_agent=self._user_agent,
            use_environment_proxies=self._use_environment_proxies,
            ca_bundle=self._ca_bundle,
        )

    def _exchanged(self, body: bytes, headers: dict[str, str], timeout: float, exchange: Exchange) -> Outcome:
        response = self._session.post(
            self._destination.url,
            data=body,
            headers=headers,
            timeout=(min(timeout, CONNECT_SECONDS), timeout),
            allow_redirects=False,
            stream=True,
        )
        shown = self._destination.shown
        with response:
            if _OK <= response.status_code < _REDIRECT:
                try:
                    answer = _body(response)
                except zlib.error:
                    return garbage(shown)
            else:
                answer = None
                _drain(response, exchange)
            return judge(response.status_code, response.headers, answer, shown, time.time())


def _body(response: Response) -> bytes | None:
    """Read a body, decoded; None if it is too long either way.

    Not decoded by the client: some versions decode all that they have read at once, whatever its size.
    """
    received = bytearray()
    while part := response.raw.read(_PART_BYTES, decode_content=False):
        received += part
        if len(received) > _MOST_ANSWER_BYTES:
            return None
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("", "identity") or not received:
        return bytes(received)
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise zlib.error(f"an encoding that was not asked for: {encoding}")
    decoder = zlib.decompressobj(zlib.MAX_WBITS | 32)
    decoded = decoder.decompress(received, _MOST_ANSWER_BYTES + 1)
    if len(decoded) > _MOST_ANSWER_BYTES:
        return None
    if not decoder.eof:
        raise zlib.error("the encoded body ends early")
    return decoded


def _drain(response: Response, exchange: Exchange) -> None:
    """Read a short body away, so that the connection can be used again."""
    exchange.hurry(_REFUSAL_SECONDS)
    try:
        response.raw.read(_PART_BYTES, decode_content=False)
    except HTTPError:
        return  # the connection is closed then, and the status is known
