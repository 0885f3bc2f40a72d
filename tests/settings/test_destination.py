"""Where spans go, and which key may go with them."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextcompany.settings import destination as places
from contextcompany.settings.destination import Destination, Source, is_loopback, origin, resolve, traces_url

PLATFORM = "https://api.thecontext.company/v1/traces"
PLATFORM_DEV = "https://dev.thecontext.company/v1/traces"
KEY = "service_hunter22hunter22"
DEV_KEY = "dev_hunter22hunter22"
SECRET = "hunter22"

LOCAL = Destination("http://localhost:4318/v1/traces", Source.LOCAL)
OURS = Destination("https://a.example/v1/traces", Source.OURS, KEY, (("x-tenant", "t"),))


def basic(pair: str) -> str:
    """Return the Authorization value of a user and a password."""
    return "Basic " + base64.b64encode(pair.encode()).decode()


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the warnings so far."""
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


COMPLETED = [
    ("http://localhost:4318", "http://localhost:4318/v1/traces"),
    ("http://localhost:4318/", "http://localhost:4318/v1/traces"),
    ("https://a.example", "https://a.example/v1/traces"),
    ("https://a.example/otlp", "https://a.example/otlp/v1/traces"),
    ("https://a.example/otlp/", "https://a.example/otlp/v1/traces"),
    ("https://a.example/v1/traces", "https://a.example/v1/traces"),
    ("https://a.example/otlp/v1/traces", "https://a.example/otlp/v1/traces"),
    ("https://a.example/v1/traces?tenant=t", "https://a.example/v1/traces?tenant=t"),
    ("https://a.example?tenant=t&x=%20", "https://a.example/v1/traces?tenant=t&x=%20"),
    ("https://a.example/otlp?tenant=t", "https://a.example/otlp/v1/traces?tenant=t"),
    ("http://[::1]:4318", "http://[::1]:4318/v1/traces"),
    ("  https://a.example  ", "https://a.example/v1/traces"),
]


@pytest.mark.parametrize(("given", "expected"), COMPLETED)
def test_urls_are_completed(given: str, expected: str) -> None:
    """The traces path is appended where the path does not end in it, and the query is kept."""
    assert traces_url(given) == (expected, ())


@pytest.mark.parametrize(
    "url",
    [
        "https://a.example/custom",
        "https://a.example/x?y=1",
        "https://a.example/",
        "https://a.example/v1/traces/",
    ],
)
def test_verbatim_urls_are_left_alone(url: str) -> None:
    """A verbatim URL keeps its path and its query as they stand."""
    assert traces_url(url, verbatim=True) == (url, ())


@pytest.mark.parametrize(
    ("given", "header"),
    [
        ("https://joe:hunter22@a.example", basic("joe:hunter22")),
        ("https://joe@a.example", basic("joe:")),
        ("https://joe:p%40ss%3Aw@a.example", basic("joe:p@ss:w")),
    ],
)
def test_credentials_leave_the_url(given: str, header: str) -> None:
    """User and password become an Authorization header, decoded, and are no part of the URL."""
    assert traces_url(given) == ("https://a.example/v1/traces", (("authorization", header),))


NO_URLS = [
    "",
    "localhost:4318",
    "a.example",
    "/v1/traces",
    "ftp://a.example",
    "file:///v1/traces",
    "https://",
    "https:///v1/traces",
    "http://a.example:port",
    "http://a.example:99999",
    "http://[::1",
    "http://a.example/a b",
    "http://a.example/\nx",
    "http:// a.example",
]


@pytest.mark.parametrize("text", NO_URLS)
def test_what_is_no_url(text: str) -> None:
    """A text that is no http(s) URL with a host raises: of which name, what it got, what to do."""
    with pytest.raises(ValueError, match=r"^tcc_url must be an http\(s\) URL .*: got .*; "):
        traces_url(text)


@pytest.mark.parametrize("value", [1, None, b"https://a.example", ["https://a.example"]])
def test_what_is_no_text(value: object) -> None:
    """Anything but text is no URL either."""
    with pytest.raises(ValueError, match=type(value).__name__):
        traces_url(value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        f"ftp://joe:{SECRET}@a.example",
        f"https://joe:{SECRET}@a.example:port",
        f"joe:{SECRET}@a.example",
        f"ftp://a.example/?api_key={SECRET}",
        # Key and URL in each other's place.
        f"service_{SECRET}{SECRET}",
    ],
)
def test_errors_show_no_secret(text: str) -> None:
    """The error of a bad URL shows no password, no query and no key."""
    with pytest.raises(ValueError, match="must be an") as caught:
        traces_url(text)
    assert SECRET not in str(caught.value)


