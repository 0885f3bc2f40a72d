"""What it means that a request got no answer, or only a part of one."""

from __future__ import annotations

import socket
import ssl
from http.client import HTTPException, IncompleteRead, RemoteDisconnected
from typing import TYPE_CHECKING, Final

from contextcompany.delivery.wire.answers import garbage
from contextcompany.delivery.wire.outcomes import Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

_REASONS: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (socket.gaierror, "the host of {} cannot be found"),
    (ConnectionRefusedError, "nobody listens at {}"),
    (TimeoutError, "no answer from {} in time"),
    (ssl.SSLError, "no TLS connection with {}"),
    (ConnectionError, "the connection to {} broke off before an answer"),
    (IncompleteRead, "the answer of {} broke off"),
)


def failed(error: BaseException, shown: str) -> Outcome:
    """Return what it means that a request got no complete answer.

    Most of it may be over in a moment; not so an answer that is no HTTP, or a certificate that is not
    trusted.

    Args:
        error: what the HTTP client raised.
        shown: the URL as it may be shown.
    """
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            reason = (
                f"the certificate of {shown} cannot be verified: check TCC_URL and the trusted certificates"
            )
            return Outcome(Verdict.STAYS, reason)
        if isinstance(cause, HTTPException) and not isinstance(cause, RemoteDisconnected | IncompleteRead):
            return garbage(shown)
    for kind, reason in _REASONS:
        if any(isinstance(cause, kind) for cause in causes):
            return Outcome(Verdict.LATER, reason.format(shown))
    return Outcome(Verdict.LATER, f"no answer from {shown} ({type(error).__name__})")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all that led to it; HTTP clients name one cause and were handling another."""
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop(0)
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [one.__cause__, one.__context__]
