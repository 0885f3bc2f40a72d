"""One configuration at work: its settings, its provider, its outboxes.

A second `configure` makes a second instance; runs that are open stay with the first.
"""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from contextcompany.delivery.outbox.counters import Counters
from contextcompany.delivery.outbox.outbox import Outbox
from contextcompany.delivery.outbox.shelf import Shelf
from contextcompany.delivery.outbox.sinks import CollectorSink, ExporterSink
from contextcompany.delivery.spans.pricing import priced
from contextcompany.delivery.spans.processor import RunSpanProcessor, checked
from contextcompany.delivery.spans.rebuild import rebuilt
from contextcompany.delivery.spans.redacting import Redactor
from contextcompany.delivery.spool.location import folder_of
from contextcompany.delivery.spool.spool import Spool
from contextcompany.propagation.ids import PrivateIdGenerator
from contextcompany.runtime import provider as providers
from contextcompany.sdk import ReadableSpan, SpanProcessor, TracerProvider

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry import trace
    from opentelemetry.context import Context
    from opentelemetry.trace import Tracer

    from contextcompany.delivery.outbox.entry import Receipt
    from contextcompany.sdk import Span
    from contextcompany.settings.destination import Destination
    from contextcompany.settings.settings import Settings


class _Route(NamedTuple):
    destination: Destination | None
    receipt: Receipt | None


class _Router(SpanProcessor):
    """Give an ended span of the private provider to the outbox of its destination."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Do nothing: only ended spans are delivered."""

    def on_end(self, span: ReadableSpan) -> None:
        """Deliver an ended span."""
        self._instance.deliver(span)


