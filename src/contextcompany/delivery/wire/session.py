"""An HTTP session of our own: nothing from the environment, and nothing from other libraries.

No proxies or `.netrc` unless asked, no redirects, no cookies, and only the headers that belong to
the destination, whatever other libraries put into requests.
"""

from __future__ import annotations

from contextlib import contextmanager
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, Final

import requests
from opentelemetry import context as otel_context
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies

from contextcompany.settings.destination import is_loopback

if TYPE_CHECKING:
    from collections.abc import Generator

    from requests import PreparedRequest, Response
    from urllib3 import PoolManager

    from contextcompany.delivery.wire.connections import Connections
    from contextcompany.settings.destination import Destination

_OWN_HEADERS: Final = frozenset(
    {"host", "content-type", "content-encoding", "content-length", "user-agent", "accept", "connection"}
)


def new_session(
    destination: Destination,
    connections: Connections,
    *,
    user_agent: str,
    use_environment_proxies: bool,
    ca_bundle: str | None,
) -> requests.Session:
    """Make a session for one destination.

    Args:
        destination: where requests will go; its headers go with each.
        connections: what will hold the session's connections.
        user_agent: the User-Agent header.
        use_environment_proxies: whether `HTTPS_PROXY`, `NO_PROXY` and their kin count. What goes to this
            machine never takes a proxy.
        ca_bundle: a file or folder of certificates to trust instead of the usual ones.
    """
    session = _Session()
    # Both at once: requests ties the proxies of the environment to the passwords of `.netrc`.
    session.trust_env = False
    if use_environment_proxies and not is_loopback(destination.url):
        session.proxies.update(get_environ_proxies(destination.url))
    session.verify = True if ca_bundle is None else ca_bundle
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    own = destination.wire_headers()
    session.headers.clear()
    session.headers.update({"user-agent": user_agent, **own})
    adapter = _Adapter(_OWN_HEADERS | own.keys(), connections)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


@contextmanager
def uninstrumented() -> Generator[None]:
    """Keep instrumentations of HTTP clients away from the requests of a block."""
    before = otel_context.get_current()
    inside = before
    for key in ("_SUPPRESS_INSTRUMENTATION_KEY", "_SUPPRESS_HTTP_INSTRUMENTATION_KEY"):
        # The API has no public name for these keys, and not every version has both.
        known = getattr(otel_context, key, None)
        if isinstance(known, str):
            inside = otel_context.set_value(known, True, inside)
    token = otel_context.attach(inside)
    try:
        yield
    finally:
        otel_context.detach(token)


class _Session(requests.Session):
    def get_redirect_target(self, resp: Response) -> None:
        """Know of none: the base reads a redirect to its end, of any size, even one that is not followed."""


class _Adapter(HTTPAdapter):
    """Send nothing but our own headers: instrumentations of HTTP clients add theirs before us."""

    def __init__(self, allowed: frozenset[str], connections: Connections) -> None:
        self._allowed = allowed
        self._connections = connections
        super().__init__(pool_connections=1, pool_maxsize=4, max_retries=0)
        connections.watch(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **options: Any) -> PoolManager:
        """Return the pool manager of a proxy; one for SOCKS has connections of its own kind."""
        is_new = proxy not in self.proxy_manager
        manager: PoolManager = super().proxy_manager_for(proxy, **options)
        if is_new and not proxy.lower().startswith("socks"):
            self._connections.watch(manager)
        return manager

    def send(self, request: PreparedRequest, *args: object, **kwargs: object) -> Response:
        """Send a request without the headers that others added."""
        for name in list(request.headers):
            if name.lower() not in self._allowed:
                del request.headers[name]
        return super().send(request, *args, **kwargs)  # type: ignore[arg-type]
