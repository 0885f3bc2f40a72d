"""This machine may ask under its own name, others with a token, and no page but our own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextcompany.local.server.access import Access, own_target
from contextcompany.local.server.sessions import COOKIE
from contextcompany.local.server.tokens import Tokens
from tests.local.samples import JSON_BODY
from tests.local.served import Served, served

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PLACES = ("/", "/runs", "/api/runs", "/api/openapi.json", "/static/style.css", "/healthz", "/live")
NAVIGATION = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server for this machine alone."""
    with served(tmp_path_factory.mktemp("own")) as here:
        yield here


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    """The tokens of the server that others can reach."""
    return Tokens.load(tmp_path_factory.mktemp("tokens") / "tokens.json")


@pytest.fixture(scope="module")
def secrets(tokens: Tokens) -> Mapping[str, str]:
    """One token of each role."""
    return {"read": tokens.create("ann", "read"), "write": tokens.create("billing", "write")}


@pytest.fixture(scope="module")
def guarded(
    tmp_path_factory: pytest.TempPathFactory, tokens: Tokens, secrets: Mapping[str, str]
) -> Iterator[Served]:
    """A server with tokens."""
    with served(tmp_path_factory.mktemp("guarded"), access=Access(tokens)) as here:
        yield here


def _bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST", "127.1.2.3"])
def test_this_machine_may_ask_by_any_loopback_name(own: Served, host: str) -> None:
    """Every name that leads here and nowhere else is the server's own."""
    assert own.ask("/api/runs", headers={"Host": f"{host}:{own.server.port}"}).status == 200


@pytest.mark.parametrize("path", PLACES)
@pytest.mark.parametrize(
    "host",
    [
        "evil.test:{port}",
        "localhost.evil.test:{port}",
        "evil.test",
        "localhost",
        "localhost:1",
        "localhost:{port}0",
        "localhost:x",
        "localhost:",
        "[::1]x:{port}",
        "[::ffff:1.2.3.4]:{port}",
        "0.0.0.0:{port}",
        "192.0.2.1:{port}",
        "localhost@evil.test:{port}",
        "localhost:{port}:{port}",
        "localhost:{port}, evil.test",
    ],
)
def test_another_name_is_refused_everywhere(own: Served, path: str, host: str) -> None:
    """A name that a foreign page can point here (DNS rebinding) reads nothing, whatever the path."""
    answer = own.ask(path, headers={"Host": host.format(port=own.server.port)})
    assert answer.status == 403
    assert "localhost" in answer.text


@pytest.mark.parametrize("path", [*PLACES, "/v1/traces", "/api/import"])
@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.test",
        "http://localhost",
        "http://localhost:3000",
        "https://localhost:{port}",
        "http://127.0.0.1:{port}",
        "http://localhost:{port}.evil.test",
        "null",
        "",
        "file://",
        "http://localhost:{port} http://evil.test",
    ],
)
def test_another_page_is_refused_everywhere(own: Served, path: str, origin: str) -> None:
    """What a page from elsewhere asks, with any method, is refused before it is looked at."""
    sent = {"Origin": origin.format(port=own.server.port)}
    for method, body in (("GET", None), ("POST", JSON_BODY), ("OPTIONS", None)):
        answer = own.ask(path, method, body, JSON | sent)
        assert answer.status == 403
        assert not any(name.startswith("access-control") for name in answer.headers)


def test_a_foreign_page_leaves_nothing_behind(own: Served) -> None:
    """A form or a script from elsewhere adds no span."""
    before = own.store.stats().spans
    own.ask("/v1/traces", "POST", JSON_BODY, JSON | {"Origin": "http://evil.test"})
    own.ask("/v1/traces", "POST", JSON_BODY, JSON | {"Sec-Fetch-Site": "cross-site"} | NAVIGATION)
    assert own.store.stats().spans == before


