"""The cost of a step, from its model and token counts, in the background.

Prices are the ones bundled with the `genai-prices` package (extra `cost`); nothing is fetched.
"""

from __future__ import annotations

import datetime
from fractions import Fraction
from functools import cache, lru_cache
from math import lcm
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from contextcompany import imports
from contextcompany.delivery.spans.own import OwnSpan
from contextcompany.delivery.spans.rebuild import rebuilt
from contextcompany.diagnostics import guard, logger
from contextcompany.semconv import attributes as names
from contextcompany.semconv.providers import GENAI_PRICES_PROVIDER

_MINUTE: Final = 60_000_000_000
# The first question, whatever it is about, makes the price list read its data.
_KNOWN_MODEL: Final = "gpt-4o"
_FIELDS: Final = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")
_NO_COUNTS: Final = (None, None, None, None)
_MANY: Final = 1_000_000
_ONLY_OUTPUT: Final = (None, None, None, _MANY)
# Not empty while a thread loads the price list.
_loading: Final[list[None]] = []

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from opentelemetry.util.types import AnyValue

    from contextcompany.sdk import ReadableSpan


def priced(span: ReadableSpan) -> ReadableSpan:
    """Return the span with `tcc.cost` if it is a step of known model and tokens, else as it is.

    A cost that is there already (the caller's) is never touched.
    """
    attributes = span.all_attributes() if type(span) is OwnSpan else span.attributes or {}
    if (
        attributes.get(names.GEN_AI_OPERATION_NAME) != names.OPERATION_CHAT
        or names.TCC_RUN_ID not in attributes
        or names.TCC_COST in attributes
        or not (
            names.GEN_AI_USAGE_INPUT_TOKENS in attributes or names.GEN_AI_USAGE_OUTPUT_TOKENS in attributes
        )
    ):
        return span
    if _loading:
        return span  # whoever asks meanwhile has no time to wait
    with guard:
        found = cost(attributes, span.start_time)
        if found is not None:
            pairs: dict[str, AnyValue] = {
                names.TCC_COST: found,
                names.TCC_COST_SOURCE: names.COST_SOURCE_COMPUTED,
            }
            if type(span) is not OwnSpan:
                return rebuilt(span, add=pairs)
            span.all_attributes().update(pairs)
    return span


def load_prices() -> None:
    """Load the price list if there is one; it takes a while the first time.

    What is to be priced meanwhile by other threads leaves without a cost.
    """
    _loading.append(None)
    try:
        prices = _prices()
        if prices is not None:
            _rates(prices, _KNOWN_MODEL, None, None)
    finally:
        _loading.pop()


def forget_loading() -> None:
    """Forget, in a forked child, that a thread of the parent process was loading the price list."""
    _loading.clear()


def cost(attributes: Mapping[str, object], start_time: int | None) -> float | None:
    """Return the cost in USD of a request with these span attributes, or None where it is unknown.

    Args:
        attributes: the attributes of a step; input tokens include cached and cache-write ones.
        start_time: when the request began, in nanoseconds since the epoch; prices change in time.
    """
    given = attributes.get
    counts = (
        given(names.GEN_AI_USAGE_INPUT_TOKENS),
        given(names.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS),
        given(names.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS),
        given(names.GEN_AI_USAGE_OUTPUT_TOKENS),
    )
    known = tuple(count if type(count) is int else None for count in counts)
    prices = None if known == _NO_COUNTS else _prices()
    if prices is None:
        return None
    provider = given(names.GEN_AI_PROVIDER_NAME)
    provider_id = GENAI_PRICES_PROVIDER.get(provider) if isinstance(provider, str) else None
    # Some prices change with the hour; none does within a minute.
    minute = None if start_time is None else start_time // _MINUTE
    for key in (names.GEN_AI_RESPONSE_MODEL, names.GEN_AI_REQUEST_MODEL):
        model = given(key)
        if isinstance(model, str) and model:
            rates = _rates(prices, model, provider_id, minute)
            found = None if rates is None else rates.price(*known)
            if found is None and (rates is None or not rates.is_unknown):
                found = _price(prices, model, provider_id, known, minute)
            if found is not None:
                return found
    return None