class Instance:
    """Settings at work."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.ids = PrivateIdGenerator()
        self._lock = threading.Lock()
        self._outboxes: dict[Destination | None, Outbox] = {}
        self._routes: dict[int, _Route] = {}
        self._private: Tracer | None = None
        self._version = providers.package_version()
        self._redactor = Redactor(settings.redact, settings.redact_secrets)
        self.closed = False
        self._adopt: Callable[[Instance], None] | None = None

    def __repr__(self) -> str:
        """Return the instance with its destination."""
        return f"Instance({self.settings.destination!r}, outboxes={len(self._outboxes)})"

    def private_tracer(self) -> Tracer:
        """Return the tracer of our own provider, made when first needed."""
        if self._private is None:
            with self._lock:
                if self._private is None:
                    processor = RunSpanProcessor(_Router(self), capture_content=self.settings.capture_content)
                    provider = providers.private_provider(self.settings, processor, self.ids)
                    self._private = provider.get_tracer(providers.SCOPE, self._version)
        return self._private

    def shared_tracer(self, *, run_has_destination: bool) -> Tracer | None:
        """Return a tracer of the application's provider if spans are to be made by it, else None.

        They are when the provider was passed to `configure`, or when no destination of ours is
        named anywhere while the application has an SDK provider.
        """
        given = self.settings.tracer_provider
        if given is None:
            if run_has_destination or self.settings.has_destination:
                return None
            found = providers.application_provider()
            if not isinstance(found, TracerProvider):
                return None
            given = found
        return given.get_tracer(providers.SCOPE, self._version)

    def route(
        self, span: trace.Span, destination: Destination | None, receipt: Receipt | None = None
    ) -> None:
        """Send a span elsewhere than to the instance's own destination, or tell somebody of its fate."""
        if destination is not None or receipt is not None:
            self._routes[span.get_span_context().span_id] = _Route(destination, receipt)

    def deliver(self, span: ReadableSpan) -> None:
        """Bring an ended, checked span to its outbox."""
        context = span.context
        route = self._routes.pop(context.span_id, None) if context is not None else None
        destination, receipt = route if route is not None else (None, None)
        self._outbox(destination).submit(span, receipt)

    def deliver_copy(self, span: trace.Span | ReadableSpan, destination: Destination | None) -> None:
        """Bring a copy of an ended span of the application's provider to a destination of ours.

        Nothing is sent where neither the run nor the settings name one, nor for unsampled spans.
        """
        context = span.get_span_context()
        if context is None:
            return
        route = self._routes.pop(context.span_id, None)
        receipt = None if route is None else route.receipt
        wanted = destination is not None or self.settings.has_destination
        if wanted and isinstance(span, ReadableSpan) and context.trace_flags.sampled:
            copied = checked(rebuilt(span), content=self.settings.capture_content)
            self._outbox(destination).submit(copied, receipt)
        elif receipt is not None:
            receipt.settle(delivered=False)

    def retire(self, adopt: Callable[[Instance], None]) -> Counters | None:
        """Step aside if nothing is pending, and return the counts so far; else None.

        Args:
            adopt: called once should a run of this instance still deliver a span.
        """
        taken = [box.take_counters() for box in self._all_outboxes()]
        found = [counters for counters in taken if counters is not None]
        if len(found) < len(taken):
            return None
        self._adopt = adopt
        return Counters.total(found)

    def hurry(self) -> None:
        """Begin to send what waits, to all destinations at once."""
        for box in self._all_outboxes():
            box.hurry()

    def recover(self) -> None:
        """Begin to send what earlier processes could not deliver to the instance's own destination."""
        shelf = None if self.settings.exporter is not None else self._shelf(self.settings.destination)
        if shelf is not None and shelf.may_hold_something():
            self._outbox(None).recover()

    def save(self, timeout: float) -> bool:
        """Send what waits within so many seconds together, keep the rest on disk, and go on."""
        deadline = time.monotonic() + timeout
        results = [box.save(max(deadline - time.monotonic(), 0)) for box in self._all_outboxes()]
        return all(results)

    def flush(self, timeout: float) -> bool:
        """Flush all outboxes; returns whether all were empty within so many seconds together."""
        deadline = time.monotonic() + timeout
        results = [box.flush(max(deadline - time.monotonic(), 0)) for box in self._all_outboxes()]
        return all(results)

    def close(self, timeout: float) -> bool:
        """Send what waits within so many seconds together and take nothing more."""
        deadline = time.monotonic() + timeout
        self.closed = True
        results = [box.close(max(deadline - time.monotonic(), 0)) for box in self._all_outboxes()]
        return all(results)

    def counters(self) -> Counters:
        """Return the counts of all outboxes together."""
        return Counters.total(box.counters() for box in self._all_outboxes())

    def renew_after_fork(self) -> None:
        """Start empty in a forked child."""
        self._lock = threading.Lock()
        self._routes.clear()
        for box in self._outboxes.values():
            box.renew_after_fork()

    def _all_outboxes(self) -> list[Outbox]:
        with self._lock:
            return list(self._outboxes.values())

    def _outbox(self, destination: Destination | None) -> Outbox:
        adopt, self._adopt = self._adopt, None
        if adopt is not None:
            adopt(self)
        found = self._outboxes.get(destination)
        if found is not None:
            return found
        with self._lock:
            found = self._outboxes.get(destination)
            if found is None:
                found = self._new_outbox(destination)
                self._outboxes[destination] = found
                if self.closed:
                    found.close(0)
            return found

    def _new_outbox(self, destination: Destination | None) -> Outbox:
        settings = self.settings
        if destination is None and settings.exporter is not None:
            return Outbox(ExporterSink(settings.exporter, prepare=self._prepared))
        target = destination or settings.destination
        sink = CollectorSink(
            target,
            user_agent=f"{providers.DISTRIBUTION}/{self._version}",
            prepare=self._prepared,
            proxies=settings.proxies,
            ca_bundle=settings.ca_bundle,
        )
        return Outbox(sink, shelf=self._shelf(target))

    def _shelf(self, destination: Destination) -> Shelf | None:
        if not self.settings.spool or destination.is_implicit:
            return None
        return Shelf(Spool(partial(folder_of, destination, spool_dir=self.settings.spool_dir)))

    def _prepared(self, span: ReadableSpan) -> ReadableSpan:
        """Return a span as it leaves; called in the background."""
        return self._redactor.span(priced(span))