@given(st.text(max_size=40))
def test_any_text_is_a_url_or_a_value_error(text: str) -> None:
    """Whatever the text: a URL that stays as it is when completed again, or a ValueError."""
    for candidate in (text, f"http://{text}", f"https://a.example/{text}"):
        try:
            url, _ = traces_url(candidate)
        except ValueError:
            continue
        assert traces_url(url) == (url, ())
        assert all(" " < char != "\x7f" for char in url)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://localhost:4318/v1/traces", True),
        ("http://LOCALHOST/", True),
        ("http://127.0.0.1:1/", True),
        ("http://127.9.9.9/", True),
        ("http://[::1]:4318/", True),
        ("http://localhost.evil.example/", False),
        ("http://127.0.0.1.evil.example/", False),
        ("http://127.0.0.1@evil.example/", False),
        ("http://notlocalhost/", False),
        ("http://0.0.0.0/", False),
        ("http://10.0.0.1/", False),
        ("http://192.168.1.1/", False),
        ("http://169.254.169.254/", False),
        ("http://[fe80::1]/", False),
        ("https://a.example/", False),
    ],
)
def test_loopback(url: str, expected: bool) -> None:
    """Only this machine counts as loopback: not its network, and not a name that looks like it."""
    assert is_loopback(url) is expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example/x", ("https", "a.example", 443)),
        ("https://A.example:443/y", ("https", "a.example", 443)),
        ("http://a.example", ("http", "a.example", 80)),
        ("https://a.example:8443", ("https", "a.example", 8443)),
    ],
)
def test_origins(url: str, expected: tuple[str, str, int]) -> None:
    """An origin is scheme, host and port, with the scheme's own port filled in."""
    assert origin(url) == expected


RESOLVED = [
    # base, api_key, tcc_url -> url, source, key, headers
    (LOCAL, None, None, LOCAL),
    (LOCAL, KEY, None, Destination(PLATFORM, Source.PLATFORM, KEY)),
    (LOCAL, DEV_KEY, None, Destination(PLATFORM_DEV, Source.PLATFORM, DEV_KEY)),
    (LOCAL, None, "https://b.example", Destination("https://b.example/v1/traces", Source.OURS)),
    (LOCAL, KEY, "https://b.example", Destination("https://b.example/v1/traces", Source.OURS, KEY)),
    (LOCAL, DEV_KEY, "https://b.example", Destination("https://b.example/v1/traces", Source.OURS, DEV_KEY)),
    (OURS, None, None, OURS),
    (OURS, "other", None, Destination(OURS.url, Source.OURS, "other", OURS.headers)),
    (OURS, None, "https://b.example", Destination("https://b.example/v1/traces", Source.OURS)),
    (OURS, None, "http://a.example", Destination("http://a.example/v1/traces", Source.OURS)),
    (OURS, None, "https://a.example:8443", Destination("https://a.example:8443/v1/traces", Source.OURS)),
    (OURS, "other", "https://b.example", Destination("https://b.example/v1/traces", Source.OURS, "other")),
    (
        OURS,
        None,
        "https://a.example/elsewhere",
        Destination("https://a.example/elsewhere/v1/traces", Source.OURS, KEY, OURS.headers),
    ),
]


@pytest.mark.parametrize(("base", "api_key", "tcc_url", "expected"), RESOLVED)
def test_a_key_belongs_to_its_destination(
    base: Destination, api_key: str | None, tcc_url: str | None, expected: Destination
) -> None:
    """A URL without a key takes key and headers along within their origin only; a key alone goes its way."""
    assert resolve(base, api_key=api_key, tcc_url=tcc_url) == expected


def test_a_key_that_stays_behind_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """Leaving the configured key behind is one warning, which shows no key."""
    for _ in range(2):
        resolve(OURS, tcc_url="https://b.example?token=hunter22")
    assert len(warnings(caplog)) == 1
    assert "https://b.example/v1/traces" in warnings(caplog)[0]
    assert SECRET not in warnings(caplog)[0]


@pytest.mark.parametrize("key", ["a\nb", "a\r\nx-b: 1", "a\0", "ключ"])
def test_a_key_that_no_header_can_carry(key: str) -> None:
    """Such a key raises at once, and the error does not show it."""
    with pytest.raises(ValueError, match="api_key") as caught:
        resolve(LOCAL, api_key=key)
    assert key not in str(caught.value)


