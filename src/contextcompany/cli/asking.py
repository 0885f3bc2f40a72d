"""Ask a server on this machine, in plain HTTP and within bounds."""

from __future__ import annotations

import http.client
import json
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import urlsplit

from contextcompany.semconv.local import LOCAL_COLLECTOR_SERVICE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_SECONDS: Final = 3.0
_MOST_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered."""

    status: int
    body: bytes

    def fields(self) -> Mapping[str, object]:
        """Return the members of the JSON object in the body; none where it is no such thing."""
        try:
            found: object = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return cast("dict[str, object]", found) if isinstance(found, dict) else {}


def ask(
    origin: str,
    path: str,
    *,
    method: str = "GET",
    body: Iterable[bytes] | None = None,
    headers: Mapping[str, str] | None = None,
    seconds: float = _SECONDS,
) -> Answer | None:
    """Send one request, past all proxies; None where nothing answers in HTTP.

    Args:
        origin: scheme, host and port.
        path: path and query.
        method: the method.
        body: sent in chunks.
        headers: further headers.
        seconds: how long each wait may take.

    Raises:
        OSError: an error of reading `body`.
    """
    parts = urlsplit(origin)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=seconds)
    with closing(connection):
        try:
            connection.connect()
        except OSError:
            return None
        try:
            connection.request(method, path, body, dict(headers or {}), encode_chunked=body is not None)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read(_MOST_BYTES))
        except (http.client.HTTPException, ConnectionError, TimeoutError):
            return None


def is_local_collector(origin: str) -> bool:
    """Tell whether what answers there identifies itself as the local collector of this package."""
    answer = ask(origin, "/healthz")
    return answer is not None and answer.fields().get("service") == LOCAL_COLLECTOR_SERVICE
