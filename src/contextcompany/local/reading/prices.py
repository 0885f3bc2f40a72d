"""What a request cost, from its model and token counts, where nobody has said it.

Prices are the ones bundled with the `genai-prices` package (extra `cost`); nothing is fetched. Asking it
takes a tenth of a millisecond, so it is asked once for the price of a token of each sort, and not again.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from contextcompany.diagnostics import logger
from contextcompany.semconv.providers import GENAI_PRICES_PROVIDER, infer_provider

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

_LONGEST_NAME: Final = 256
# The price list remembers each name it was asked for, so that it is not asked for names without end.
_MOST_QUESTIONS: Final = 10_000
_NS_PER_SECOND: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a request used; cached and written tokens are part of `input`."""

    input: int
    cached: int
    written: int
    output: int


@dataclass(frozen=True, slots=True)
class _Rates:
    """USD for a request, and for a token of each sort."""

    request: float
    plain: float
    cached: float
    written: float
    output: float


class PriceList:
    """The prices of the models that were asked for; may be used by any thread."""

    def __init__(self) -> None:
        self._models: dict[tuple[str, str], Any] = {}
        # By the identity of a price, which the price list keeps for good.
        self._rates: dict[tuple[int, int], _Rates | None] = {}
        self._brackets: dict[int, list[int]] = {}

    def cost(self, model: str, provider: str, tokens: Tokens, start_ns: int) -> float | None:
        """Return the cost of a request in USD, or None where it is unknown.

        Args:
            model: the name of the model that answered, or that was asked.
            provider: who provides it, in any spelling; empty where that is not known.
            tokens: what was used.
            start_ns: when it began, in nanoseconds since the epoch; prices change in time.
        """
        prices = _prices()
        if prices is None or not model or len(model) > _LONGEST_NAME or len(provider) > _LONGEST_NAME:
            return None
        key = (model, provider)
        if key not in self._models:
            if len(self._models) >= _MOST_QUESTIONS:
                return None
            self._models[key] = _model(prices, model, provider)
        found = self._models[key]
        if found is None:
            return None
        price = _price_at(found, start_ns)
        if price is None:
            return None
        brackets = self._brackets.get(id(price))
        if brackets is None:
            brackets = self._brackets[id(price)] = _brackets(price)
        bracket = max((start for start in brackets if start < tokens.input), default=0)
        place = (id(price), bracket)
        if place not in self._rates:
            self._rates[place] = _rates(prices, price, bracket)
        rates = self._rates[place]
        return None if rates is None else _total(rates, tokens)


def _total(rates: _Rates, tokens: Tokens) -> float:
    plain = max(0, tokens.input - tokens.cached - tokens.written)
    total = (
        rates.request
        + rates.plain * plain
        + rates.cached * tokens.cached
        + rates.written * tokens.written
        + rates.output * tokens.output
    )
    return round(total, 12)


def _model(prices: ModuleType, model: str, provider: str) -> Any:
    """Find a model in the price list: with the provider that was named, else with that of its name."""
    given, inferred = provider.strip().lower(), infer_provider(model) or ""
    known = [GENAI_PRICES_PROVIDER.get(name, name) for name in (given, inferred)]
    identifiers = dict.fromkeys((*filter(None, known), None))
    for reference in dict.fromkeys((model, model.rpartition("/")[2])):
        for identifier in identifiers:
            try:
                found = prices.calc_price(
                    prices.Usage(input_tokens=1, output_tokens=1), reference, provider_id=identifier
                )
            except (LookupError, ValueError):
                continue  # this model or provider is not in the price list
            return found.model
    return None


def _price_at(model: Any, start_ns: int) -> Any:
    if not isinstance(model.prices, list):
        return model.prices
    try:
        when = datetime.datetime.fromtimestamp(start_ns // _NS_PER_SECOND, tz=datetime.UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return model.get_prices(when)


def _brackets(price: Any) -> list[int]:
    """Return from how many input tokens on other prices hold."""
    held: dict[str, Any] = price.__dict__
    tiered: list[list[Any]] = [value.tiers for value in held.values() if hasattr(value, "tiers")]
    return [tier.start for tiers in tiered for tier in tiers]


def _rates(prices: ModuleType, price: Any, bracket: int) -> _Rates | None:
    """Ask for the price of a token of each sort, in requests of just more tokens than the bracket."""
    least = bracket + 1
    ask = _asking(prices, price)
    try:
        request = ask(0, 0, 0, 0)
        full = ask(least, 0, 0, 0)
        return _Rates(
            request=request,
            plain=(full - request) / least,
            cached=(ask(least, least, 0, 0) - request) / least,
            written=(ask(least, 0, least, 0) - request) / least,
            output=ask(least, 0, 0, 1) - full,
        )
    except (LookupError, ValueError, ArithmeticError):
        logger.debug("the price list has a price that cannot be worked out")
        return None


def _asking(prices: ModuleType, price: Any) -> Callable[[int, int, int, int], float]:
    def ask(plain: int, cached: int, written: int, output: int) -> float:
        usage = prices.Usage(
            input_tokens=plain, cache_read_tokens=cached, cache_write_tokens=written, output_tokens=output
        )
        return float(price.calc_price(usage)["total_price"])

    return ask


@cache
def _prices() -> ModuleType | None:
    try:
        import genai_prices
    except ImportError:
        logger.debug("costs are not filled in: pip install 'contextcompany-otel[cost]' for them")
        return None
    return genai_prices
