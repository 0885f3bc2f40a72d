"""Secret patterns: what they take out, what they leave, and what they cost."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextcompany.redaction import MASK, is_secret_name, redact_secrets

# Put together here, so that no scanner takes a sample for a leaked key.
SK = "sk-" + "proj-Ab12Cd34Ef56Gh78Ij90"
SLACK = "xox" + "b-123456789012-abcdefABCDEF"
GITHUB = "gh" + "p_" + "Ab12Cd34Ef56Gh78Ij90Kl12Mn34Op56Qr78"
SERVICE = "service_" + "Ab12Cd34Ef56Gh78Ij90"
BASE64 = "dXNlcjpodW50ZXIyMg=="

SECRETS = {
    "openai": (f"Incorrect API key provided: {SK}.", SK),
    "short sk": ("the key sk-abcdefgh is not valid", "sk-abcdefgh"),
    "sk at the end": (f"refused {SK}", SK),
    "sk in brackets": (f"({SK})", SK),
    "sk in JSON": (f'{{"error": "{SK}"}}', SK),
    "slack bot": (f"invalid_auth for {SLACK}", SLACK),
    "slack user": (f"invalid_auth for {SLACK.replace('xoxb', 'xoxp')}", SLACK.replace("xoxb", "xoxp")),
    "slack app": (f"invalid_auth for {SLACK.replace('xoxb', 'xoxa')}", SLACK.replace("xoxb", "xoxa")),
    "github personal": (f"bad credentials {GITHUB}", GITHUB),
    "github server": (f"bad credentials {GITHUB.replace('ghp', 'ghs')}", GITHUB.replace("ghp", "ghs")),
    "github oauth": (f"bad credentials {GITHUB.replace('ghp', 'gho')}", GITHUB.replace("ghp", "gho")),
    "platform": (f"the key {SERVICE} was refused", SERVICE),
    "authorization header": ("Authorization: Bearer hunter22hunter22", "hunter22hunter22"),
    "authorization, lower case": ("authorization: bearer hunter22hunter22", "hunter22hunter22"),
    "authorization without scheme": ("Authorization: hunter22hunter22", "hunter22hunter22"),
    "authorization in a dict": ("{'Authorization': 'Bearer hunter22hunter22'}", "hunter22hunter22"),
    "authorization in JSON": ('{"authorization":"Token hunter22hunter22"}', "hunter22hunter22"),
    "bearer": ("sent with Bearer hunter22.hunter22-x_y~z+/=", "hunter22.hunter22-x_y~z+/="),
    "basic": (f"sent with Basic {BASE64}", BASE64),
    "basic header": (f"Authorization: Basic {BASE64}", BASE64),
    "password in a URL": ("cannot connect to postgres://app:hunter22@db:5432/x", "hunter22"),
    "password without a user": ("redis://:hunter22@cache:6379/0 is down", "hunter22"),
    "password with odd signs": ("amqp://app:h!u$n&t*e(r)22@mq/", "h!u$n&t*e(r)22"),
    "password=": ("login failed: user=joe password=hunter22", "hunter22"),
    "password: quoted": ("{'user': 'joe', 'password': 'hunter 22'}", "hunter 22"),
    "api_key=": ("GET /v1?api_key=hunter22&page=2 failed", "hunter22"),
    "apikey=": ("apikey=hunter22", "hunter22"),
    "API-KEY:": ("X-API-KEY: hunter22", "hunter22"),
    "key=": ("GET /v1?key=hunter22 failed", "hunter22"),
    "token=": ("token=hunter22 has expired", "hunter22"),
    "access_token=": ("access_token=hunter22", "hunter22"),
    "client_secret=": ("client_secret=hunter22", "hunter22"),
    "SECRET_KEY=": ('SECRET_KEY="hunter22"', "hunter22"),
    "aws": ("aws_secret_access_key=hunter22/hunter+22", "hunter22/hunter+22"),
    "pwd=": ("Server=db;Uid=app;Pwd=hunter22;", "hunter22"),
    "passwd without a sign": ("login with passwd hunter22 failed", "hunter22"),
    "password is": ("my password is hunter22, and it works", "hunter22"),
    "password is, quoted": ("the password is 'hunter22'", "hunter22"),
    "password is digits": ("The password was 123456.", "123456"),
    "secret is": ("the secret is Hunter-22!x", "Hunter-22!x"),
    "password with a space in a URL": ("no route to postgres://app:hunter 22@db:5432/x", "hunter 22"),
    "passwd:": ("passwd: Hunter22", "Hunter22"),
}

READABLE = [
    "",
    "the model answered nothing",
    "task-force risk-averse desk-bound flask-restful-extension",
    "disk-controller-0001 is full",
    "service_unavailable",
    "the service_account is missing",
    "ghosts and ghettos",
    "xoxo, your friend",
    "HTTP 429: rate limit reached for gpt-4o-mini, max_tokens=4096, input_tokens=12000",
    "https://example.org:8443/a/b?page=2&sort=name",
    "mail me@example.org at 10:30",
    "KeyError: 'temperature'",
    "keyboard=us layout=de",
    'File "/srv/app/agent.py", line 12, in ask_model',
    "the authors are Ann and Bob",
    "Traceback (most recent call last):",
    "primary key: missing",
    "the password is required and was never set",
    "a password must have 8 characters, a passphrase 20",
    "the password was hashed with sha256, the passwd file is in md5crypt",
    "password sha256 and password base64 are no passwords, nor is /etc/passwd",
    "password is 90 days old",
    "the secret is out: nobody reads it",
    "see https://wiki.example:note and write to me@example.org",
    "http://wiki:8080 is down, ask ops@example.org",
]

HOSTILE = {
    "one letter": "a",
    "words": "key ",
    "assignments": "key=",
    "open quotes": "token='",
    "json web tokens without an end": "-eyJaaaaaaaa",
    "openai keys": "sk-aaaaaaaa",
    "openai beginnings": "-sk-",
    "platform keys": "service_a-",
    "urls": "://a:",
    "colons": "://::",
    "private keys": "-----BEGIN PRIVATE KEY-----\n",
    "bearers": "Bearer ",
    "white space": "Basic" + " " * 63,
    "headers": "authorization: Bearer ",
    "spoken": "password is ",
    "spoken values": "password a1",
    "spaced urls": "://a:b c ",
    "dots": "a.",
    "dashes": "-_",
    "stripe": "sk_live_",
    "slack": "xoxb-",
}


@pytest.mark.parametrize(("text", "secret"), SECRETS.values(), ids=SECRETS.keys())
def test_takes_secrets_out_and_nothing_beside_them(text: str, secret: str) -> None:
    """A secret is replaced by the mask, and no character around it is lost or added but a URL's user name."""
    masked = redact_secrets(text)
    assert secret not in masked
    before, after = text.split(secret)
    # How much of "user:" or of "Bearer" goes with the secret is left open.
    words = r"(?:(?:Bearer|Basic|Token) |[a-z]*:)?"
    pattern = re.sub(words + r"\Z", "", before, flags=re.IGNORECASE)
    found = re.fullmatch(
        f"{re.escape(pattern)}{words}{re.escape(MASK)}{re.escape(after)}", masked, re.IGNORECASE
    )
    assert found is not None, masked


