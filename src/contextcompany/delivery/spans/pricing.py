"""The cost of a step, from its model and token counts, in the background.

Prices are the ones bundled with the `genai-prices` package (extra `cost`); nothing is fetched.
"""

from __future__ import annotations

import datetime
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

from contextcompany import imports
from contextcompany.delivery.spans.own import OwnSpan
from contextcompany.delivery.spans.rebuild import rebuilt
from contextcompany.diagnostics import guard, logger
from contextcompany.semconv import attributes as names
from contextcompany.semconv.providers import GENAI_PRICES_PROVIDER

_MINUTE: Final = 60_000_000_000
# The first question, whatever it is about, makes the price list read its data.
_KNOWN_MODEL: Final = "gpt-4o"
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
            _price(prices, _KNOWN_MODEL, None, (("input_tokens", 1),), None)
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
    counts = {
        field: attributes[key]
        for field, key in (
            ("input_tokens", names.GEN_AI_USAGE_INPUT_TOKENS),
            ("cache_read_tokens", names.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS),
            ("cache_write_tokens", names.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS),
            ("output_tokens", names.GEN_AI_USAGE_OUTPUT_TOKENS),
        )
        if isinstance(attributes.get(key), int)
    }
    prices = _prices() if counts else None
    if prices is None:
        return None
    provider = attributes.get(names.GEN_AI_PROVIDER_NAME)
    provider_id = GENAI_PRICES_PROVIDER.get(provider) if isinstance(provider, str) else None
    # Some prices change with the hour; none does within a minute.
    minute = None if start_time is None else start_time // _MINUTE
    for key in (names.GEN_AI_RESPONSE_MODEL, names.GEN_AI_REQUEST_MODEL):
        model = attributes.get(key)
        if isinstance(model, str) and model:
            found = _price(prices, model, provider_id, tuple(counts.items()), minute)
            if found is not None:
                return found
    return None


@lru_cache(maxsize=1_024)
def _price(
    prices: ModuleType,
    model: str,
    provider_id: str | None,
    counts: tuple[tuple[str, object], ...],
    minute: int | None,
) -> float | None:
    """Return the price of a request; the price list takes a tenth of a millisecond for each question."""
    when = None if minute is None else datetime.datetime.fromtimestamp(minute * 60, tz=datetime.UTC)
    with imports.gate:  # the price list imports more with its first questions
        usage = prices.Usage(**dict(counts))
        for reference in dict.fromkeys((model, model.rpartition("/")[2])):
            for candidate in dict.fromkeys((provider_id, None)):
                try:
                    price = prices.calc_price(
                        usage, reference, provider_id=candidate, genai_request_timestamp=when
                    )
                except (LookupError, ValueError):
                    continue  # this model or provider is not in the price list
                return float(price.total_price)
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
