"""The API explains itself on a page."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import pytest

from contextcompany.local.server.access import Access
from contextcompany.local.server.api_page import operations
from contextcompany.local.server.tokens import Tokens
from tests.local.served import Served, served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server."""
    with served(tmp_path_factory.mktemp("api")) as one:
        yield one


def test_the_page_names_every_question_and_every_parameter(here: Served) -> None:
    """Nothing that the description has is left out of the page."""
    page = here.ask("/api", headers={"Accept": "text/html"}).text
    description = here.ask("/api/openapi.json").json
    found = operations(description)
    assert len(found) == sum(len(methods) for methods in description["paths"].values())
    for one in found:
        assert f'id="{one.name}"' in page
        assert one.path in page
        assert all(f"<code>{escape(parameter.name)}</code>" in page for parameter in one.parameters)
    assert 'href="/api/openapi.json"' in page


def test_every_question_has_its_own_name_and_words(here: Served) -> None:
    """Operations can be told apart, each says what it does, and none promises a 422."""
    found = operations(here.ask("/api/openapi.json").json)
    assert len({one.name for one in found}) == len(found)
    assert all(one.description for one in found)
    assert all(parameter.description for one in found for parameter in one.parameters)
    assert not any(status == "422" for one in found for status, _ in one.answers)


def test_the_page_shows_the_name_it_was_asked_under(here: Served, tmp_path: Path) -> None:
    """The example can be copied; a name made of markup stays text."""
    assert f"curl 'http://localhost:{here.server.port}/api/runs" in here.ask("/api").text
    tokens = Tokens.load(tmp_path / "tokens.json")
    sent = {"Authorization": f"Bearer {tokens.create('ann', 'read')}", "Host": "<script>alert(1)</script>"}
    with served(tmp_path, access=Access(tokens)) as other:
        page = other.ask("/api", headers=sent)
    assert page.status == 200
    assert "<script>alert" not in page.text