def test_masks_a_key_once_where_two_patterns_meet() -> None:
    """A key of known shape that is also the value of a name leaves one mask and no remains."""
    assert redact_secrets(f"api_key={SK}") == f"api_key={MASK}"
    assert redact_secrets(f'{{"api_key": "{SK}"}}') == f'{{"api_key": "{MASK}"}}'
    assert redact_secrets(f"token=Bearer {SK}, next") == f"token=Bearer {MASK}, next"


def test_masks_every_secret_of_a_text() -> None:
    """A text with several secrets loses all of them and keeps its lines."""
    text = f"1 {SK}\n2 {GITHUB}\n3 {SLACK}\n4 password=hunter22\n5 {SK}\n6 the end"
    assert redact_secrets(text) == f"1 {MASK}\n2 {MASK}\n3 {MASK}\n4 password={MASK}\n5 {MASK}\n6 the end"


@pytest.mark.parametrize("text", READABLE)
def test_leaves_what_is_no_secret(text: str) -> None:
    """Ordinary words, URLs, names and numbers stay as they are."""
    assert redact_secrets(text) == text


@pytest.mark.parametrize(("text", "secret"), SECRETS.values(), ids=SECRETS.keys())
def test_masking_twice_changes_nothing(text: str, secret: str) -> None:
    """A text that was masked before, by an inner handle, comes out of the patterns as it went in."""
    once = redact_secrets(text)
    assert redact_secrets(once) == once


