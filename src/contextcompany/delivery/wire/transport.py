"""One HTTP request to a collector, and its true outcome.

The session is ours: no proxies or `.netrc` from the environment, no redirects, and only the
headers that belong to the destination, whatever other libraries put into requests.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final, cast

import requests
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from contextcompany.delivery.wire.sockets import Sockets, uninstrumented
from contextcompany.semconv.local import LOCAL_COLLECTOR_SERVICE
from contextcompany.settings.destination import is_loopback

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

    from contextcompany.settings.destination import Destination

# The list of the OTLP specification, https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes.
_RETRYABLE: Final = frozenset({429, 502, 503, 504})
_MOST_ANSWER_BYTES: Final = 4 << 20
_GZIP_LEVEL: Final = 1
_CONNECT_SECONDS: Final = 5.0
_OK: Final = 200
_REDIRECT: Final = 300

_OWN_HEADERS: Final = frozenset(
    {"host", "content-type", "content-encoding", "content-length", "user-agent", "accept", "connection"}
)


class Verdict(Enum):
    """What an answer means for the spans of a request."""

    DELIVERED = "delivered"
    LATER = "try again later"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one request.

    Attributes:
        verdict: delivered, again later, or rejected for good.
        reason: plain words for a person; empty when all went well. Never content or keys.
        refused_spans: how many spans a collector that accepted the request refused.
    """

    verdict: Verdict
    reason: str = ""
    refused_spans: int = 0


class _AllowListAdapter(HTTPAdapter):
    """Send nothing but our own headers: instrumentations of HTTP clients add theirs before us."""

    def __init__(self, allowed: frozenset[str], sockets: Sockets) -> None:
        self._allowed = allowed
        super().__init__(pool_connections=1, pool_maxsize=4, max_retries=0)
        sockets.watch(self.poolmanager)

    def send(self, request: PreparedRequest, *args: object, **kwargs: object) -> Response:
        for name in list(request.headers):
            if name.lower() not in self._allowed:
                del request.headers[name]
        return super().send(request, *args, **kwargs)  # type: ignore[arg-type]


class Transport:
    """Post encoded spans to one destination."""

    def __init__(self, destination: Destination, *, user_agent: str) -> None:
        self._destination = destination
        self._user_agent = user_agent
        self._compress = not is_loopback(destination.url)
        self._sockets = Sockets()
        self._session = self._new_session()

    def renew(self) -> None:
        """Take a fresh socket, after a fork: the old one belongs to the parent process."""
        self._sockets.close()
        self._sockets = Sockets()
        self._session = self._new_session()

    def close(self) -> None:
        """Close the connections."""
        # The client closes its connections by finalizers, which no longer run while the process exits.
        self._sockets.close()
        self._session.close()

    def post(self, body: bytes, *, timeout: float) -> Outcome:
        """Send one encoded request.

        Args:
            body: an `ExportTraceServiceRequest` in protobuf.
            timeout: seconds for the whole request.
        """
        headers = {"content-type": "application/x-protobuf"}
        if self._compress:
            body = gzip.compress(body, _GZIP_LEVEL)
            headers["content-encoding"] = "gzip"
        shown = self._destination.shown
        try:
            with uninstrumented(), self._sockets.deadline(timeout):
                response = self._session.post(
                    self._destination.url,
                    data=body,
                    headers=headers,
                    timeout=(min(timeout, _CONNECT_SECONDS), timeout),
                    allow_redirects=False,
                    stream=True,
                )
                with response:
                    return _judge(response, shown)
        except (requests.RequestException, HTTPError) as error:
            return Outcome(Verdict.LATER, f"no answer from {shown} ({type(error).__name__})")

    def identifies_itself(self, *, timeout: float = 0.5) -> bool:
        """Return whether what answers at the destination is the local collector of this package."""
        health = self._destination.url.removesuffix("/v1/traces") + "/healthz"
        try:
            with uninstrumented(), self._sockets.deadline(timeout):
                response = self._session.get(health, timeout=timeout, allow_redirects=False, stream=True)
                with response:
                    answer: object = json.loads(_body(response))
        except (requests.RequestException, HTTPError, ValueError, RecursionError):
            return False
        named = cast("dict[str, object]", answer) if isinstance(answer, dict) else {}
        return named.get("service") == LOCAL_COLLECTOR_SERVICE

    def _new_session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        own = self._destination.wire_headers()
        session.headers.clear()
        session.headers.update({"user-agent": self._user_agent, **own})
        adapter = _AllowListAdapter(_OWN_HEADERS | own.keys(), self._sockets)
        session.mount("http://", adapter)
        session.mount("https://", adapter)
        return session


def _judge(response: Response, url: str) -> Outcome:
    status = response.status_code
    if _OK <= status < _REDIRECT:
        if response.headers.get("content-type", "").startswith("text/html"):
            return Outcome(
                Verdict.LATER, f"{url} answers with a web page, it is no OTLP endpoint: check TCC_URL"
            )
        return _accepted(response, url)
    if status in _RETRYABLE:
        return Outcome(Verdict.LATER, f"{url} answered {status}")
    return Outcome(Verdict.REJECTED, _refusal(status, url))


def _refusal(status: int, url: str) -> str:
    if status in (401, 403):
        return f"the key was refused by {url} ({status}): check api_key or TCC_API_KEY"
    if status in (404, 405):
        return f"no OTLP endpoint at {url} ({status}): check TCC_URL"
    if status < 400:  # noqa: PLR2004  (the redirects of HTTP)
        return f"{url} redirects ({status}) and is not followed: set TCC_URL to the final URL"
    return f"{url} answered {status}"


def _accepted(response: Response, url: str) -> Outcome:
    try:
        body = _body(response)
        if "json" in response.headers.get("content-type", ""):
            answer: object = json.loads(body or b"{}")
            partial = (
                cast("dict[str, object]", answer).get("partialSuccess") if isinstance(answer, dict) else None
            )
            count = (
                cast("dict[str, object]", partial).get("rejectedSpans", 0) if isinstance(partial, dict) else 0
            )
            refused = int(cast("str | int", count))
        else:
            refused = ExportTraceServiceResponse.FromString(body).partial_success.rejected_spans
    except (DecodeError, HTTPError, ValueError, TypeError, OverflowError, RecursionError):
        refused = 0  # an answer that is no OTLP answer says nothing against the spans
    if refused > 0:
        return Outcome(Verdict.DELIVERED, f"{url} refused {refused} spans of a request", refused)
    return Outcome(Verdict.DELIVERED)


def _body(response: Response) -> bytes:
    return response.raw.read(_MOST_ANSWER_BYTES, decode_content=True) or b""
