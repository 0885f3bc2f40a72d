"""Our own tracer provider, and what is known of the application's."""

from __future__ import annotations

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from contextcompany.propagation.ids import PrivateIdGenerator
from contextcompany.runtime.provider import (
    application_provider,
    is_ours,
    private_provider,
)
from contextcompany.settings.settings import Settings, load
from tests.conftest import global_provider
from tests.handmade import ELSEWHERE


def provider_for(settings: Settings | None = None) -> tuple[TracerProvider, InMemorySpanExporter]:
    """Return a private provider with an exporter behind it."""
    exporter = InMemorySpanExporter()
    provider = private_provider(settings or load(), SimpleSpanProcessor(exporter), PrivateIdGenerator())
    return provider, exporter


def test_it_is_never_the_global_one() -> None:
    """Making our provider, and spans by it, leaves the global slot as it was."""
    before = trace._TRACER_PROVIDER
    provider, _ = provider_for()
    provider.get_tracer("t").start_span("x").end()
    assert trace._TRACER_PROVIDER is before
    assert before is None


@pytest.mark.parametrize(
    "environment",
    [
        {"OTEL_TRACES_SAMPLER": "always_off"},
        {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.0"},
        {"OTEL_TRACES_SAMPLER": "nonsense"},
    ],
)
def test_it_samples_everything(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    """The sampler that the environment names is not ours, and an unsampled parent does not silence us."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    provider, exporter = provider_for()
    tracer = provider.get_tracer("t")
    tracer.start_span("root").end()
    parent = (
        TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False).get_tracer("app").start_span("unsampled")
    )
    tracer.start_span("below", trace.set_span_in_context(parent)).end()
    assert [span.name for span in exporter.get_finished_spans()] == ["root", "below"]


LIMITS = [
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_SPAN_EVENT_COUNT_LIMIT",
    "OTEL_SPAN_LINK_COUNT_LIMIT",
    "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
]


@pytest.mark.parametrize("value", ["2", "0", "nonsense", "-7"])
@pytest.mark.parametrize("name", LIMITS)
def test_its_limits_are_its_own(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """Limits of the environment, good or bad, cut nothing of ours and raise nothing."""
    monkeypatch.setenv(name, value)
    provider, exporter = provider_for()
    long_text = "x" * 1_000
    keys = {f"k{number}": long_text for number in range(300)}
    links = [trace.Link(ELSEWHERE, keys) for _ in range(3)]
    span = provider.get_tracer("t").start_span("x", attributes=keys, links=links)
    for _ in range(3):
        span.add_event("e", keys)
    span.end()
    (ended,) = exporter.get_finished_spans()
    assert dict(ended.attributes or {}) == keys
    assert [dict(event.attributes or {}) for event in ended.events] == [keys] * 3
    assert [dict(link.attributes or {}) for link in ended.links] == [keys] * 3


def test_its_resource(monkeypatch: pytest.MonkeyPatch) -> None:
    """Arguments win over OTEL_SERVICE_NAME, which wins over OTEL_RESOURCE_ATTRIBUTES; the rest is kept."""
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=from-attributes,team=search,region=eu")
    provider, _ = provider_for()
    assert provider.resource.attributes["service.name"] == "from-attributes"
    monkeypatch.setenv("OTEL_SERVICE_NAME", "from-name")
    provider, _ = provider_for()
    assert provider.resource.attributes["service.name"] == "from-name"
    provider, _ = provider_for(load(service_name="given", resource_attributes={"team": "agents"}))
    found = provider.resource.attributes
    assert (found["service.name"], found["team"], found["region"]) == ("given", "agents", "eu")
    assert found["telemetry.sdk.language"] == "python"


@pytest.mark.parametrize("value", ["=", "a", "a=b,,c", "%zz=1", "service.name="])
def test_a_bad_resource_crashes_nobody(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """Whatever OTEL_RESOURCE_ATTRIBUTES says, there is a provider with a service name."""
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", value)
    provider, _ = provider_for()
    assert "service.name" in provider.resource.attributes


def test_an_application_without_provider() -> None:
    """Where the application has none, none is found, and asking does not make one."""
    assert application_provider() is None
    trace.get_tracer("some library").start_span("x").end()
    assert application_provider() is None
    assert trace._TRACER_PROVIDER is None


def test_an_application_whose_provider_does_nothing() -> None:
    """The no-op provider of the API records nothing, so it counts as none."""
    with global_provider(trace.NoOpTracerProvider()):  # type: ignore[arg-type]
        assert application_provider() is None


def test_a_provider_named_by_the_environment_is_not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking for the application's provider does not load and install the one that a variable names."""
    monkeypatch.setenv("OTEL_PYTHON_TRACER_PROVIDER", "sdk_tracer_provider")
    assert application_provider() is None
    assert trace._TRACER_PROVIDER is None


def test_the_provider_of_the_application(
    application: tuple[TracerProvider, InMemorySpanExporter], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the application installed is found, whatever the environment names."""
    assert application_provider() is application[0]
    monkeypatch.setenv("OTEL_PYTHON_TRACER_PROVIDER", "sdk_tracer_provider")
    assert application_provider() is application[0]


def test_which_spans_are_ours() -> None:
    """A span is ours by its instrumentation scope, on any provider."""
    provider = TracerProvider(shutdown_on_exit=False)
    assert is_ours(provider.get_tracer("contextcompany").start_span("x"))
    assert not is_ours(provider.get_tracer("contextcompany.other").start_span("x"))
    assert not is_ours(trace.INVALID_SPAN)
    assert not is_ours(trace.NonRecordingSpan(ELSEWHERE))
