"""The demo's tools work on a real database and real documents."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from examples.demo.tools import DEFINITIONS, FOLDER, Tools

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def tools() -> Iterator[Tools]:
    """Open the tools for one test."""
    opened = Tools()
    yield opened
    opened.close()


def test_the_shop_answers_sql(tools: Tools) -> None:
    """Rows come back as objects that JSON can hold."""
    sql = "SELECT o.id, c.name FROM orders AS o JOIN customers AS c ON c.id = o.customer_id WHERE o.id = 1042"
    assert tools.call("query_shop", {"sql": sql}) == [{"id": 1042, "name": "Ada Lindqvist"}]


def test_a_column_that_does_not_exist_is_the_databases_own_error(tools: Tools) -> None:
    """The mishap of the demo is a real one."""
    with pytest.raises(sqlite3.OperationalError, match="no such column: delivery_date"):
        tools.query_shop("SELECT delivery_date FROM orders")


@pytest.mark.parametrize(
    "sql", ["DELETE FROM orders", "DROP TABLE orders", "UPDATE orders SET state = 'paid'"]
)
def test_the_model_may_only_read(tools: Tools, sql: str) -> None:
    """SQL that a model wrote cannot change the shop."""
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        tools.query_shop(sql)
    assert tools.query_shop("SELECT count(*) AS n FROM orders") == [{"n": 4}]


def test_the_search_finds_the_section_that_fits(tools: Tools) -> None:
    """Every page is in the index, and words are matched by their stems."""
    (best, *_) = tools.call("search_help", {"query": "How are lamps repaired?"})
    assert (best["page"], best["heading"]) == ("Warranty", "What we repair")
    assert {path.stem for path in (FOLDER / "documents").glob("*.md")} == {
        "account",
        "payment",
        "returns",
        "shipping",
        "warranty",
    }


@pytest.mark.parametrize("query", ['" OR 1', "NEAR(", "a", "", "page:*", "-- AND NOT"])
def test_a_query_is_words_and_not_syntax(tools: Tools, query: str) -> None:
    """What a model types into the search never breaks it."""
    assert isinstance(tools.search_help(query), list)


def test_an_unknown_tool_is_an_error(tools: Tools) -> None:
    """A model may invent a tool; it is told that there is none."""
    with pytest.raises(LookupError, match="there is no tool 'send_money'"):
        tools.call("send_money", {})
    assert [definition["function"]["name"] for definition in DEFINITIONS] == ["query_shop", "search_help"]
