"""Costs of steps, held against the price list itself."""

from __future__ import annotations

import datetime
import sys
from typing import TYPE_CHECKING, Any

import genai_prices
import pytest
from genai_prices.data import providers
from genai_prices.types import ModelPrice, TieredPrices
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.trace import SpanKind

import contextcompany as tcc
from contextcompany.delivery.spans import pricing
from contextcompany.delivery.spans.pricing import cost, priced
from contextcompany.semconv.providers import GENAI_PRICES_PROVIDER
from contextcompany.testing import capture
from tests.handmade import RUN, STEP, ended_span, whole
from tests.interpreter import python
from tests.registry import check_span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.util.types import AttributeValue

NOON = datetime.datetime(2026, 6, 1, 12, tzinfo=datetime.UTC)
NANOSECONDS = int(NOON.timestamp()) * 10**9

IN, READ, WRITE, OUT = (
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_write.input_tokens",
    "gen_ai.usage.output_tokens",
)


@pytest.fixture(autouse=True)
def _prices_are_looked_for_afresh() -> Iterator[None]:
    """Forget whether the price list was found."""
    pricing._prices.cache_clear()
    yield
    pricing._prices.cache_clear()


def listed(model: str, provider: str, **usage: int) -> float:
    """Return the price that the list itself gives."""
    found = genai_prices.calc_price(
        genai_prices.Usage(**usage), model, provider_id=provider, genai_request_timestamp=NOON
    )
    return float(found.total_price)


def step_attributes(model: str, provider: str, **tokens: int) -> dict[str, AttributeValue]:
    """Return the attributes of a step with token counts, by the parts of the attribute keys."""
    keys = {"input": IN, "read": READ, "write": WRITE, "output": OUT}
    return {
        **STEP,
        "gen_ai.request.model": model,
        "gen_ai.provider.name": provider,
        **{keys[name]: number for name, number in tokens.items()},
    }


MODELS = [
    ("gpt-4o", "openai", "openai"),
    ("gpt-4o-mini", "openai", "openai"),
    ("claude-sonnet-4-5", "anthropic", "anthropic"),
    ("claude-opus-4-1", "anthropic", "anthropic"),
    ("gemini-2.5-pro", "gcp.gemini", "google"),
]


@pytest.mark.parametrize(("model", "provider", "listed_as"), MODELS)
def test_costs_are_those_of_the_list(model: str, provider: str, listed_as: str) -> None:
    """Uncached, cached, cache-write and output tokens are priced as the list prices them."""
    attributes = step_attributes(model, provider, input=10_000, read=4_000, write=1_000, output=2_000)
    expected = listed(
        model,
        listed_as,
        input_tokens=10_000,
        cache_read_tokens=4_000,
        cache_write_tokens=1_000,
        output_tokens=2_000,
    )
    assert expected > 0
    assert cost(attributes, NANOSECONDS) == pytest.approx(expected, rel=1e-12)


NAMES = {listed_as: name for name, listed_as in GENAI_PRICES_PROVIDER.items()}
MANY = st.one_of(st.none(), st.integers(0, 300), st.integers(0, 3_000_000))
KEYS = (IN, READ, WRITE, OUT)


def asked(provider: str, model: str, counts: tuple[int | None, ...], minute: int | None) -> float | None:
    """Return what the list says of a model under the name that its provider has with us, if any."""
    found = pricing._found(genai_prices, model, provider if provider in NAMES else None, counts, minute)
    return None if found is None else float(found.total_price)


