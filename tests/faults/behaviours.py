"""What a faulty collector does with one request, and whether it keeps the spans.

A collector keeps spans when it acknowledges them: with a whole answer of 2xx that an OTLP collector could
have given. What is cut, garbled or never answered was not kept: whoever takes it for delivered loses spans.
"""

from __future__ import annotations

import email.utils
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

POISON: Final = b"poison"
HEALTHY: Final = "healthy"
PROTOBUF: Final = "application/x-protobuf"
LARGE_BODY: Final = 5 << 20
SIZE_LIMIT: Final = 16_000
_SLOW_PACE: Final = 0.02
_OK: Final = 200

Manner = Literal["whole", "reset", "hang", "hang in answer", "slow", "half", "raw"]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How requests are treated.

    Attributes:
        name: what it is called in the matrix.
        status: the status code of the answer.
        headers: further headers of the answer.
        body: the body of the answer.
        manner: how the answer is given, or not.
        keeps: whether the spans of a request so answered are kept.
        requests: how many requests are treated so; the later ones are healthy. 0 for all.
        listens: whether the port is open at all.
        refuses: how many spans of a request are refused by partial success.
        most_bytes: larger requests get 413; 0 for no limit.
        hates_poison: whether requests with a poisoned span get 400.
    """

    name: str
    status: int = _OK
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    manner: Manner = "whole"
    keeps: bool = False
    requests: int = 0
    listens: bool = True
    refuses: int = 0
    most_bytes: int = 0
    hates_poison: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What one request gets.

    Attributes:
        manner: how the answer is given, or not.
        wire: the answer as it stands on the wire.
        kept: ids of the spans that are kept once the answer is out.
        refused: ids of the spans that are judged and not kept.
        pace: seconds between two bytes of a slow answer.
    """

    manner: Manner
    wire: bytes
    kept: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    pace: float = _SLOW_PACE


@dataclass(frozen=True, slots=True)
class Content:
    """The spans of a request."""

    ids: tuple[str, ...]
    poisoned: tuple[str, ...]
    size: int


def content_of(body: bytes) -> Content:
    """Read the spans of an uncompressed request in protobuf."""
    message = ExportTraceServiceRequest.FromString(body)
    spans = [
        span for resource in message.resource_spans for scope in resource.scope_spans for span in scope.spans
    ]
    poisoned = tuple(span.span_id.hex() for span in spans if POISON in span.SerializeToString())
    return Content(tuple(span.span_id.hex() for span in spans), poisoned, len(body))


def answer(behaviour: Behaviour, content: Content) -> Answer:
    """Return what a request with such content gets."""
    if behaviour.most_bytes and content.size > behaviour.most_bytes:
        return Answer("whole", _encoded(413), refused=content.ids if len(content.ids) == 1 else ())
    if behaviour.hates_poison and content.poisoned:
        return Answer("whole", _encoded(400), refused=content.ids if len(content.ids) == 1 else ())
    if behaviour.manner == "raw":
        return Answer("raw", behaviour.body)
    wire = _encoded(behaviour.status, behaviour.headers, behaviour.body)
    if behaviour.refuses:
        refused = content.ids[: behaviour.refuses]
        body = ExportTraceServiceResponse()
        body.partial_success.rejected_spans = len(refused)
        body.partial_success.error_message = "these spans are not wanted"
        wire = _encoded(_OK, (("Content-Type", PROTOBUF),), body.SerializeToString())
        return Answer("whole", wire, kept=content.ids[behaviour.refuses :], refused=refused)
    single = content.ids if behaviour.status == 400 and len(content.ids) == 1 else ()
    return Answer(behaviour.manner, wire, kept=content.ids if behaviour.keeps else (), refused=single)


def _encoded(status: int, headers: tuple[tuple[str, str], ...] = (), body: bytes = b"") -> bytes:
    lines = [f"HTTP/1.1 {status} Scripted", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _status(name: str, status: int, *headers: tuple[str, str], requests: int = 0) -> Behaviour:
    return Behaviour(name, status=status, headers=headers, requests=requests)


def _busy(name: str, retry_after: str) -> Behaviour:
    return _status(name, 429, ("Retry-After", retry_after), requests=2)


def http_date(seconds: float) -> str:
    """Return the moment so many seconds from now as HTTP writes it."""
    return email.utils.formatdate(time.time() + seconds, usegmt=True)


def named(name: str, *, elsewhere: str = "http://127.0.0.1:9") -> Behaviour:
    """Return the behaviour of that name.

    Args:
        name: one of `NAMES`.
        elsewhere: where redirects point.

    Raises:
        KeyError: for another name.
    """
    return _all(elsewhere)[name]


def _all(elsewhere: str) -> Mapping[str, Behaviour]:
    ok = ((("Content-Type", PROTOBUF)),)
    page = b"<!doctype html><title>Sign in to the guest network</title>"
    found = [
        Behaviour(HEALTHY, headers=ok, keeps=True),
        Behaviour("refuses", listens=False),
        Behaviour("resets", manner="reset"),
        Behaviour("hangs before headers", manner="hang"),
        Behaviour("hangs after headers", headers=ok, body=b"0123456789", manner="hang in answer"),
        Behaviour("answers byte by byte", headers=ok, manner="slow", keeps=True),
        Behaviour("half a response", headers=ok, body=b"0123456789", manner="half"),
        *(
            _status(f"{status} to elsewhere", status, ("Location", f"{elsewhere}/v1/traces"))
            for status in (301, 302, 307)
        ),
        Behaviour("400 for a poisoned span", headers=ok, keeps=True, hates_poison=True),
        _status("400 always", 400),
        _status("401", 401),
        _status("404", 404),
        Behaviour("413 above a size", headers=ok, keeps=True, most_bytes=SIZE_LIMIT),
        _busy("429, Retry-After seconds", "1"),
        _busy("429, Retry-After date", http_date(2)),
        _busy("429, Retry-After garbage", "soon, perhaps"),
        _busy("429, Retry-After negative", "-7"),
        _busy("429, Retry-After huge", "99999999999"),
        _status("500", 500),
        _status("503 for a while", 503, requests=3),
        Behaviour("partial success", refuses=1),
        Behaviour(
            "5 MB answer", headers=(("Content-Type", "text/plain"),), body=b"x" * LARGE_BODY, keeps=True
        ),
        Behaviour("garbage", manner="raw", body=bytes(range(256))),
        Behaviour("200 with a web page", headers=(("Content-Type", "text/html"),), body=page),
        Behaviour("200 with a garbage body", headers=ok, body=b"\xff\xfe\xfd garbage"),
    ]
    return {behaviour.name: behaviour for behaviour in found}


NAMES: Final = tuple(_all(""))


@dataclass(slots=True)
class Record:
    """What a station saw, by span id, as it is reported.

    Attributes:
        kept: how often each span was kept.
        refused: how often each span was judged and not kept.
        requests: how many requests came.
        connections: how many connections came.
        received: how many bytes of bodies came.
        unreadable: how many bodies were no OTLP request.
        header_names: how many requests carried each header.
        keys: how many requests carried each Authorization.
    """

    kept: dict[str, int] = field(default_factory=dict[str, int])
    refused: dict[str, int] = field(default_factory=dict[str, int])
    requests: int = 0
    connections: int = 0
    received: int = 0
    unreadable: int = 0
    header_names: dict[str, int] = field(default_factory=dict[str, int])
    keys: dict[str, int] = field(default_factory=dict[str, int])
