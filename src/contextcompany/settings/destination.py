"""Where spans go, and which key may go with them.

A key belongs to the destination it was given with; it never reaches another origin, and never
travels in clear text beyond this machine.
"""

from __future__ import annotations

import base64
import ipaddress
import re
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial
from typing import Final
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from contextcompany.diagnostics import warn_once
from contextcompany.settings import environment

PLATFORM_URL: Final = "https://api.thecontext.company/v1/traces"
PLATFORM_DEV_URL: Final = "https://dev.thecontext.company/v1/traces"
LOCAL_URL: Final = "http://localhost:4318/v1/traces"

_TRACES_PATH: Final = "/v1/traces"
_DEV_PREFIX: Final = "dev_"
_SHORTEST_KEY: Final = 16
_CREDENTIAL_WORDS: Final = (
    "auth",
    "key",
    "token",
    "secret",
    "cookie",
    "password",
    "credential",
    "signature",
    "license",
    "session",
    "team",
    "dsn",
    "jwt",
)

Headers = tuple[tuple[str, str], ...]


class Source(Enum):
    """Who named a destination."""

    OURS = "an argument, TCC_URL or TCC_TRACES_URL"
    PLATFORM = "the key"
    OTEL = "OTEL_EXPORTER_OTLP_*"
    LOCAL = "the local default"


@dataclass(frozen=True, slots=True, repr=False)
class Destination:
    """One collector: its traces URL, the key and the headers that belong to it.

    Attributes:
        url: the full URL that requests are posted to, without credentials.
        source: who named it.
        key: the API key, sent as a bearer token; never shown.
        headers: further headers; never shown.
        allow_insecure: whether credentials may travel in clear text to another machine.
    """

    url: str
    source: Source
    key: str | None = None
    headers: Headers = ()
    allow_insecure: bool = False

    def __repr__(self) -> str:
        """Return where it is and who named it, without key, headers and query."""
        return f"Destination({self.shown!r}, {self.source.name})"

    @property
    def is_ours(self) -> bool:
        """Return whether this package was told of it (not OTEL_*, not the local default)."""
        return self.source in (Source.OURS, Source.PLATFORM)

    @property
    def is_implicit(self) -> bool:
        """Return whether nobody named it: the local default, used only if it identifies itself."""
        return self.source is Source.LOCAL

    @property
    def may_carry_credentials(self) -> bool:
        """Return whether keys may travel there: https, loopback, or allowed by the user."""
        return self.allow_insecure or self.url.startswith("https://") or is_loopback(self.url)

    @property
    def shown(self) -> str:
        """Return the URL as it may be logged: a query may hold a key."""
        return self.url.partition("?")[0]

    def wire_headers(self) -> dict[str, str]:
        """Return the headers that requests carry; credentials only where they may travel.

        Says once, by a warning, when credentials are left out.
        """
        wire = dict(self.headers)
        if self.key is not None:
            wire["authorization"] = f"Bearer {self.key}"
        if self.may_carry_credentials:
            return wire
        safe = {name: value for name, value in wire.items() if not _is_credential(name, value)}
        if len(safe) < len(wire):
            warn_once(
                ("insecure", origin(self.url)),
                "credentials are not sent to %s in clear text, spans go without them: "
                "use https, or set TCC_ALLOW_INSECURE=1 inside a trusted network",
                self.shown,
            )
        return safe


def traces_url(value: str, *, name: str = "tcc_url", verbatim: bool = False) -> tuple[str, Headers]:
    """Check a URL and complete it to the traces endpoint.

    Args:
        value: an http or https URL; `/v1/traces` is appended unless its path ends in it.
        name: the argument or variable, for the error message.
        verbatim: take the path as it stands.

    Returns:
        The URL without credentials, and an Authorization header made from `user:password@`.

    Raises:
        ValueError: for a text that is no http(s) URL with a host.
    """
    problem = f"{name} must be an http(s) URL with a host, such as http://localhost:4318"
    if not isinstance(value, str):
        kind: str = type(value).__name__
        raise ValueError(f"{problem}: got {kind}; pass the URL as text")  # noqa: TRY004  (one error for "a URL that is none")
    try:
        parts = urlsplit(value.strip())
        port = parts.port
        host = parts.hostname
    except ValueError:
        parts, port, host = None, None, None
    if parts is None or parts.scheme not in ("http", "https") or not host or not _is_plain(value.strip()):
        raise ValueError(f"{problem}: got {_shown(value)}; correct it or leave it out")
    shown_host = f"[{host}]" if ":" in host else host
    netloc = shown_host if port is None else f"{shown_host}:{port}"
    path = parts.path
    if not verbatim and not path.rstrip("/").endswith(_TRACES_PATH):
        path = path.rstrip("/") + _TRACES_PATH
    elif not verbatim:
        path = path.rstrip("/")
    credentials: Headers = ()
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        credentials = (("authorization", "Basic " + base64.b64encode(pair.encode()).decode()),)
    return urlunsplit(
        (parts.scheme, netloc, quote(path, safe="/%:@!$&'()*+,;=~-._"), parts.query, "")
    ), credentials


