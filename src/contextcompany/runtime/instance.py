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
from contextcompany.delivery.outbox.sinks import ExporterSink
from contextcompany.delivery.spans.origin import Origin
from contextcompany.delivery.spans.own import OwnSpan, is_doubtful
from contextcompany.delivery.spans.pricing import priced
from contextcompany.delivery.spans.processor import checked
from contextcompany.delivery.spans.rebuild import rebuilt
from contextcompany.delivery.spans.redacting import Redactor
from contextcompany.diagnostics import guard
from contextcompany.runtime import provider as providers
from contextcompany.sdk import ReadableSpan, TracerProvider
from contextcompany.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry import trace
    from opentelemetry.trace import Tracer

    from contextcompany.delivery.outbox.entry import Prepare, Receipt
    from contextcompany.runtime.holding import HeldRun
    from contextcompany.runtime.outboxes import Outboxes
    from contextcompany.runtime.waiting import Waiting
    from contextcompany.sdk import Resource
    from contextcompany.settings.destination import Destination
    from contextcompany.settings.settings import Settings


class _Route(NamedTuple):
    destination: Destination | None
    receipt: Receipt | None
    held: HeldRun | None


class Instance:
    """Settings at work.

    Args:
        settings: what is recorded and where it goes.
        shared: the outboxes of the process.
        waiting: what holds ended spans back, if anything does.
    """

    def __init__(self, settings: Settings, shared: Outboxes, waiting: Waiting | None = None) -> None:
        self.settings = settings
        self._waiting = waiting
        self._shared = shared
        self._own: Outbox | None = None
        self._lock = threading.RLock()
        self._outboxes: dict[Destination | None, Outbox] = {}
        self._routes: dict[int, _Route] = {}
        self._finishing: dict[int, Prepare] = {}
        self._resource: Resource | None = None
        self.origin = Origin(self._our_resource, providers.scope(VERSION), self.take)
        self._prepare: Prepare = self._prepared
        # Where most spans go, once that is known.
        self._usual: Outbox | None = None
        # Whether the spans are ours whatever providers the application has.
        self.is_private = settings.tracer_provider is None and settings.has_destination
        key = settings.destination.key
        self.redactor = Redactor(settings.redact, settings.redact_secrets, keys=(key,) if key else ())
        self.closed = False
        self._adopt: Callable[[Instance], None] | None = None

    def __repr__(self) -> str:
        """Return the instance with its destination."""
        return f"Instance({self.settings.destination!r}, outboxes={len(self._outboxes)})"

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
        return given.get_tracer(providers.SCOPE, VERSION)

    def route(
        self,
        span: trace.Span | ReadableSpan,
        destination: Destination | None,
        receipt: Receipt | None = None,
        held: HeldRun | None = None,
    ) -> None:
        """Send a span elsewhere than to the instance's own destination, or tell somebody of its fate.

        One of a run that is held back waits there until it is known whether the run fails.
        """
        context = span.get_span_context()
        if context is not None and (destination is not None or receipt is not None or held is not None):
            self._routes[context.span_id] = _Route(destination, receipt, held)
            if held is not None:
                held.expect(context.span_id)

    def finish_later(self, span_id: int, finish: Prepare) -> None:
        """Have something done with a span in the background, before its price and its redaction.

        To be said just before the span is delivered.
        """
        self._finishing[span_id] = finish

    def take(self, span: OwnSpan) -> None:
        """Take a span of ours that has ended, give it to its companions, and bring it to its outbox."""
        try:
            waiting = self._waiting
            usual = self._usual
            is_usual = usual is not None and span.is_whole and not self._routes and not self._finishing
            if usual is not None and is_usual and (waiting is None or not waiting.companions):
                usual.submit(span, None, self._prepare)
                return
            if waiting is not None and waiting.companions and waiting.take(span, self._deliver_checked):
                return
            if span.is_whole:
                self.deliver(span)
            else:
                self._deliver_checked(span)
        except Exception as error:  # noqa: BLE001  (as in a block of the guard)
            guard.caught(error)

    def _deliver_checked(self, span: ReadableSpan) -> None:
        self.deliver(checked(span, content=self.settings.capture_content))

    def deliver(self, span: ReadableSpan) -> None:
        """Bring an ended, checked span to its outbox."""
        if not self._routes and not self._finishing:
            self._submit(None, span, None)
            self._usual = self._outboxes[None]
            return
        context = span.context
        route = self._routes.pop(context.span_id, None) if context is not None else None
        destination, receipt, held = route if route is not None else (None, None, None)
        finish = None if context is None else self._finishing.pop(context.span_id, None)
        if held is None:
            self._submit(destination, span, receipt, finish)
        else:
            held.take(span, receipt, partial(self._submit, destination, finish=finish))

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
            copied = rebuilt(span)
            submit = partial(self._submit_copy, destination, receipt)
            if self._waiting is None or not self._waiting.take(copied, submit):
                submit(copied)
            return
        if self._waiting is not None:
            self._waiting.forget(context.span_id)
        if receipt is not None:
            receipt.settle(delivered=False)

    def retire(self, adopt: Callable[[Instance], None]) -> Counters | None:
        """Step aside if nothing waits for an exporter of its own, and return its counts; else None.

        Args:
            adopt: called once should a run of this instance still deliver a span.
        """
        counters = Counters() if self._own is None else self._own.take_counters()
        if counters is not None:
            self._adopt = adopt
            self._usual = None
        return counters

    def recover(self) -> None:
        """Begin to send what earlier processes could not deliver to the instance's own destination."""
        settings = self.settings
        if settings.exporter is None and self._shared.has_left_something(settings.destination, settings):
            self._outbox(None).recover()

    @property
    def own_outbox(self) -> Outbox | None:
        """Return the outbox of an exporter that was passed to `configure`; others are shared."""
        return self._own

    def close(self, timeout: float) -> None:
        """Flush what this instance used within so many seconds, and close what is its own."""
        deadline = time.monotonic() + timeout
        self.closed = True
        with self._lock:
            used = list(self._outboxes.values())
        for box in used:
            left = max(deadline - time.monotonic(), 0)
            if box is self._own:
                box.close(left)
            else:
                box.flush(left)

    def renew_after_fork(self) -> None:
        """Start empty in a forked child."""
        self._lock = threading.RLock()
        self._routes.clear()
        self._finishing.clear()
        if self._own is not None:
            self._own.renew_after_fork()

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
            return found

    def _new_outbox(self, destination: Destination | None) -> Outbox:
        settings = self.settings
        if destination is None and settings.exporter is not None:
            self._own = Outbox(ExporterSink(settings.exporter, prepare=self._prepare))
            if self.closed:
                self._own.close(0)
            return self._own
        return self._shared.get(
            destination or settings.destination,
            settings,
            user_agent=f"{providers.DISTRIBUTION}/{VERSION}",
            prepare=self._prepare,
            reopen=not self.closed,
        )

    def _submit_copy(
        self, destination: Destination | None, receipt: Receipt | None, span: ReadableSpan
    ) -> None:
        context = span.context
        finish = None if context is None else self._finishing.pop(context.span_id, None)
        self._submit(destination, checked(span, content=self.settings.capture_content), receipt, finish)

    def _submit(
        self,
        destination: Destination | None,
        span: ReadableSpan,
        receipt: Receipt | None,
        finish: Prepare | None = None,
    ) -> None:
        prepare = self._prepare if finish is None else partial(self._prepared_after, finish)
        self._outbox(destination).submit(span, receipt, prepare)

    def _prepared_after(self, finish: Prepare, span: ReadableSpan) -> ReadableSpan:
        return self._prepared(finish(span))

    def _prepared(self, span: ReadableSpan) -> ReadableSpan:
        """Return a span as it leaves; called in the background."""
        if type(span) is OwnSpan:
            span.all_attributes()  # the rules are looked at again where these could not be made
        if is_doubtful(span):
            span = checked(span, content=self.settings.capture_content)
        return self.redactor.span(priced(span))

    def _our_resource(self) -> Resource:
        if self._resource is None:
            self._resource = providers.own_resource(self.settings)
        return self._resource
