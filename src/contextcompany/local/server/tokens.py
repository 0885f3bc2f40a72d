"""Tokens for a server that others can reach: named, kept as hashes, in a file beside the database."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
import stat
import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, cast

from contextcompany.diagnostics import warn_once

if TYPE_CHECKING:
    from collections.abc import Sequence

Role: TypeAlias = Literal["read", "write"]
"""`read` is for people and opens the pages and the API; `write` is for services and takes spans in."""

FILE_NAME: Final = "tokens.json"

_VERSION: Final = 1
_PREFIXES: Final[dict[Role, str]] = {"read": "tcc_r_", "write": "tcc_w_"}
_SECRET_BYTES: Final = 32
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_HASH: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_MOST_BYTES: Final = 1024 * 1024
# The state of the file when it was last read: device, inode, size and time of the last change.
_Signature: TypeAlias = "tuple[int, int, int, int] | None"


class TokensError(Exception):
    """The tokens cannot be read or changed; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Token:
    """One token without its secret; `created` is a time of ISO 8601 in UTC."""

    name: str
    role: Role
    created: str
    sha256: str


class Tokens:
    """The tokens of a server; a change of the file counts from the next request on.

    Args:
        path: The file, which need not exist.

    Raises:
        TokensError: The file cannot be read, is none of ours, or can be written to by others.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._signature: _Signature = None
        self._tokens: tuple[Token, ...] = ()
        self._refresh()

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Tokens:
        """Read the tokens of a file."""
        return cls(Path(path))

    @property
    def path(self) -> Path:
        """Where they are kept."""
        return self._path

    def list(self) -> Sequence[Token]:
        """Return all tokens by name, without their secrets."""
        with self._lock:
            self._refresh()
            return sorted(self._tokens, key=lambda token: token.name)

    def create(self, name: str, role: Role) -> str:
        """Make a token and return its secret, which is shown this once and not kept.

        Raises:
            TokensError: The name is taken or cannot be used, or the file cannot be written.
        """
        if not _NAME.fullmatch(name):
            raise TokensError(
                "a token's name must be 1 to 64 letters, digits, dots, dashes or underscores, "
                f"got {name[:100]!r}"
            )
        if role not in _PREFIXES:
            raise TokensError(f"a token's role must be read or write, got {role!r}")
        with self._lock:
            self._refresh()
            if any(token.name == name for token in self._tokens):
                raise TokensError(
                    f"there is a token named {name!r} already: remove it or choose another name"
                )
            secret = _PREFIXES[role] + secrets.token_urlsafe(_SECRET_BYTES)
            created = datetime.now(UTC).isoformat(timespec="seconds")
            self._write((*self._tokens, Token(name, role, created, _hash(secret))))
        return secret

    def remove(self, name: str) -> None:
        """Let a token count no longer.

        Raises:
            TokensError: There is none of this name, or the file cannot be written.
        """
        with self._lock:
            self._refresh()
            left = tuple(token for token in self._tokens if token.name != name)
            if len(left) == len(self._tokens):
                names = ", ".join(sorted(token.name for token in self._tokens)) or "none"
                raise TokensError(f"there is no token named {name[:100]!r}; there are: {names}")
            self._write(left)

    def check(self, secret: str) -> Token | None:
        """Return the token whose secret this is; None for any other text, or while the file is unreadable."""
        sent = _hash(secret)
        found: Token | None = None
        for token in self._current():
            # All are compared, so that the time tells nothing.
            if hmac.compare_digest(token.sha256, sent):
                found = token
        return found

    def has(self, token: Token) -> bool:
        """Tell whether a token still counts."""
        return token in self._current()

    def _current(self) -> tuple[Token, ...]:
        with self._lock:
            try:
                self._refresh()
            except TokensError as error:
                warn_once(("tokens", str(error)), "no token counts: %s", error)
                return ()
            return self._tokens

    def _refresh(self) -> None:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            self._signature, self._tokens = None, ()
            return
        except OSError as error:
            raise TokensError(f"{self._path} cannot be read: {error.strerror}") from error
        signature = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
        if signature == self._signature:
            return
        self._signature, self._tokens = None, ()
        if os.name == "posix" and found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise TokensError(f"{self._path} can be written to by others: run chmod 600 on it")
        if os.name == "posix" and found.st_uid not in {0, os.geteuid()}:
            # In a folder of all, such as /tmp, somebody else may have been here first.
            raise TokensError(f"{self._path} belongs to another user: use a database in a folder of yours")
        self._tokens = _read(self._path)
        self._signature = signature

    def _write(self, tokens: tuple[Token, ...]) -> None:
        rows = [
            {"name": token.name, "role": token.role, "created": token.created, "sha256": token.sha256}
            for token in tokens
        ]
        text = json.dumps({"version": _VERSION, "tokens": rows}, indent=2) + "\n"
        draft = self._path.with_name(f"{self._path.name}.{secrets.token_hex(4)}")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    file.write(text)
                    file.flush()
                    os.fsync(file.fileno())
                draft.replace(self._path)
            finally:
                with suppress(FileNotFoundError):
                    draft.unlink()
        except OSError as error:
            raise TokensError(f"{self._path} cannot be written: {error.strerror}") from error
        self._refresh()


def _hash(secret: str) -> str:
    # The secret has 256 random bits, so a plain hash cannot be turned round.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _read(path: Path) -> tuple[Token, ...]:
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
        document: object = json.loads(raw[:_MOST_BYTES])
    except OSError as error:
        raise TokensError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError):
        raise TokensError(f"{path} is no file of tokens: remove it and create them again") from None
    if not isinstance(document, dict):
        raise TokensError(f"{path} is no file of tokens: remove it and create them again")
    fields = cast("dict[str, object]", document)
    rows = fields.get("tokens")
    if fields.get("version") != _VERSION or not isinstance(rows, list):
        raise TokensError(
            f"{path} was written by another version: use that one, or remove it and create them again"
        )
    return tuple(_token(row, path) for row in cast("list[object]", rows))


def _token(row: object, path: Path) -> Token:
    if isinstance(row, dict):
        fields = cast("dict[str, object]", row)
        name, role, created, digest = (fields.get(key) for key in ("name", "role", "created", "sha256"))
        if (
            isinstance(name, str)
            and (role in _PREFIXES)
            and isinstance(created, str)
            and isinstance(digest, str)
            and _HASH.fullmatch(digest)
        ):
            return Token(name, role, created, digest)
    raise TokensError(f"{path} has a token that cannot be read: remove the file and create them again")
