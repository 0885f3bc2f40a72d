"""ASGI middleware: says who the runs of a request are for, and continues its trace."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from contextcompany.integrations.request import CARRIED, Request, checked_word, continued, functions_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from contextcompany.integrations.request import Continues

    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
    Application = Callable[[Scope, Receive, Send], Awaitable[None]]
    Finds = Callable[[Scope], object]

_REQUESTS: Final = frozenset({"http", "websocket"})
_NAMES: Final = {name.encode(): name for name in CARRIED}


class ASGIMiddleware:
    """Say who the runs of a request are for, and continue the trace that its headers name.

    Records nothing by itself. The functions get the ASGI scope and return text or None; they are
    asked when a run starts, so what an inner middleware puts into the scope is there
    (`scope["user"]`). One that raises gives nothing, with one warning; the request goes on.

    Args:
        app: an ASGI 3 application.
        session: finds the session id.
        user: finds the user's id.
        user_name: finds the user's name.
        org: finds the id of the organisation, tenant or customer.
        org_name: finds its name.
        continues: what of the caller's headers is continued. `"trace"`: runs nest under the span that
            `traceparent` names. `"run"`: the run that `tcc.inject` wrote is the current one too, for
            callers who may write into your runs. `"nothing"`: they are ignored.

    Raises:
        TypeError: for what is no function, or a coroutine function.
        ValueError: for another word.

    Source: https://asgi.readthedocs.io/en/latest/specs/main.html.
    """

    def __init__(
        self,
        app: Application,
        *,
        session: Finds | None = None,
        user: Finds | None = None,
        user_name: Finds | None = None,
        org: Finds | None = None,
        org_name: Finds | None = None,
        continues: Continues = "trace",
    ) -> None:
        self._app = app
        self._continues: Continues = checked_word(continues)
        self._functions = functions_of(
            session=session,
            user=user,
            user_name=user_name,
            org=org,
            org_name=org_name,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a connection on; what is neither http nor websocket, untouched."""
        if scope.get("type") not in _REQUESTS:
            await self._app(scope, receive, send)
            return
        request = Request(self._functions, scope, continued(carrier_of(scope), self._continues))
        with request:
            try:
                await self._app(scope, receive, send)
            finally:
                request.finish()


def carrier_of(scope: Scope) -> dict[str, str]:
    """Return the headers of a scope that say what to continue; lines of one name joined by commas.

    Whatever is no pair of bytes is passed over.
    """
    found: dict[str, str] = {}
    headers: Any = scope.get("headers")
    given: object = headers
    if not isinstance(given, Iterable) or isinstance(given, Iterator):
        return found  # an iterator is for the application: it can be read once
    for header in headers:
        try:
            name, value = header
            wanted = _NAMES.get(name.lower())
            if wanted is not None:
                text = value.decode("latin-1")
                found[wanted] = f"{found[wanted]},{text}" if wanted in found else text
        except (AttributeError, TypeError, ValueError):
            continue
    return found