def origin(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port of a checked URL, with the scheme's own port filled in."""
    parts = urlsplit(url)
    default = 443 if parts.scheme == "https" else 80
    return parts.scheme, parts.hostname or "", parts.port or default


def is_loopback(url: str) -> bool:
    """Return whether a URL names this machine: localhost, 127.0.0.0/8 or ::1."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def resolve(
    base: Destination,
    *,
    api_key: str | None = None,
    tcc_url: str | None = None,
    url_is_verbatim: bool = False,
    url_name: str = "tcc_url",
    headers: Headers = (),
) -> Destination:
    """Return the destination that arguments name on top of an earlier one.

    A URL without a key keeps the earlier key and headers only within the same origin. A key
    without a URL goes to the earlier URL if that is ours, else to the platform.

    Raises:
        ValueError: for a URL that is none, or a key that cannot stand in a header.
    """
    if api_key is not None and not environment.is_header("authorization", api_key):
        raise ValueError("api_key has characters that no HTTP header can carry; check how it was read")
    if tcc_url is not None:
        url, credentials = traces_url(tcc_url, name=url_name, verbatim=url_is_verbatim)
        same = base.is_ours and origin(url) == origin(base.url)
        kept = base.headers if same else ()
        key = api_key if api_key is not None else (base.key if same else None)
        if key is None and base.key is not None:
            warn_once(
                ("key-stays", origin(url)),
                "the configured key belongs to another origin and is not sent to %s: pass api_key with it",
                url.partition("?")[0],
            )
        merged = _merge(kept, credentials, headers)
        return replace(base, url=url, source=Source.OURS, key=key, headers=merged)
    if api_key is not None:
        if base.source is Source.OURS:
            return replace(base, key=api_key, headers=_merge(base.headers, headers))
        platform = PLATFORM_DEV_URL if api_key.startswith(_DEV_PREFIX) else PLATFORM_URL
        same = base.is_ours and origin(platform) == origin(base.url)
        merged = _merge(base.headers if same else (), headers)
        return replace(base, url=platform, source=Source.PLATFORM, key=api_key, headers=merged)
    return replace(base, headers=_merge(base.headers, headers)) if headers else base


def from_environment(*, allow_insecure: bool) -> Destination:
    """Return the destination that the environment names, or the local default."""
    base = Destination(LOCAL_URL, Source.LOCAL, allow_insecure=allow_insecure)
    key = environment.text("TCC_API_KEY")
    if key is not None and not environment.is_header("authorization", key):
        warn_once("key-form", "TCC_API_KEY has characters that no HTTP header can carry; it is not used")
        key = None
    urls = (("TCC_TRACES_URL", True), ("TCC_URL", False))
    for name, verbatim in urls:
        found = environment.checked(name, partial(traces_url, name=name, verbatim=verbatim), None)
        if found is not None:
            url, credentials = found
            merged = _merge(credentials, environment.headers("TCC_HEADERS"))
            return replace(base, url=url, source=Source.OURS, key=key, headers=merged)
    if any(environment.text(name) is not None for name, _ in urls):
        return base  # the key was meant for the URL that cannot be read, and for no other place
    if key is not None:
        return resolve(base, api_key=key, headers=environment.headers("TCC_HEADERS"))
    return _from_otel(base) or base


def _from_otel(base: Destination) -> Destination | None:
    protocol = environment.text("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or environment.text(
        "OTEL_EXPORTER_OTLP_PROTOCOL"
    )
    for name, verbatim in (
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", True),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", False),
    ):
        found = environment.checked(name, partial(traces_url, name=name, verbatim=verbatim), None)
        if found is None:
            continue
        if protocol == "grpc":
            warn_once(
                "otel-grpc", "%s speaks gRPC and is not used; name an OTLP/HTTP endpoint with TCC_URL", name
            )
            return None
        url, credentials = found
        headers = environment.headers("OTEL_EXPORTER_OTLP_TRACES_HEADERS") or environment.headers(
            "OTEL_EXPORTER_OTLP_HEADERS"
        )
        return replace(base, url=url, source=Source.OTEL, headers=_merge(credentials, headers))
    return None


def _merge(*groups: Headers) -> Headers:
    merged: dict[str, str] = {}
    for group in groups:
        merged.update(group)
    return tuple(merged.items())


def _is_credential(name: str, value: str) -> bool:
    """Return whether a header may hold a credential: by its name, or by the length of its value."""
    return any(word in name.lower() for word in _CREDENTIAL_WORDS) or len(value) >= _SHORTEST_KEY


def _is_plain(value: str) -> bool:
    return value.isprintable() and " " not in value


def _shown(value: str) -> str:
    """Describe a text that is no URL without showing what may be a key in the wrong place."""
    scheme, found, rest = value.partition("://")
    if found:
        return repr(f"{scheme[:16]}://{re.split('[?#]', rest, maxsplit=1)[0].rpartition('@')[2][:100]}")
    if " " in value or len(value) < _SHORTEST_KEY:
        return repr(value[:100])
    return f"{len(value)} characters without a scheme"
