"""WSGI middleware: says who the runs of a request are for, and continues its trace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from contextcompany.integrations.request import CARRIED, Request, checked_word, continued, functions_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sized
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from contextcompany.integrations.request import Continues

    Finds = Callable[[WSGIEnvironment], object]

_NAMES: Final = {f"HTTP_{name.upper()}": name for name in CARRIED}


class WSGIMiddleware:
    """Say who the runs of a request are for, and continue the trace that its headers name.

    Records nothing by itself. The functions get the WSGI environ and return text or None; they are
    asked when a run starts, so what the application puts there or into its own request is known.
    One that raises gives nothing, with one warning; the request goes on. A body that is produced
    while the server sends it has the same identity.

    Args:
        app: a WSGI application.
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

    Source: PEP 3333.
    """

    def __init__(
        self,
        app: WSGIApplication,
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

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Pass a request on, and have its body produced as its call was."""
        request = Request(self._functions, environ, continued(carrier_of(environ), self._continues))
        # The server knows its own wrapper for files, and sends such a body without iterating.
        wrapper = environ.get("wsgi.file_wrapper")
        with request:
            is_over = True
            try:
                body = self._app(environ, start_response)
                is_over = isinstance(body, (list, tuple)) or (
                    isinstance(wrapper, type) and isinstance(body, wrapper)
                )
            finally:
                if is_over:
                    request.finish()
        if is_over:
            return body
        return _SizedBody(body, request) if hasattr(body, "__len__") else _Body(body, request)


class _Body:
    """A body whose parts are produced inside of the request they belong to."""

    def __init__(self, body: Iterable[bytes], request: Request) -> None:
        self._body = body
        self._request = request
        self._parts: Iterator[bytes] | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        with self._request:
            if self._parts is None:
                self._parts = iter(self._body)
            return next(self._parts)

    def close(self) -> None:
        """Close the application's body, which a server does in the end."""
        with self._request:
            try:
                close = getattr(self._body, "close", None)
                if close is not None:
                    close()
            finally:
                self._request.finish()


class _SizedBody(_Body):
    """A body that knew how many parts it has."""

    _body: Any

    def __len__(self) -> int:
        sized: Sized = self._body
        return len(sized)


def carrier_of(environ: WSGIEnvironment) -> dict[str, str]:
    """Return the headers of an environ that say what to continue."""
    found: dict[str, str] = {}
    for key, name in _NAMES.items():
        value = environ.get(key)
        if isinstance(value, str) and value:
            found[name] = value
    return found
