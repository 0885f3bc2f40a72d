"""What an error of the HTTP client means, without a wire."""

from __future__ import annotations

import socket
import ssl
from http.client import BadStatusLine, IncompleteRead, LineTooLong, RemoteDisconnected

import pytest
import requests
from urllib3.exceptions import MaxRetryError, ProtocolError

from contextcompany.delivery.wire.answers import garbage
from contextcompany.delivery.wire.failures import failed
from contextcompany.delivery.wire.outcomes import Outcome, Verdict

URL = "https://collector.example/v1/traces"
CASES = [
    (socket.gaierror(-2, "unknown"), f"the host of {URL} cannot be found"),
    (ConnectionRefusedError(), f"nobody listens at {URL}"),
    (TimeoutError(), f"no answer from {URL} in time"),
    (ssl.SSLError("wrong version"), f"no TLS connection with {URL}"),
    (ConnectionResetError(), f"the connection to {URL} broke off before an answer"),
    (RemoteDisconnected(""), f"the connection to {URL} broke off before an answer"),
    (IncompleteRead(b"secret"), f"the answer of {URL} broke off"),
    (OSError("secret"), f"no answer from {URL} (ConnectionError)"),
]


@pytest.mark.parametrize(("cause", "reason"), CASES)
def test_what_may_be_over_in_a_moment(cause: Exception, reason: str) -> None:
    """An error of the network is tried again later, in words that name it and show no content."""
    error = requests.ConnectionError("secret")
    error.__context__ = ProtocolError("secret")
    error.__context__.__cause__ = cause
    cause.__context__ = error  # a circle ends, too
    assert failed(error, URL) == Outcome(Verdict.LATER, reason)


def test_the_real_cause_is_found_beside_the_named_one() -> None:
    """What the client was handling counts although it names a cause of its own making."""
    error = requests.ConnectionError()
    error.__cause__ = MaxRetryError(None, URL)  # type: ignore[arg-type]
    error.__context__ = ConnectionRefusedError()
    assert failed(error, URL) == Outcome(Verdict.LATER, f"nobody listens at {URL}")


@pytest.mark.parametrize("cause", [BadStatusLine("220 mail"), LineTooLong("header line")])
def test_another_language_stays(cause: Exception) -> None:
    """What answers in another language than HTTP is not asked again at once."""
    error = requests.ConnectionError()
    error.__context__ = cause
    assert failed(error, URL) == garbage(URL)


def test_an_unknown_certificate_stays() -> None:
    """A certificate that is not trusted now will not be in a moment."""
    error = requests.exceptions.SSLError()
    error.__context__ = ssl.SSLCertVerificationError("self-signed")
    assert failed(error, URL).verdict is Verdict.STAYS
