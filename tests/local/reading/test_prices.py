"""Costs from the price list."""

from __future__ import annotations

import datetime
import sys
from typing import TYPE_CHECKING

import genai_prices
import pytest
from genai_prices.data import providers
from hypothesis import assume, given
from hypothesis import strategies as st

from contextcompany.local.reading import prices
from contextcompany.local.reading.prices import PriceList, Tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW_NS = 1_760_000_000_000_000_000
MODELS = [(provider.id, model.id) for provider in providers for model in provider.models]
LIST = PriceList()


@given(
    st.sampled_from(MODELS),
    st.builds(
        lambda total, cached, written, output: Tokens(
            total, total * cached // 200, total * written // 200, output
        ),
        st.sampled_from([0, 1, 999, 128_000, 200_000, 200_001, 272_001, 5_000_000]),
        st.integers(0, 100),
        st.integers(0, 100),
        st.sampled_from([0, 1, 4_096, 1_000_000]),
    ),
    st.integers(1_600_000_000, 1_900_000_000),
)
def test_costs_are_those_of_the_price_list(named: tuple[str, str], tokens: Tokens, when: int) -> None:
    """Worked out from the price of a token, a cost is what the price list says of the whole request."""
    provider, model = named
    usage = genai_prices.Usage(
        input_tokens=tokens.input,
        cache_read_tokens=tokens.cached,
        cache_write_tokens=tokens.written,
        output_tokens=tokens.output,
    )
    moment = datetime.datetime.fromtimestamp(when, tz=datetime.UTC)
    try:
        asked = genai_prices.calc_price(usage, model, provider_id=provider, genai_request_timestamp=moment)
    except LookupError:
        assume(False)
    cost = LIST.cost(model, provider, tokens, when * 1_000_000_000)
    assert cost == pytest.approx(float(asked.total_price), rel=1e-9, abs=1e-11)


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("gpt-4o", "openai"),
        ("gpt-4o", "OpenAI"),
        ("gpt-4o", ""),
        ("gpt-4o", "some gateway"),
        ("openai/gpt-4o", "openrouter?"),
        ("gpt-4o-2024-08-06", "openai"),
    ],
)
def test_a_model_is_found_under_the_names_that_libraries_write(model: str, provider: str) -> None:
    """Neither spelling nor a gateway keeps a price away."""
    assert LIST.cost(model, provider, Tokens(1_000, 0, 0, 100), NOW_NS) == 0.0035


@pytest.mark.parametrize("model", ["", "house-model", "x" * 10_000, "\0"])
def test_a_model_that_is_not_listed_has_no_cost(model: str) -> None:
    """An unknown cost is no cost of zero."""
    assert LIST.cost(model, "openai", Tokens(1, 0, 0, 1), NOW_NS) is None


@pytest.mark.parametrize("start_ns", [0, -(2**63), 2**63 - 1])
def test_no_time_is_too_strange(start_ns: int) -> None:
    """A span may say that it began at any time."""
    assert LIST.cost("deepseek-chat", "deepseek", Tokens(10, 0, 0, 1), start_ns) != 0


def test_names_without_end_are_not_remembered_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """From some number on nothing new is asked for, and what is known is still priced."""
    monkeypatch.setattr(prices, "_MOST_QUESTIONS", 3)
    bounded = PriceList()
    tokens = Tokens(1_000, 0, 0, 100)
    assert bounded.cost("gpt-4o", "openai", tokens, NOW_NS) == 0.0035
    assert [bounded.cost(f"unknown-{n}", "", tokens, NOW_NS) for n in range(5)] == [None] * 5
    assert bounded.cost("gpt-4o-mini", "openai", tokens, NOW_NS) is None
    assert bounded.cost("gpt-4o", "openai", tokens, NOW_NS) == 0.0035


@pytest.fixture
def _without_a_price_list(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    prices._prices.cache_clear()
    yield
    prices._prices.cache_clear()


@pytest.mark.usefixtures("_without_a_price_list")
def test_without_the_price_list_no_cost_is_filled_in() -> None:
    """The package is an extra, and nothing else depends on it."""
    assert PriceList().cost("gpt-4o", "openai", Tokens(1, 0, 0, 1), NOW_NS) is None
