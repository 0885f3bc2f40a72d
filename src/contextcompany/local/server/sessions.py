"""Who is signed in on the pages: random numbers in a cookie, known to this process only."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from contextcompany.local.server.tokens import Token, Tokens

COOKIE: Final = "tcc_session"
LIFETIME_SECONDS: Final = 7 * 24 * 3_600

_MOST_SESSIONS: Final = 1_000
_MOST_COOKIE_CHARACTERS: Final = 8_192


class Sessions:
    """Sign people in with their token; a session ends with its time, its token or the process.

    Args:
        tokens: The tokens that count.
    """

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._lock = threading.Lock()
        self._open: dict[str, tuple[Token, float]] = {}

    def begin(self, secret: str) -> str | None:
        """Return the value of a new session's cookie; None unless the secret is that of a read token."""
        token = self._tokens.check(secret)
        if token is None or token.role != "read":
            return None
        value = secrets.token_urlsafe(32)
        with self._lock:
            while len(self._open) >= _MOST_SESSIONS:
                del self._open[next(iter(self._open))]
            self._open[_key(value)] = (token, time.monotonic() + LIFETIME_SECONDS)
        return value

    def is_open(self, cookies: str) -> bool:
        """Tell whether a Cookie header carries a session that is open."""
        value = _value(cookies)
        if value is None:
            return False
        with self._lock:
            token, until = self._open.get(_key(value), (None, 0.0))
        return token is not None and time.monotonic() < until and self._tokens.has(token)

    def end(self, cookies: str) -> None:
        """Forget the session that a Cookie header carries."""
        value = _value(cookies)
        if value is not None:
            with self._lock:
                self._open.pop(_key(value), None)


def cookie(value: str, *, secure: bool) -> str:
    """Write the Set-Cookie header of a session; an empty value ends it."""
    age = LIFETIME_SECONDS if value else 0
    text = f"{COOKIE}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={age}"
    return f"{text}; Secure" if secure else text


def _key(value: str) -> str:
    # Looked up by its hash, so that the time of the look-up tells nothing about values.
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()


def _value(cookies: str) -> str | None:
    if COOKIE not in cookies or len(cookies) > _MOST_COOKIE_CHARACTERS:
        return None
    jar = SimpleCookie()
    try:
        jar.load(cookies)
    except CookieError:
        return None
    found = jar.get(COOKIE)
    return found.value if found is not None and found.value else None
