"""People sign in with a read token and out again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from contextcompany.local.server import sessions as module
from contextcompany.local.server.sessions import COOKIE, Sessions, cookie
from contextcompany.local.server.tokens import Tokens

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    """The tokens of a server."""
    return Tokens.load(tmp_path / "tokens.json")


def test_a_session_is_open_until_it_is_ended(tokens: Tokens) -> None:
    """The cookie that was set opens the pages, among others too, and not after signing out."""
    sessions = Sessions(tokens)
    value = sessions.begin(tokens.create("ann", "read"))
    sent = f"theme=dark; {COOKIE}={value}; other=1"
    assert sessions.is_open(sent)
    sessions.end(sent)
    assert not sessions.is_open(sent)


def test_a_service_cannot_sign_in(tokens: Tokens) -> None:
    """A write token opens no page, and neither does what is no token."""
    sessions = Sessions(tokens)
    assert sessions.begin(tokens.create("billing", "write")) is None
    assert sessions.begin("") is None
    assert sessions.begin("tcc_r_guess") is None


def test_a_session_ends_with_its_token(tokens: Tokens) -> None:
    """Who loses the token loses the page that is open."""
    sessions = Sessions(tokens)
    sent = f"{COOKIE}={sessions.begin(tokens.create('ann', 'read'))}"
    tokens.remove("ann")
    assert not sessions.is_open(sent)


def test_a_session_ends_with_its_time(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cookie that a browser keeps too long opens nothing."""
    sessions = Sessions(tokens)
    sent = f"{COOKIE}={sessions.begin(tokens.create('ann', 'read'))}"
    now = time.monotonic() + module.LIFETIME_SECONDS
    monkeypatch.setattr("time.monotonic", lambda: now)
    assert not sessions.is_open(sent)


def test_the_oldest_session_makes_room(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    """Signing in over and over fills no memory."""
    monkeypatch.setattr(module, "_MOST_SESSIONS", 2)
    sessions = Sessions(tokens)
    secret = tokens.create("ann", "read")
    sent = [f"{COOKIE}={sessions.begin(secret)}" for _ in range(3)]
    assert [sessions.is_open(one) for one in sent] == [False, True, True]


@pytest.mark.parametrize(
    "sent", ["", "x", f"{COOKIE}", f"{COOKIE}=", f'{COOKIE}="', f"{COOKIE}=\x00\x01", f"{COOKIE}=a" * 2_000]
)
def test_a_cookie_that_is_none_opens_nothing(tokens: Tokens, sent: str) -> None:
    """Whatever a browser sends in place of a session is no session."""
    sessions = Sessions(tokens)
    sessions.begin(tokens.create("ann", "read"))
    assert not sessions.is_open(sent)
    sessions.end(sent)


def test_the_cookie_stays_with_this_site() -> None:
    """Scripts cannot read it, other sites cannot send it, and over https it never travels in the clear."""
    assert cookie("v", secure=False) == (
        f"{COOKIE}=v; Path=/; HttpOnly; SameSite=Strict; Max-Age={module.LIFETIME_SECONDS}"
    )
    assert cookie("", secure=True).endswith("Max-Age=0; Secure")
