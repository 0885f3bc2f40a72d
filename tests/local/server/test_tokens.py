"""Tokens are made, counted and taken back, and nothing that is wrong with their file lets anyone in."""

from __future__ import annotations

import json
import os
import threading
from typing import TYPE_CHECKING

import pytest

from contextcompany.local.server.tokens import FILE_NAME, Tokens, TokensError

if TYPE_CHECKING:
    from pathlib import Path

posix = pytest.mark.skipif(os.name != "posix", reason="file modes are those of POSIX")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that is not there yet, in a folder that is not there either."""
    return tmp_path / "data" / FILE_NAME


def test_a_secret_opens_what_its_role_says_and_nothing_else_does(path: Path) -> None:
    """The secret that was shown is that of its token; anything else is none."""
    tokens = Tokens.load(path)
    read, write = tokens.create("ann", "read"), tokens.create("billing", "write")
    assert read.startswith("tcc_r_")
    assert write.startswith("tcc_w_")
    assert [(token.name, token.role) for token in tokens.list()] == [("ann", "read"), ("billing", "write")]
    found = tokens.check(read), tokens.check(write)
    assert [token and token.name for token in found] == ["ann", "billing"]
    for wrong in ("", read[:-1], read + "x", read.upper(), read.replace("_r_", "_w_"), "\ud800", "ann"):
        assert tokens.check(wrong) is None


def test_the_file_holds_no_secret(path: Path) -> None:
    """Who reads the file can sign in as nobody."""
    secret = Tokens.load(path).create("ann", "read")
    text = path.read_text("utf-8")
    assert secret not in text
    assert secret.removeprefix("tcc_r_") not in text


@posix
def test_only_the_owner_may_read_the_file(path: Path) -> None:
    """File and folder are made for the owner alone, whatever the umask is."""
    before = os.umask(0)
    try:
        Tokens.load(path).create("ann", "read")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_running_server_sees_tokens_come_and_go(path: Path) -> None:
    """What another process adds counts at once, and what it removes counts no longer."""
    server, command = Tokens.load(path), Tokens.load(path)
    secret = command.create("ann", "read")
    token = server.check(secret)
    assert token is not None
    assert server.has(token)
    command.remove("ann")
    assert server.check(secret) is None
    assert not server.has(token)


def test_a_token_of_the_same_name_is_another_token(path: Path) -> None:
    """Who removes a token and makes one of its name has taken the old secret out of use."""
    tokens = Tokens.load(path)
    old = tokens.create("ann", "read")
    token = tokens.check(old)
    tokens.remove("ann")
    tokens.create("ann", "read")
    assert tokens.check(old) is None
    assert token is not None
    assert not tokens.has(token)


@pytest.mark.parametrize("name", ["", "-x", "a b", "x" * 65, "a\n", "é", "../x"])
def test_a_name_that_could_mislead_is_refused(path: Path, name: str) -> None:
    """Names are letters, digits and a few signs; nothing is written for others."""
    with pytest.raises(TokensError, match="name must be"):
        Tokens.load(path).create(name, "read")
    assert not path.exists()


def test_names_are_taken_once_and_unknown_ones_are_told(path: Path) -> None:
    """A second token of a name is refused, and removing what is not there says what is."""
    tokens = Tokens.load(path)
    tokens.create("ann", "read")
    with pytest.raises(TokensError, match="already"):
        tokens.create("ann", "write")
    with pytest.raises(TokensError, match="there are: ann"):
        tokens.remove("bob")


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        "[" * 100_000,
        '{"version": 2, "tokens": []}',
        '{"version": 1, "tokens": {}}',
        '{"version": 1, "tokens": [{}]}',
        '{"version": 1, "tokens": [{"name": "a", "role": "admin", "created": "", "sha256": "'
        + "0" * 64
        + '"}]}',
        '{"version": 1, "tokens": [{"name": "a", "role": "read", "created": "", "sha256": "0"}]}',
    ],
)
def test_a_file_that_is_none_of_ours_is_not_guessed_at(path: Path, content: str) -> None:
    """A file that cannot be read stops the start, and says what to do."""
    path.parent.mkdir()
    path.write_text(content, "utf-8")
    path.chmod(0o600)
    with pytest.raises(TokensError, match=r"remove|another version"):
        Tokens.load(path)


def test_a_file_that_breaks_later_lets_nobody_in(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """While the file cannot be read no token counts, and the log says why."""
    tokens = Tokens.load(path)
    secret = tokens.create("ann", "read")
    path.write_text("broken", "utf-8")
    assert tokens.check(secret) is None
    assert "no token counts" in caplog.text


@posix
def test_a_file_that_others_can_write_to_is_refused(path: Path) -> None:
    """Who could add a token of their own could read everything."""
    Tokens.load(path).create("ann", "read")
    path.chmod(0o620)
    with pytest.raises(TokensError, match="chmod 600"):
        Tokens.load(path)


@posix
def test_a_file_of_another_user_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who puts tokens into a folder of all before its owner does gets nowhere."""
    Tokens.load(path).create("ann", "read")
    if os.geteuid() == 0:
        os.chown(path, 4_321, -1)
    monkeypatch.setattr(os, "geteuid", lambda: 54_321)
    with pytest.raises(TokensError, match="belongs to another user"):
        Tokens.load(path)


def test_a_token_that_cannot_be_kept_is_not_given_out(path: Path) -> None:
    """Where the file cannot be written, no secret is returned and no draft is left."""
    path.parent.mkdir()
    path.mkdir()
    with pytest.raises(TokensError, match="cannot be"):
        Tokens.load(path).create("ann", "read")
    assert list(path.parent.iterdir()) == [path]


def test_many_threads_may_ask_while_tokens_change(path: Path) -> None:
    """A token that stays counts for every thread, whatever happens to others beside it."""
    tokens = Tokens.load(path)
    secret = tokens.create("ann", "read")
    misses: list[int] = []

    def ask() -> None:
        misses.append(sum(tokens.check(secret) is None for _ in range(200)))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(20):
        tokens.create(f"t{number}", "write")
    for thread in threads:
        thread.join()
    assert misses == [0] * 4
    assert len(json.loads(path.read_text("utf-8"))["tokens"]) == 21
