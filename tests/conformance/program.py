"""What a program is, what it can use while it runs, and how it is judged afterwards."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.conformance.trees import told

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from opentelemetry.sdk.trace.id_generator import IdGenerator
    from opentelemetry.sdk.trace.sampling import Sampler
    from opentelemetry.trace import Tracer

    from tests.conformance.adapter import Adapter
    from tests.conformance.trees import Span


@dataclass(frozen=True)
class Outcome:
    """What was seen of a program from outside, when it had ended.

    Attributes:
        package: the spans that the package's backend got, with the names that the program gave.
        application: the spans that the application's backend got.
        headers: the headers of the requests that the package's backend got; names in lower case.
        facts: what the program noted by `Stage.note`.
    """

    package: Sequence[Span]
    application: Sequence[Span]
    headers: Sequence[Mapping[str, str]] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def package_told(self) -> str:
        """The trees at the package's backend."""
        return told(self.package, self.application)

    @property
    def application_told(self) -> str:
        """The trees at the application's backend."""
        return told(self.application, self.package)


@dataclass(frozen=True)
class Check:
    """One line of the table.

    Attributes:
        name: what identifies it within its program, for good: results are kept under it.
        title: the promise, in words for the page.
        expected: what is to be found.
        found: says what was found; the check is passed where that equals what is expected.
        operation: the operation of the adapter that it is about, if a package may offer nothing for it.
    """

    name: str
    title: str
    expected: str
    found: Callable[[Outcome], str]
    operation: str | None = None


@dataclass(frozen=True)
class Program:
    """A small application.

    Attributes:
        name: what identifies it, for good.
        play: the application; it gets a `Stage`.
        checks: what is looked at afterwards.
        environment: further environment variables; `{application}` is the URL of the application's backend.
        code: the exit code; a program that ends with another one passes no check.
    """

    name: str
    play: Callable[[Stage], None]
    checks: tuple[Check, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    code: int = 0


class Stage:
    """What a program finds when it starts.

    Args:
        package: the adapter, not set up yet.
        package_url: the package's backend.
        application_url: the application's own backend.
        notes: the file for what the program notes.
    """

    def __init__(self, package: Adapter, package_url: str, application_url: str, notes: Path) -> None:
        self.package = package
        self.package_url = package_url
        self.application_url = application_url
        self._notes = notes
        self._noted: dict[str, Any] = {}

    def set_up_package(self) -> None:
        """Start the package, as an application does at its start."""
        self.package.setup(self.package_url)

    def set_up_application(self, *, sampler: Sampler | None = None, ids: IdGenerator | None = None) -> None:
        """Start the application's own tracing: the global provider, with a backend of its own.

        Where the environment names the backend, nothing in the code does.
        """
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        provider = TracerProvider(sampler=sampler, id_generator=ids)
        is_named = "OTEL_EXPORTER_OTLP_ENDPOINT" in os.environ
        exporter = OTLPSpanExporter(endpoint=None if is_named else f"{self.application_url}/v1/traces")
        provider.add_span_processor(BatchSpanProcessor(exporter))
        trace.set_tracer_provider(provider)

    @property
    def tracer(self) -> Tracer:
        """The application's tracer, as an instrumentation gets one."""
        from opentelemetry import trace

        return trace.get_tracer("application")

    def note(self, name: str, value: Any) -> None:
        """Keep a fact for the check; at once, so that it survives whatever comes next."""
        self._noted[name] = value
        self._notes.write_text(json.dumps(self._noted), encoding="utf-8")


def package_tree(expected: str, title: str, *, name: str = "tree", operation: str | None = None) -> Check:
    """Return the check that the package's backend gets exactly these trees."""
    return Check(name, title, expected, lambda outcome: outcome.package_told, operation)


def fact(key: str, expected: str, title: str, *, name: str | None = None) -> Check:
    """Return the check that the program noted this."""
    return Check(name or key, title, expected, lambda outcome: str(outcome.facts.get(key, "not reached")))
