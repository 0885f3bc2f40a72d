"""Tracer providers: what the application has, and what stands for ours on each span."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from opentelemetry import trace
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from contextcompany import sdk
from contextcompany.delivery.spans.notes import MOST_ATTRIBUTES, MOST_EVENTS
from contextcompany.diagnostics import guard, logger

if TYPE_CHECKING:
    from contextcompany.propagation.ids import PrivateIdGenerator
    from contextcompany.settings.settings import Settings

SCOPE: Final = "contextcompany"
DISTRIBUTION: Final = "contextcompany-otel"


def scope(version_of_package: str) -> InstrumentationScope:
    """Return the scope of the spans that we make."""
    return InstrumentationScope(SCOPE, version_of_package)


def own_resource(settings: Settings) -> sdk.Resource:
    """Return the resource of our own spans."""
    given: dict[str, str] = dict(settings.resource_attributes)
    if settings.service_name is not None:
        given["service.name"] = settings.service_name
    return _resource(given)


def private_provider(
    settings: Settings, processor: sdk.SpanProcessor, ids: PrivateIdGenerator
) -> sdk.TracerProvider:
    """Return an SDK provider of our own: samples always, explicit limits, never the global one.

    Limits are given explicitly because the SDK raises from its constructor for bad `OTEL_*` values.
    """
    provider = sdk.TracerProvider(
        sampler=sdk.sampling.ALWAYS_ON,
        resource=own_resource(settings),
        shutdown_on_exit=False,
        id_generator=ids,
        span_limits=sdk.SpanLimits(
            max_attributes=MOST_ATTRIBUTES,
            max_events=MOST_EVENTS,
            max_links=MOST_EVENTS,
            max_span_attributes=MOST_ATTRIBUTES,
            max_event_attributes=MOST_ATTRIBUTES,
            max_link_attributes=MOST_ATTRIBUTES,
            max_attribute_length=sdk.SpanLimits.UNSET,
            max_span_attribute_length=sdk.SpanLimits.UNSET,
        ),
    )
    provider.add_span_processor(processor)
    return provider


def application_provider() -> trace.TracerProvider | None:
    """Return the tracer provider of the application, or None where it has none.

    Reads the global slot and never fills it.
    """
    if trace._TRACER_PROVIDER is None:  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        return None  # asking would load and install a provider that the environment names
    provider = trace.get_tracer_provider()
    if isinstance(provider, (trace.ProxyTracerProvider, trace.NoOpTracerProvider)):
        return None
    return provider


def is_ours(span: trace.Span) -> bool:
    """Return whether a span was made by this package, on any provider."""
    scope = span.instrumentation_scope if isinstance(span, sdk.ReadableSpan) else None
    return scope is not None and scope.name == SCOPE


def _resource(given: dict[str, str]) -> sdk.Resource:
    with guard:
        try:
            return sdk.Resource.create(given)
        except RuntimeError:  # the detectors' thread pool cannot be had while the interpreter exits
            logger.debug("the resource is made without its detectors")
    return sdk.Resource(given)
