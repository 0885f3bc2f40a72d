"""Single facts of a span: whose it is, which model, how much, what went wrong; of any instrumentation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, cast

from contextcompany.local.reading.prices import PriceList, Tokens
from contextcompany.local.reading.reading import Usage
from contextcompany.local.reading.values import compact, read_json
from contextcompany.semconv import attributes, foreign
from contextcompany.semconv.text import valid_text
from contextcompany.semconv.values import amount, count

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from contextcompany.local.otlp.spans import AttributeValue, SpanRecord
    from contextcompany.local.reading.reading import Status
    from contextcompany.local.reading.values import Object
    from contextcompany.local.reading.vocabulary import Keys, Vocabulary

    Found = Mapping[str, AttributeValue]

_MOST_NAME_CHARACTERS: Final = 1_000
_MOST_METADATA: Final = 100
_MOST_METADATA_CHARACTERS: Final = 2_000
# More than this is no count and no cost of anything, and would spoil the sum it is added to.
_MOST_TOKENS: Final = 1_000_000_000_000
_MOST_DOLLARS: Final = 1e9
_STATUSES: Final[Mapping[object, Status]] = {
    attributes.STATUS_CODE_PARTIAL: "partial",
    attributes.STATUS_CODE_ERROR: "failed",
}
_ASSOCIATED: Final = frozenset(
    {*foreign.SESSION, *foreign.USER, *foreign.USER_NAME, *foreign.ORG, *foreign.ORG_NAME}
)
_PRICES: Final = PriceList()


class Failure(NamedTuple):
    """What went wrong; the message of what went well only in part has no type."""

    kind: str
    message: str


def text(found: Found, keys: Keys) -> str:
    """Return the first text that is there and not empty, at most 1,000 characters of it."""
    for key in keys:
        value = found.get(key)
        if isinstance(value, str):
            if value:
                return valid_text(value[:_MOST_NAME_CHARACTERS])
        elif type(value) is int:
            return str(value)
    return ""


def identifier(found: Found, key: str) -> str | None:
    """Return the id of a run, which is text and nothing else."""
    value = found.get(key)
    return valid_text(value[:_MOST_NAME_CHARACTERS]) or None if isinstance(value, str) else None


def status(span: SpanRecord) -> Status:
    """Tell how it went, by the status of the span and by our own code."""
    if span.status_code == "ERROR":
        return "failed"
    code = span.attributes.get(attributes.TCC_STATUS_CODE)
    return _STATUSES.get(code, "ok") if type(code) is int else "ok"


def failure(span: SpanRecord) -> Failure:
    """Tell what went wrong: by the span's own words, else by the last exception that it recorded."""
    found = span.attributes
    kind = text(found, (attributes.ERROR_TYPE, attributes.EXCEPTION_TYPE))
    message = span.status_message or full_text(found, attributes.TCC_STATUS_MESSAGE)
    message = message or full_text(found, attributes.EXCEPTION_MESSAGE)
    for event in reversed(span.events):
        if kind and message:
            break
        if event.name == attributes.EXCEPTION_EVENT_NAME:
            kind = kind or text(event.attributes, (attributes.EXCEPTION_TYPE,))
            message = message or full_text(event.attributes, attributes.EXCEPTION_MESSAGE)
            break
    # The SDK writes the class before the message, which is said twice then.
    for name in (kind, kind.rpartition(".")[2]):
        if name and message.startswith(f"{name}: "):
            message = message[len(name) + 2 :]
            break
    return Failure(kind, valid_text(message))


def models(span: SpanRecord, names: Vocabulary) -> tuple[str, str]:
    """Return the model that answered a request and the one that was asked; empty where that is not told."""
    found = span.attributes
    requested = text(found, names.request_model)
    if not requested and names.is_foreign:
        parameters = read_json(found.get(foreign.PARAMETERS))
        model = cast("Object", parameters).get("model") if isinstance(parameters, dict) else None
        requested = valid_text(model[:_MOST_NAME_CHARACTERS]) if isinstance(model, str) else ""
    return text(found, names.response_model), requested


def usage(span: SpanRecord, names: Vocabulary, models: Iterable[str]) -> Usage:
    """Tell what a request used; a cost that nobody has said is worked out from the price list.

    Args:
        span: The span of a step.
        names: The names by which to read it.
        models: The names under which the price may be found, the best first.
    """
    found = span.attributes
    given, answered = _tokens(found, names.input_tokens), _tokens(found, names.output_tokens)
    cached, written = _tokens(found, names.cached_tokens), _tokens(found, names.written_tokens)
    if cached + written > given:
        given += cached + written  # counted beside the others, against the conventions
    cost = _told_cost(found, names)
    if cost is None and (given or answered):
        tokens = Tokens(given, cached, written, answered)
        provider = text(found, names.provider)
        for model in models:
            cost = _PRICES.cost(model, provider, tokens, span.start_ns) if model else None
            if cost is not None:
                break
    return Usage(given, cached, answered, cost)


def metadata(found: Found) -> dict[str, str]:
    """Return what the user attached, as text; at most a hundred of it."""
    pairs: dict[str, str] = {}
    for key, value in _attached(found):
        if len(pairs) >= _MOST_METADATA:
            break
        if key and value is not None:
            pairs[valid_text(key[:_MOST_NAME_CHARACTERS])] = valid_text(
                compact(value)[:_MOST_METADATA_CHARACTERS]
            )
    return pairs


def full_text(found: Found, key: str) -> str:
    """Return a text whole, empty where there is none."""
    value = found.get(key)
    return value if isinstance(value, str) else ""


def _attached(found: Found) -> Iterator[tuple[str, object]]:
    for key, value in found.items():
        if key.startswith(attributes.TCC_METADATA_PREFIX):
            yield key[len(attributes.TCC_METADATA_PREFIX) :], value
        elif key.startswith(foreign.ASSOCIATION_PREFIX):
            if key not in _ASSOCIATED:
                yield key[len(foreign.ASSOCIATION_PREFIX) :], value
        elif key == foreign.METADATA:
            held = read_json(value)
            if isinstance(held, dict):
                yield from cast("Object", held).items()


def _tokens(found: Found, keys: Keys) -> int:
    for key in keys:
        value = found.get(key)
        if value is not None:
            number = count(value)
            if number is not None and number <= _MOST_TOKENS:
                return number
    return 0


def _told_cost(found: Found, names: Vocabulary) -> float | None:
    for key in names.cost:
        if key in found:
            return _dollars(found[key])
    if not names.is_foreign:
        return None
    parts = [_dollars(found[key]) for key in foreign.COST_PARTS if key in found]
    told = [part for part in parts if part is not None]
    return sum(told) if told else None


def _dollars(value: AttributeValue) -> float | None:
    dollars = amount(value)
    return dollars if dollars is not None and dollars <= _MOST_DOLLARS else None
