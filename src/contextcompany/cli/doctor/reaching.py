"""Can the destination be reached: its name, a connection, its certificate, who answers."""

from __future__ import annotations

import socket
import ssl
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import urlunsplit

from contextcompany.cli.asking import is_local_collector
from contextcompany.cli.doctor.findings import Finding
from contextcompany.settings.destination import is_loopback, origin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contextcompany.settings.settings import Settings

# A family of addresses, and one of them in the family's own form.
_Address: TypeAlias = "tuple[int, tuple[Any, ...]]"

TOPIC: Final = "destination"

_CONNECT_SECONDS: Final = 5.0
_LOCAL: Final = "the local collector answers there"


def reach(settings: Settings) -> tuple[Finding, ...]:
    """Look for what keeps requests from the destination; the last finding is the problem, if there is one."""
    destination = settings.destination
    scheme, host, port = origin(destination.url)
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if settings.proxies and not is_loopback(destination.url):
        return (Finding(TOPIC, "note", f"{place} is asked through the proxies that the environment names"),)
    try:
        addresses = _addresses(host, port)
    except (OSError, UnicodeError):
        return (_problem(f"the name {host} is not known", "check the URL, and this machine's network"),)
    connected, problem = _connected(addresses)
    if connected is None:
        advice = (
            "start tcc serve, or name a collector with TCC_URL"
            if is_loopback(destination.url)
            else "check host and port, and whether a firewall or a proxy stands in between (TCC_PROXIES=1)"
        )
        return (_problem(f"nothing answers at {place}: {problem}", advice),)
    found = [Finding(TOPIC, "ok", f"{place} takes connections")]
    with closing(connected):
        if scheme == "https":
            found.append(_secured(connected, host, settings.ca_bundle))
    if found[-1].state != "problem" and is_loopback(destination.url):
        found.append(_identified(scheme, place, is_implicit=destination.is_implicit))
    return tuple(found)


def is_local(findings: Sequence[Finding]) -> bool:
    """Tell whether `reach()` found the local collector at the destination."""
    return Finding(TOPIC, "ok", _LOCAL) in findings


def origin_url(settings: Settings) -> str:
    """Return scheme, host and port of the destination."""
    scheme, host, port = origin(settings.destination.url)
    return urlunsplit((scheme, f"[{host}]:{port}" if ":" in host else f"{host}:{port}", "", "", ""))


def _addresses(host: str, port: int) -> list[_Address]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))


def _connected(addresses: Sequence[_Address]) -> tuple[socket.socket | None, str]:
    problem = "it has no address"
    deadline = time.monotonic() + _CONNECT_SECONDS
    for family, address in addresses:
        left = deadline - time.monotonic()
        if left <= 0:
            break
        attempt = socket.socket(family, socket.SOCK_STREAM)
        attempt.settimeout(left)
        try:
            attempt.connect(address)
        except TimeoutError:
            problem = f"no answer within {_CONNECT_SECONDS:.0f} seconds"
        except OSError as error:
            problem = (error.strerror or str(error)).lower()
        else:
            return attempt, ""
        attempt.close()
    return None, problem


def _secured(connection: socket.socket, host: str, ca_bundle: str | None) -> Finding:
    try:
        context = ssl.create_default_context()
        if ca_bundle is not None:
            is_folder = Path(ca_bundle).is_dir()
            context = ssl.create_default_context(
                cafile=None if is_folder else ca_bundle, capath=ca_bundle if is_folder else None
            )
        with context.wrap_socket(connection, server_hostname=host) as secured:
            version = secured.version() or "TLS"
    except ssl.SSLCertVerificationError as error:
        reason = error.verify_message or error.reason or "it cannot be checked"
        return _problem(
            f"the certificate of {host} is not trusted: {reason}",
            "name your own authority with TCC_CA_BUNDLE",
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or str(error)
        return _problem(
            f"no secure connection with {host}: {reason}", "check scheme and port; http:// is without TLS"
        )
    return Finding(TOPIC, "ok", f"the certificate of {host} is trusted ({version})")


def _identified(scheme: str, place: str, *, is_implicit: bool) -> Finding:
    if is_local_collector(f"{scheme}://{place}"):
        return Finding(TOPIC, "ok", _LOCAL)
    if is_implicit:
        return _problem(
            f"what answers at {place} is not the local collector, so nothing is sent there by default",
            "name it with TCC_URL if it is your collector, or stop it and start tcc serve",
        )
    return Finding(TOPIC, "note", f"what answers at {place} is another server than tcc serve")


def _problem(text: str, advice: str) -> Finding:
    return Finding(TOPIC, "problem", text, advice)
