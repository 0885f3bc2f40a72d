"""Secret patterns: what looks like a key or a password does not leave with an error, or with any text.

The patterns are linear in the length of the text and sit behind a cheap search for the literals
without which none of them can match.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import Final

MASK: Final = "[redacted]"

_LITERALS: Final = (
    "sk-",
    "sk_",
    "rk_",
    "pk_",
    "pk-",
    "xox",
    "gh",
    "github_pat",
    "glpat",
    "service_",
    "dev_",
    "hf_",
    "npm_",
    "sg.",
    "akia",
    "asia",
    "aiza",
    "eyj",
    "auth",
    "bearer",
    "basic",
    "cookie",
    "://",
    "key",
    "token",
    "secret",
    "pass",
    "pwd",
    "credential",
    "signature",
    "sig=",
    "private",
)
_LONGEST_NAME: Final = 100


class _Pattern:
    """A pattern that is compiled by its first use: no first run waits for all of them."""

    def __init__(self, text: str, flags: re.RegexFlag = re.NOFLAG) -> None:
        self._text = text
        self._flags = flags

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        return re.compile(self._text, self._flags)


# One alternative per kind of token that is a secret by its own shape.
_TOKENS: Final = _Pattern(
    r"(?<![A-Za-z0-9])(?:"
    r"[srp]k-[A-Za-z0-9_-]{8,}"
    r"|[srp]k_(?:live|test)_[A-Za-z0-9]{8,}"
    r"|xox[a-z]-[A-Za-z0-9-]{6,}"
    r"|gh[a-z]_[A-Za-z0-9]{10,}"
    r"|github_pat_[A-Za-z0-9_]{10,}"
    r"|glpat-[A-Za-z0-9_-]{10,}"
    r"|hf_[A-Za-z0-9]{16,}"
    r"|npm_[A-Za-z0-9]{20,}"
    r"|SG\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"
    r"|(?:service|dev)_(?:[A-Za-z0-9-]{16,}|(?=[A-Za-z-]{0,16}[0-9])[A-Za-z0-9-]{6,})"
    r"|(?:AKIA|ASIA)[A-Z0-9]{12,}"
    r"|AIza[A-Za-z0-9_-]{20,}"
    # No scan from inside a run of its own characters: many false starts would cost quadratic time.
    r"|(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?"
    r")"
)

_PRIVATE_KEY: Final = _Pattern(
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[A-Za-z0-9+/=\s\\]*(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?"
)

# user:password@ in a URL; the scheme and the host stay readable.
# A password may hold @, / and ?; what begins as a port and a path is none.
_URL_PASSWORD: Final = _Pattern(
    r"(://)[^\s/@:\"'<>]{0,256}:(?![0-9]{1,5}(?:[/?#\s]|\Z))[^\s\"'<>]{1,1024}@(?!\S{0,1024}@)"
)

# The same with up to two spaces in the password; then the user's name has no dot, unlike a host's.
_SPACED_URL_PASSWORD: Final = _Pattern(
    r"(://)[^\s/@:\"'<>.]{1,64}:(?![0-9]{1,5}(?:[/?#\s]|\Z))"
    r"[^\s\"'<>]{1,64}(?: [^\s\"'<>]{1,64}){1,2}@(?=[A-Za-z0-9\[])"
)

_SCHEME: Final = _Pattern(r"\b(Bearer|Basic)(\s+|%20)[A-Za-z0-9._~+/=:-]{4,}", re.IGNORECASE)

_HEADER: Final = _Pattern(
    r"(\b(?:proxy-)?authorization\b[\"']?\s{0,4}[:=]\s{0,4}[\"']?)"
    r"(?!\[redacted\])(?:(?:Bearer|Basic|Token|Digest)\s+)?[^\s\"',;}\]]{1,4096}",
    re.IGNORECASE,
)

# A name that says that its value is a secret.
_NAME: Final = (
    r"\b[A-Za-z0-9_.-]{0,40}"
    r"(?:api[_-]?key|apikey|access[_-]?key|secret[_-]?key|private[_-]?key|account[_-]?key|key"
    r"|secret|token|passwd|password|passphrase|pwd|pass|credentials?|signature|sig|cookie)"
    r"(?:[_-][a-z]{2,10}){0,2}"
)

_ASSIGNMENT: Final = _Pattern(
    r"([\"']?" + _NAME + r"\\{0,4}[\"']?\s{0,4}(?:=|:)\s{0,4}+\\*+)"
    r"(?!\[redacted\]|(?:Bearer|Basic)\s+\[redacted\])(\"(?!\[redacted\])[^\"\r\n]{1,4096}\"|'(?!\[redacted\])[^'\r\n]{1,4096}'|[^\s\"',;&}\])]{3,4096})",
    re.IGNORECASE,
)

_SECRET_NAME: Final = _Pattern(rf"(?:{_NAME}|\b(?:proxy-)?authorization)\s*\Z", re.IGNORECASE)

# `password hunter2`, `the secret is Hunter-22`: without a sign between, only what is no word is a value.
_MIXED: Final = (
    # Names of algorithms and addresses are no passwords.
    r"(?!(?:sha|md|utf|base|bcrypt|scrypt|pbkdf|argon|oauth|rfc|aes|rsa|version)[a-z]{0,8}[-_]?[0-9]|/|https?:)"
    r"(?=[^\s\"'`,;()\[\]{}<>]{0,64}[0-9])(?=[^\s\"'`,;()\[\]{}<>]{0,64}[A-Za-z])"
    r"[^\s\"'`,;()\[\]{}<>]{5,255}[^\s\"'`,;()\[\]{}<>.:?]"
)
_SPOKEN: Final = _Pattern(
    r"(\b(?:password|passwd|passphrase|pwd|secret|api[ _-]?key)\s{1,4}(?:is|was)\s{1,4}[\"'`]?)"
    rf"(?:{_MIXED}|[0-9]{{4,64}}(?=[.,;!?\"'`)]|\s|\Z))"
    rf"|(\b(?:password|passwd|passphrase|pwd)\s{{1,4}}[\"'`]?){_MIXED}",
    re.IGNORECASE,
)

# `key: word` is prose more often than a secret ("primary key: missing"), unlike `key=word`.
_PROSE: Final = _Pattern(r"[a-z]{1,24}[.!?]?\Z")


def redact_secrets(text: str) -> str:
    """Replace what looks like a credential in a text.

    Covers provider keys (`sk-…`, `xox?-…`, `gh?_…`, `service_…`, cloud keys), JSON web tokens,
    private keys, Authorization, Bearer and Basic values, passwords in URLs, `key=value` pairs
    whose name says that the value is a secret, and passwords named in a sentence where the value is
    no word (`password is hunter2`).

    Args:
        text: any text; a message or a stack trace.

    Returns:
        The text with every match replaced by `[redacted]`.
    """
    lowered = text.lower()
    if not any(literal in lowered for literal in _LITERALS):
        return text
    text = _PRIVATE_KEY.compiled.sub(MASK, text)
    text = _URL_PASSWORD.compiled.sub(rf"\1{MASK}@", text)
    text = _SPACED_URL_PASSWORD.compiled.sub(rf"\1{MASK}@", text)
    text = _HEADER.compiled.sub(rf"\1{MASK}", text)
    text = _SCHEME.compiled.sub(rf"\1\2{MASK}", text)
    text = _TOKENS.compiled.sub(MASK, text)
    text = _ASSIGNMENT.compiled.sub(_mask_value, text)
    return _SPOKEN.compiled.sub(_mask_spoken, text)


def is_secret_name(name: str) -> bool:
    """Return whether a name says that its value is a secret: `password`, `api_key`, `x-auth-token`.

    The rule is the one for `key=value` pairs; only the last 100 characters of the name are read.
    """
    return _SECRET_NAME.compiled.search(name[-_LONGEST_NAME:]) is not None


def _mask_spoken(match: re.Match[str]) -> str:
    return f"{match.group(1) or match.group(2)}{MASK}"


def _mask_value(match: re.Match[str]) -> str:
    name, value = match.group(1), match.group(2)
    label, colon, _ = name.rpartition(":")
    if colon and not label.rstrip().endswith(('"', "'")) and _PROSE.compiled.match(value):
        return match.group(0)
    quote = value[0] if value[0] in "\"'" else ""
    # In JSON that stands as text inside of JSON, the closing quote is escaped too.
    inner = value[:-1] if quote else value
    escape = inner[len(inner.rstrip("\\")) :] if quote else ""
    return f"{name}{quote}{MASK}{escape}{quote}"