def test_the_pages_of_the_server_may_ask(own: Served) -> None:
    """Requests of its own pages and of the address bar are let in."""
    for sent in (
        {"Origin": own.origin, "Sec-Fetch-Site": "same-origin"},
        {"Origin": own.origin.upper().replace("HTTP", "http")},
        {"Sec-Fetch-Site": "none"} | NAVIGATION,
        {"Sec-Fetch-Site": "same-origin"},
    ):
        assert own.ask("/api/stats", headers=sent).status == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site", "anything"])
def test_a_link_from_elsewhere_opens_a_page_and_reads_nothing(own: Served, site: str) -> None:
    """A person may follow a link here; a page that embeds, fetches or posts is refused."""
    sent = {"Sec-Fetch-Site": site}
    assert own.ask("/runs", headers=sent | NAVIGATION).status == 200
    for path, method, more in (
        ("/runs", "GET", {}),
        ("/runs", "GET", {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}),
        ("/runs", "GET", {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}),
        ("/runs", "POST", NAVIGATION),
        ("/api/runs", "GET", NAVIGATION),
        ("/api/runs", "GET", {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"}),
    ):
        assert own.ask(path, method, headers=sent | more).status == 403


def test_keys_of_older_programs_are_no_hindrance_here(own: Served) -> None:
    """On this machine a key that a program sends is neither needed nor looked at."""
    assert own.ask("/v1/traces", "POST", JSON_BODY, JSON | _bearer("any-key")).status == 200
    assert own.ask("/login").status == 404


def test_without_a_token_nothing_is_read_and_nothing_is_written(guarded: Served) -> None:
    """Only the health of the server, its sign-in page and its style are open."""
    for path in ("/healthz", "/static/style.css", "/login"):
        assert guarded.ask(path).status == 200
    for path in ("/api/runs", "/api", "/api/", "/api/openapi.json", "/API/runs", "/live2?x"):
        assert guarded.ask(path, headers={"Accept": "application/json"}).status in {401, 303}
    assert guarded.ask("/api/runs").status == 401
    refused = guarded.ask("/v1/traces", "POST", JSON_BODY, JSON)
    assert (refused.status, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert refused.json["code"] == 16
    assert guarded.ask("/runs/x/feedback", "POST", b"score=up", FORM).status == 401
    assert guarded.store.stats().spans == 0


@pytest.mark.parametrize(
    "path",
    [
        "/v1%2Ftraces",
        "//v1/traces",
        "/static/../api/runs",
        "/static/%2e%2e/api/runs",
        "/static/..%2fapi/runs",
        "/healthz/../api/runs",
        "/login/../api/runs",
        "/login%2f..%2fapi/runs",
        "/static%2f/../api/runs",
        "/api%2fruns",
        "http://localhost/api/runs",
        "/healthz%00/api/runs",
    ],
)
def test_no_spelling_of_a_path_leads_around_the_token(guarded: Served, path: str) -> None:
    """The rule and the routes see the same path, so that what is open to all is what it seems."""
    answer = guarded.ask(path)
    assert answer.status in {303, 400, 401, 404}
    assert b'"items"' not in answer.body


def test_each_role_opens_its_own_side(guarded: Served, secrets: Mapping[str, str]) -> None:
    """A service writes and reads nothing; a person reads and sends no spans."""
    for path, method, role in (
        ("/api/runs", "GET", "read"),
        ("/", "GET", "read"),
        ("/v1/traces", "POST", "write"),
        ("/api/import", "POST", "write"),
    ):
        other = "write" if role == "read" else "read"
        body = JSON_BODY if method == "POST" else None
        sent = JSON if path.startswith("/v1") else {}
        assert guarded.ask(path, method, body, sent | _bearer(secrets[role])).status == 200
        refused = guarded.ask(path, method, body, sent | _bearer(secrets[other]))
        assert refused.status == 403
        assert f"use a {role} one" in refused.text


@pytest.mark.parametrize("sent", ["Bearer x", "Basic eDp5", "Bearer", "bearer tcc_r_", "Bearer \xff"])
def test_what_is_no_token_is_none(guarded: Served, sent: str) -> None:
    """Any other Authorization is as good as none."""
    assert guarded.ask("/api/runs", headers={"Authorization": sent}).status == 401


def test_a_page_of_elsewhere_is_refused_with_a_token_too(guarded: Served, secrets: Mapping[str, str]) -> None:
    """A token does not open the server to foreign pages; a proxy's https and a name of its own are fine."""
    sent = _bearer(secrets["read"])
    assert guarded.ask("/api/runs", headers=sent | {"Origin": "http://evil.test"}).status == 403
    named = {"Host": "runs.example.test", "Origin": "https://runs.example.test"}
    assert guarded.ask("/api/runs", headers=sent | named).status == 200


def test_people_sign_in_and_out(guarded: Served, secrets: Mapping[str, str]) -> None:
    """The token is exchanged for a cookie, which opens the pages until the person signs out."""
    turned_away = guarded.ask("/runs?status=failed&text=a%20b")
    assert turned_away.status == 303
    assert turned_away.headers["location"] == "/login?next=%2Fruns%3Fstatus%3Dfailed%26text%3Da%2520b"
    page = guarded.ask(turned_away.headers["location"])
    assert 'value="/runs?status=failed&amp;text=a%20b"' in page.text
    form = f"token={secrets['read']}&next=%2Fruns%3Fstatus%3Dfailed".encode()
    entered = guarded.ask("/login", "POST", form, FORM | {"Origin": guarded.origin})
    assert (entered.status, entered.headers["location"]) == (303, "/runs?status=failed")
    set_cookie = entered.headers["set-cookie"]
    assert secrets["read"] not in set_cookie
    assert "HttpOnly; SameSite=Strict" in set_cookie
    assert "Secure" not in set_cookie
    cookie = {"Cookie": set_cookie.partition(";")[0]}
    assert guarded.ask("/runs", headers=cookie).status == 200
    assert guarded.ask("/api/runs", headers=cookie).status == 200
    assert guarded.ask("/v1/traces", "POST", JSON_BODY, JSON | cookie).status == 401
    assert "You are signed in" in guarded.ask("/login", headers=cookie).text
    assert guarded.ask("/logout", "POST", b"", cookie).status == 303
    assert guarded.ask("/runs", headers=cookie).status == 303


def test_a_wrong_token_signs_nobody_in(guarded: Served, secrets: Mapping[str, str]) -> None:
    """A write token or a guess gives no cookie, and the page does not repeat what was sent."""
    for wrong in (secrets["write"], "tcc_r_guess", "", "<script>"):
        answer = guarded.ask("/login", "POST", f"token={wrong}".encode(), FORM)
        assert answer.status == 403
        assert "set-cookie" not in answer.headers
        assert not wrong or wrong not in answer.text
    assert guarded.ask("/login", "POST", b"&" * 5_000, FORM).status == 403
    foreign = guarded.ask("/login", "POST", b"", FORM | {"Origin": "http://evil.test"})
    assert foreign.status == 403
    assert COOKIE not in str(foreign.headers)


def test_over_https_the_cookie_stays_there(guarded: Served, secrets: Mapping[str, str]) -> None:
    """Behind a proxy that speaks https the cookie is never sent in the clear."""
    sent = FORM | {"Host": "runs.example.test", "Origin": "https://runs.example.test"}
    answer = guarded.ask("/login", "POST", f"token={secrets['read']}".encode(), sent)
    assert answer.headers["set-cookie"].endswith("; Secure")


@pytest.mark.parametrize(
    "target",
    [
        "//evil.test",
        "/\\evil.test",
        "https://evil.test",
        "javascript:alert(1)",
        "/\t/evil.test",
        "/\n/evil.test",
        "evil.test",
        "",
        " /runs",
        "\\\\evil.test",
        "/ü",
    ],
)
def test_signing_in_leads_to_this_server_alone(target: str) -> None:
    """A link to the sign-in page cannot send people elsewhere with it."""
    assert own_target(target) == "/"


@given(st.text("/\\.:a?#%\t\n @", max_size=12))
def test_no_target_has_a_host(target: str) -> None:
    """What is gone on with is a path of this server, whatever was asked for."""
    found = own_target(target)
    assert found.startswith("/")
    assert found[1:2] not in {"/", "\\"}
    assert not set(found) & set("\\\t\n ")