VALUES = st.sampled_from([MASK, SK, SLACK, GITHUB, SERVICE, BASE64, "hunter22", "[x", "]", "'", '"', ""])
NAMES = st.sampled_from(
    [
        "password=",
        "password is ",
        "passwd ",
        "secret was ",
        "api_key: ",
        '"token": "',
        "Authorization: ",
        "Bearer ",
        "redis://a:",
        "",
    ]
)
ANYTHING = st.one_of(st.sampled_from([*" =:'\"@/&,;[](){}\\.\n-_", "://"]), st.text(max_size=4))


@given(st.lists(st.tuples(NAMES, VALUES, ANYTHING).map("".join), max_size=6))
def test_masking_any_text_twice_changes_nothing(pieces: list[str]) -> None:
    """Whatever the text: masking is idempotent."""
    once = redact_secrets("".join(pieces))
    assert redact_secrets(once) == once


@given(st.text(), st.text())
def test_a_known_key_never_survives(before: str, after: str) -> None:
    """Whatever stands around a key of known shape, with a space between: it is gone."""
    for key in (SK, SLACK, GITHUB, SERVICE):
        assert key not in redact_secrets(f"{before} {key} {after}")


def seconds_for(text: str) -> float:
    """Return the least time of three that masking a text takes on this thread."""
    taken: list[float] = []
    for _ in range(3):
        began = time.thread_time()
        redact_secrets(text)
        taken.append(time.thread_time() - began)
    return min(taken)


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE.keys())
def test_time_grows_with_the_length_of_the_text(piece: str) -> None:
    """Up to 256 KiB, eight times the text costs about eight times the time, not sixty-four times."""
    sizes = [1 << power for power in (9, 12, 15, 18)]
    before = None
    for size in sizes:
        taken = seconds_for((piece * (size // len(piece) + 1))[:size])
        # Below a tenth of a millisecond the clock measures itself.
        assert before is None or taken < 24 * max(before, 1e-4), f"{size} characters: {before} to {taken} s"
        before = taken


def test_masks_in_escaped_json() -> None:
    """A secret is masked in JSON that stands as text inside of other text."""
    assert (
        redact_secrets(r"{\"api_key\": \"abc123def\", \"x\": 1}")
        == r"{\"api_key\": \"[redacted]\", \"x\": 1}"
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("postgres://app:hun@ter2@db/x", "postgres://[redacted]@db/x"),
        ("https://user:p/ss@h/x", "https://[redacted]@h/x"),
        ("http://host:8080/path?mail=a@b.example", "http://host:8080/path?mail=a@b.example"),
        ("postgres://app:hun ter2@db/x", "postgres://[redacted]@db/x"),
        ("passwd hunter2", "passwd [redacted]"),
        ("DB_PASS=hunter2", "DB_PASS=[redacted]"),
        ("pass='hunter2'", "pass='[redacted]'"),
        ("secret_key_base=0123456789abcdef", "secret_key_base=[redacted]"),
        ("npm_0123456789abcdefghijABCDEFGHIJ012345", "[redacted]"),
        ("SG.0123456789abcdef.0123456789abcdef", "[redacted]"),
    ],
)
def test_masks_further_forms(given: str, expected: str) -> None:
    """Passwords with URL characters in them, and the keys of further services, are masked whole."""
    assert redact_secrets(given) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *(
            (name, True)
            for name in ("password", "API_KEY", "x-auth-token", "DB_PASS", "Authorization", "key")
        ),
        *(
            (name, True)
            for name in ("tcc.metadata.client_secret", "my password", "secret_key_base", "a" * 9000 + ".key")
        ),
        *(
            (name, False)
            for name in ("", "input_tokens", "keyboard", "passage", "author", "q", "content", "a" * 9000)
        ),
    ],
)
def test_secret_names(name: str, expected: bool) -> None:
    """A name tells that its value is a secret by the same words that count in a text."""
    assert is_secret_name(name) is expected


@pytest.mark.parametrize("slashes", range(7))
def test_masking_behind_backslashes_is_stable(slashes: int) -> None:
    """However often a text was escaped before, a mask in it is not masked again."""
    text = "password=" + "\\" * slashes + "password=[redacted] "
    once = redact_secrets(text)
    assert redact_secrets(once) == once