@settings(max_examples=150)
@given(
    st.sampled_from([(one.id, model.id) for one in providers for model in one.models]),
    st.tuples(MANY, MANY, MANY, MANY),
    st.sampled_from([0, 7, 13, 20]),
)
def test_every_model_of_the_list_costs_what_the_list_says(
    listed_model: tuple[str, str], counts: tuple[int | None, ...], hour: int
) -> None:
    """Any counts of any model, with steps in its price or without, cost to the last digit what is listed."""
    provider, model = listed_model
    start = NANOSECONDS + hour * 3_600 * 10**9
    attributes = {
        **step_attributes(model, NAMES.get(provider, "somebody")),
        **{key: number for key, number in zip(KEYS, counts, strict=True) if number is not None},
    }
    expected = None if counts == (None,) * 4 else asked(provider, model, counts, start // (60 * 10**9))
    assert cost(attributes, start) == expected


def _stepped() -> list[tuple[str, str]]:
    """Return models whose tokens cost another price where there are many of them."""
    return [
        (provider.id, model.id)
        for provider in providers
        for model in provider.models
        if isinstance(model.prices, ModelPrice)
        and any(isinstance(price, TieredPrices) for price in vars(model.prices).values())
        and pricing._rates(genai_prices, model.id, provider.id, None) is None
    ]


def test_prices_with_steps_are_left_to_the_list() -> None:
    """Where a large request costs more for each token, the list is asked, on both sides of the step."""
    stepped = _stepped()
    assert len(stepped) >= 3
    for provider, model in stepped[:30]:
        attributes = step_attributes(model, NAMES.get(provider, "somebody"), output=10)
        small, large = 1_000, 1_000_000
        found = [cost({**attributes, IN: count}, NANOSECONDS) for count in (small, large)]
        minute = NANOSECONDS // (60 * 10**9)
        assert found == [asked(provider, model, (count, None, None, 10), minute) for count in (small, large)]


def test_more_cached_than_there_are_is_left_to_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts that leave less than nothing uncached are judged by the list, not by multiplication."""
    seen: list[object] = []
    original = pricing._price

    def price(*given: Any) -> float | None:
        seen.append(given[3])
        return original(*given)

    monkeypatch.setattr(pricing, "_price", price)
    assert cost(step_attributes("gpt-4o", "openai", input=10, read=4, write=0), NANOSECONDS) is not None
    assert seen == []
    assert cost(step_attributes("gpt-4o", "openai", input=10, read=50), NANOSECONDS) is None
    assert seen == [(10, 50, None, None)]


@pytest.mark.parametrize("kind", ["input", "read", "write", "output"])
def test_less_than_nothing_costs_nothing(kind: str) -> None:
    """A negative count, which only others can have written, gives no cost and no error."""
    counted = {"input": 10, "output": 5, kind: -5}
    assert cost(step_attributes("gpt-4o", "openai", **counted), NANOSECONDS) is None


def test_cached_tokens_are_not_paid_twice() -> None:
    """Input tokens include the cached ones, so caching makes a request cheaper and never dearer."""
    plain = cost(step_attributes("claude-sonnet-4-5", "anthropic", input=10_000), NANOSECONDS)
    cached = cost(step_attributes("claude-sonnet-4-5", "anthropic", input=10_000, read=9_000), NANOSECONDS)
    written = cost(step_attributes("claude-sonnet-4-5", "anthropic", input=10_000, write=9_000), NANOSECONDS)
    assert plain is not None
    assert cached is not None
    assert written is not None
    # As published for this model: reading costs a tenth of the input price, writing five quarters of it.
    assert cached == pytest.approx(plain * (1_000 + 0.1 * 9_000) / 10_000)
    assert written == pytest.approx(plain * (1_000 + 1.25 * 9_000) / 10_000)


@pytest.mark.parametrize("tokens", [{"input": 1_000}, {"output": 1_000}, {"input": 0, "output": 0}])
def test_some_counts_suffice(tokens: dict[str, int]) -> None:
    """What was counted is priced, what was not costs nothing."""
    usage = {f"{name}_tokens": number for name, number in tokens.items()}
    found = cost(step_attributes("gpt-4o", "openai", **tokens), NANOSECONDS)
    assert found == pytest.approx(listed("gpt-4o", "openai", **usage))
    assert isinstance(found, float)


UNKNOWN: list[tuple[str, dict[str, AttributeValue]]] = [
    ("model", step_attributes("nobody-knows-this-1", "openai", input=10)),
    ("provider too", step_attributes("nobody-knows-this-1", "_OTHER", input=10)),
    (
        "no model",
        {key: value for key, value in step_attributes("", "openai", input=10).items() if value != ""},
    ),
    ("no tokens", step_attributes("gpt-4o", "openai")),
    ("more cached than there are", step_attributes("gpt-4o", "openai", input=10, read=50)),
    ("tokens that are text", {**step_attributes("gpt-4o", "openai"), IN: "many"}),
    ("model that is a number", {**step_attributes("gpt-4o", "openai", input=10), "gen_ai.request.model": 4}),
]


@pytest.mark.parametrize(
    "attributes", [attributes for _, attributes in UNKNOWN], ids=[name for name, _ in UNKNOWN]
)
def test_what_is_not_known_costs_nothing(
    attributes: dict[str, AttributeValue], caplog: pytest.LogCaptureFixture
) -> None:
    """Where no price is known, there is no cost, no error, no warning, and the span stays itself."""
    span = ended_span("chat", attributes)
    assert priced(span) is span
    assert [record.levelname for record in caplog.records if record.levelname != "DEBUG"] == []


def test_the_model_used_counts() -> None:
    """The model that answered is priced where it is known, else the one asked for."""
    both = {
        **step_attributes("gpt-4o", "openai", input=1_000),
        "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
    }
    assert cost(both, NANOSECONDS) == pytest.approx(listed("gpt-4o-mini", "openai", input_tokens=1_000))
    unknown = {**both, "gen_ai.response.model": "nobody-knows-this-1"}
    assert cost(unknown, NANOSECONDS) == pytest.approx(listed("gpt-4o", "openai", input_tokens=1_000))


@pytest.mark.parametrize("provider", ["_OTHER", "somebody"])
def test_an_unknown_provider_does_not_hide_a_known_model(provider: str) -> None:
    """Where the provider says nothing, the model's own list price counts."""
    found = cost(step_attributes("gpt-4o", provider, input=1_000), NANOSECONDS)
    assert found == pytest.approx(listed("gpt-4o", "openai", input_tokens=1_000))


def test_a_priced_span_is_a_copy_with_two_attributes_more() -> None:
    """Cost and its source are added to a copy; all else is as it was, and the original is not touched."""
    span = ended_span(
        "chat gpt-4o", step_attributes("gpt-4o", "openai", input=1_000, output=500), start_time=NANOSECONDS
    )
    before = whole(span)
    found = priced(span)
    expected = listed("gpt-4o", "openai", input_tokens=1_000, output_tokens=500)
    added = {"tcc.cost": pytest.approx(expected), "tcc.costSource": "computed"}
    assert whole(found) == {**before, "attributes": {**before["attributes"], **added}}
    assert type((found.attributes or {})["tcc.cost"]) is float
    assert whole(span) == before
    assert check_span(found) == []


def test_the_callers_cost_wins() -> None:
    """A cost that is there already is never touched, be it zero."""
    for amount in (0.0, 1.25):
        attributes = {
            **step_attributes("gpt-4o", "openai", input=1_000),
            "tcc.cost": amount,
            "tcc.costSource": "reported",
        }
        span = ended_span("chat gpt-4o", attributes)
        assert priced(span) is span


@pytest.mark.parametrize(
    ("name", "attributes"),
    [
        ("invoke_agent", {**RUN, "gen_ai.request.model": "gpt-4o", IN: 10}),
        (
            "chat gpt-4o",
            {
                key: value
                for key, value in step_attributes("gpt-4o", "openai", input=10).items()
                if key != "tcc.runId"
            },
        ),
        ("GET /", {IN: 10, "gen_ai.request.model": "gpt-4o"}),
    ],
    ids=["run", "foreign step", "foreign span"],
)
def test_only_steps_of_ours_are_priced(name: str, attributes: dict[str, AttributeValue]) -> None:
    """Runs and spans of others carry no cost of ours: viewers would add it up twice."""
    span = ended_span(name, attributes, kind=SpanKind.CLIENT)
    assert priced(span) is span


def test_recorded_steps_are_priced() -> None:
    """A step recorded through the handle arrives with its computed cost, one with a cost with its own."""
    with capture() as captured:
        with tcc.run("run-1").prompt("hi") as r:
            s = r.step(start_time=NOON).prompt("hi").response("hello").model("gpt-4o")
            s.tokens(prompt_uncached=700, prompt_cached=300, completion=100).end()
            given = r.step().prompt("hi").response("hello").model("gpt-4o").tokens(prompt_uncached=700)
            given.cost(0.5).end()
        attributes = [whole(span)["attributes"] for span in captured.spans]
    expected = listed("gpt-4o", "openai", input_tokens=1_000, cache_read_tokens=300, output_tokens=100)
    assert [(found.get("tcc.cost"), found.get("tcc.costSource")) for found in attributes] == [
        (pytest.approx(expected), "computed"),
        (0.5, "reported"),
        (None, None),
    ]


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Where genai-prices is not installed there is no cost, no error, and no warning."""
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    span = ended_span("chat gpt-4o", step_attributes("gpt-4o", "openai", input=1_000))
    assert priced(span) is span
    assert [record.levelname for record in caplog.records if record.levelname != "DEBUG"] == []


def test_prices_are_loaded_in_the_background_only() -> None:
    """Recording a step leaves the price list to the thread that delivers."""
    finished = python(
        """
        import sys, threading
        import contextcompany as tcc
        from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
        class Keep(SpanExporter):
            def export(self, spans):
                names.append(threading.current_thread().name)
                return SpanExportResult.SUCCESS
        class Importers:
            def find_spec(self, name, path=None, target=None):
                if name == "genai_prices":
                    importers.append(threading.current_thread().name)
        names, importers = [], []
        sys.meta_path.insert(0, Importers())
        tcc.configure(exporter=Keep())
        with tcc.run().prompt("hi") as r:
            r.step().prompt("hi").response("hello").model("gpt-4o").tokens(prompt_uncached=700).end()
        tcc.flush()
        print(all(name.startswith("contextcompany-") for name in importers), "MainThread" in names)
        """
    )
    assert (finished.err, finished.out.strip()) == ("", "True False")


def test_loading_leaves_nothing_for_the_first_question() -> None:
    """Once loaded, the price list answers at once: its data is read before the first span needs it."""
    finished = python(
        """
        import sys
        from contextcompany.delivery.spans.pricing import cost, load_prices
        load_prices()
        loaded = set(sys.modules)
        assert cost({"gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 1}, 1) is not None
        print(sorted(set(sys.modules) - loaded))
        """
    )
    assert (finished.err, finished.out.strip()) == ("", "[]")