WIRE = [
    ("https://b.example/v1/traces", False, True),
    ("http://localhost:4318/v1/traces", False, True),
    ("http://127.0.0.1:4318/v1/traces", False, True),
    ("http://[::1]:4318/v1/traces", False, True),
    ("http://collector:4318/v1/traces", False, False),
    ("http://10.0.0.1:4318/v1/traces", False, False),
    ("http://collector:4318/v1/traces", True, True),
]


@pytest.mark.parametrize(("url", "allowed", "sent"), WIRE)
def test_keys_travel_over_https_or_to_loopback(
    url: str, allowed: bool, sent: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Elsewhere spans go without them, and one warning says so; TCC_ALLOW_INSECURE lets them travel."""
    headers = (("x-mlflow-experiment-id", "0"), ("x-api-key", SECRET), ("cookie", SECRET))
    target = Destination(url, Source.OURS, KEY, headers, allow_insecure=allowed)
    expected = {"x-mlflow-experiment-id": "0"}
    if sent:
        expected |= {"x-api-key": SECRET, "cookie": SECRET, "authorization": f"Bearer {KEY}"}
    assert target.wire_headers() == expected
    assert target.wire_headers() == expected
    assert target.may_carry_credentials is sent
    assert len(warnings(caplog)) == (0 if sent else 1)
    assert not any(SECRET in line for line in warnings(caplog))


def test_credentials_of_a_url_are_no_exception(caplog: pytest.LogCaptureFixture) -> None:
    """User and password of a URL stay at home too where they would travel in clear text."""
    target = resolve(LOCAL, tcc_url=f"http://joe:{SECRET}@collector:4318")
    assert target.wire_headers() == {}
    assert len(warnings(caplog)) == 1


def test_nothing_to_hide_is_nothing_to_say(caplog: pytest.LogCaptureFixture) -> None:
    """A destination without credentials warns of nothing, whatever its scheme."""
    target = Destination("http://collector:4318/v1/traces", Source.OURS, headers=(("x-tenant", "t"),))
    assert target.wire_headers() == {"x-tenant": "t"}
    assert warnings(caplog) == []


def test_a_key_wins_over_credentials_in_the_url() -> None:
    """With both, the key is what is sent."""
    target = resolve(LOCAL, api_key=KEY, tcc_url=f"https://joe:{SECRET}@b.example")
    assert target.wire_headers() == {"authorization": f"Bearer {KEY}"}


def test_the_repr_shows_where_and_nothing_else() -> None:
    """A destination's repr holds no key, no header and no query."""
    target = Destination(
        f"https://b.example/v1/traces?t={SECRET}", Source.OURS, KEY, (("x-api-key", SECRET),)
    )
    assert repr(target) == "Destination('https://b.example/v1/traces', OURS)"
    assert str(target) == repr(target)
    assert f"{target}" == repr(target)


def test_who_named_it() -> None:
    """A destination is ours when we were told of it, and implicit when nobody named one."""
    told = {source: Destination("https://b.example", source) for source in Source}
    assert {source for source, target in told.items() if target.is_ours} == {Source.OURS, Source.PLATFORM}
    assert {source for source, target in told.items() if target.is_implicit} == {Source.LOCAL}


def test_the_addresses_of_the_platform() -> None:
    """The platform and the local default are where the design says."""
    assert (
        PLATFORM,
        PLATFORM_DEV,
        LOCAL.url,
    ) == (places.PLATFORM_URL, places.PLATFORM_DEV_URL, places.LOCAL_URL)


@pytest.mark.parametrize(
    "header", [("x-honeycomb-team", "t"), ("x-anything", "0123456789abcdef"), ("x-sf-token", "t")]
)
def test_a_header_that_may_be_a_key_stays_home(
    header: tuple[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """In clear text to another machine, a header that looks like a key is left out, and it is said once."""
    target = Destination("http://collector:4318/v1/traces", Source.OURS, headers=(header, ("x-tenant", "t")))
    assert [target.wire_headers(), target.wire_headers()] == [{"x-tenant": "t"}] * 2
    assert len(caplog.records) == 1


def test_a_name_below_localhost_is_not_trusted() -> None:
    """Only `localhost` itself is this machine by name: what DNS says of names below it is another's word."""
    assert not is_loopback("http://collector.localhost:4318/")