class _Rates(NamedTuple):
    """What one token of each kind costs where the list knows no steps: exact, and without asking the list.

    Attributes:
        scale: what all others are multiplied by, so that they are whole numbers.
        is_unknown: whether the list does not know the model at all.
    """

    request: int = 0
    uncached: int = 0
    read: int = 0
    written: int = 0
    output: int = 0
    scale: int = 1
    is_unknown: bool = False

    def price(
        self, whole: int | None, read: int | None, written: int | None, output: int | None
    ) -> float | None:
        """Return the price of so many tokens, or None where only the list itself can tell."""
        whole, read, written, output = whole or 0, read or 0, written or 0, output or 0
        uncached = whole - read - written
        if self.is_unknown or uncached < 0 or read < 0 or written < 0 or output < 0:
            return None
        units = self.request + self.uncached * uncached + self.read * read
        return (units + self.written * written + self.output * output) / self.scale


@lru_cache(maxsize=256)
def _rates(prices: ModuleType, model: str, provider_id: str | None, minute: int | None) -> _Rates | None:
    """Return what tokens of a model cost, asked of the list for one of each kind; None where that varies."""
    nothing = _found(prices, model, provider_id, (0, None, None, 0), minute)
    if nothing is None:
        return _Rates(is_unknown=True)
    if any(isinstance(price, prices.types.TieredPrices) for price in _listed(nothing)):
        return None
    kinds = [(_MANY, None, None, None), (_MANY, _MANY, None, None), (_MANY, None, _MANY, None)]
    asked = [_found(prices, model, provider_id, counts, minute) for counts in (*kinds, _ONLY_OUTPUT)]
    if None in asked:
        return None
    request = Fraction(nothing.total_price)
    exact = [request, *((Fraction(found.total_price) - request) / _MANY for found in asked)]
    scale = lcm(*(rate.denominator for rate in exact))
    whole = [rate.numerator * (scale // rate.denominator) for rate in exact]
    return _Rates._make([*whole, scale, False])


def _listed(found: Any) -> list[object]:
    return list(found.model_price.__dict__.values())


@lru_cache(maxsize=1_024)
def _price(
    prices: ModuleType,
    model: str,
    provider_id: str | None,
    counts: tuple[int | None, ...],
    minute: int | None,
) -> float | None:
    """Return the price of a request; the price list takes a tenth of a millisecond for each question."""
    found = _found(prices, model, provider_id, counts, minute)
    return None if found is None else float(found.total_price)


def _found(
    prices: ModuleType,
    model: str,
    provider_id: str | None,
    counts: tuple[int | None, ...],
    minute: int | None,
) -> Any:
    """Return what the price list says of a request, or None where it does not know the model."""
    when = None if minute is None else datetime.datetime.fromtimestamp(minute * 60, tz=datetime.UTC)
    given = {field: count for field, count in zip(_FIELDS, counts, strict=True) if count is not None}
    with imports.gate:  # the price list imports more with its first questions
        try:
            usage = prices.Usage(**given)
        except ValueError:
            return None  # others wrote counts that are none
        for reference in dict.fromkeys((model, model.rpartition("/")[2])):
            for candidate in dict.fromkeys((provider_id, None)):
                try:
                    return prices.calc_price(
                        usage, reference, provider_id=candidate, genai_request_timestamp=when
                    )
                except (LookupError, ValueError):
                    continue  # this model or provider is not in the price list
    return None


@cache
def _prices() -> ModuleType | None:
    try:
        with imports.gate:
            import genai_prices
    except ImportError:
        logger.debug("costs are not computed: pip install 'contextcompany-otel[cost]' for them")
        return None
    return genai_prices
