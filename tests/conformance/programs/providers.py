"""The application's own tracing beside the package, in every order of initialisation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.conformance.program import Check, Program, Stage, package_tree
from tests.conformance.trees import NOTHING, parents

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.conformance.program import Outcome

TITLE: Final = "The application's own tracing"
TEXT: Final = """\
The application has a provider of its own, with a backend of its own. It handles a `request`, in which a
`run` of the package makes a `query` and an `http` call that the application's instrumentation records; the
`http` call is made inside of a `step`. Later, outside of any request, a run called `alone` causes a span
`background`. The headers are those that OpenTelemetry's propagator writes into an outgoing HTTP call at
four places: in the request, in the run, in the step, and in the run called alone. Without the package they
name the request three times, and nothing once. Where `OTEL_*` variables is said, the application's backend
and the key for it stand in the environment, as under `opentelemetry-instrument`."""

_APPLICATION: Final = ("background", "http", "query", "request")
_PARENTS: Final = {"background": "-", "http": "request", "query": "request", "request": "-"}
_NESTED: Final = {"alone": "-", "run": "request", "step": "run"}
_KEY: Final = "the-key-of-the-application"


def outgoing() -> str | None:
    """Return the `traceparent` that an HTTP call would carry from here."""
    from opentelemetry import propagate

    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier.get("traceparent")


def _work(stage: Stage) -> None:
    package, tracer = stage.package, stage.tracer
    headers = {}
    with tracer.start_as_current_span("request"):
        headers["request"] = outgoing()
        with package.run("run"):
            headers["run"] = outgoing()
            with tracer.start_as_current_span("query"):
                pass
            with package.step("step"):
                headers["step"] = outgoing()
                with tracer.start_as_current_span("http"):
                    pass
    with package.run("alone"):
        headers["alone"] = outgoing()
        with tracer.start_as_current_span("background"):
            pass
    stage.note("headers", headers)


def _application_first(stage: Stage) -> None:
    stage.set_up_application()
    stage.set_up_package()
    _work(stage)


def _package_first(stage: Stage) -> None:
    stage.set_up_package()
    stage.set_up_application()
    _work(stage)


def _application_late(stage: Stage) -> None:
    stage.set_up_package()
    with stage.package.run("early"):
        pass
    stage.set_up_application()
    _work(stage)


def _no_application(stage: Stage) -> None:
    stage.set_up_package()
    with stage.package.run("run"):
        stage.note("headers", {"run": outgoing()})
        with stage.package.step("step"):
            pass


def _named(outcome: Outcome) -> str:
    """Tell which span each header names."""
    labels = {span.place: span.label for span in (*outcome.package, *outcome.application)}
    told = []
    for place, header in outcome.facts.get("headers", {}).items():
        if header is None:
            told.append(f"{place}: none")
            continue
        _, trace, span, flags = header.split("-")
        unsampled = "" if int(flags, 16) & 1 else " (not sampled)"
        told.append(f"{place}: {labels.get((trace, span), '?')}{unsampled}")
    return ", ".join(told) or "no headers"


def _at_application(outcome: Outcome) -> str:
    return ", ".join(sorted(span.label for span in outcome.application)) or NOTHING


def _at_package(outcome: Outcome) -> str:
    return ", ".join(sorted(span.label for span in outcome.package)) or NOTHING


def _below(names: Iterable[str], found: Mapping[str, str]) -> str:
    """Say below what each span stands."""
    words = {"-": "a root", "?": "below a span that arrived nowhere", "": "missing"}
    places = ((name, found.get(name, "")) for name in sorted(names))
    return ", ".join(f"{name} {words.get(parent, f'below {parent}')}" for name, parent in places)


def _parents(outcome: Outcome) -> str:
    return _below(_PARENTS, parents(outcome.application, outcome.package))


def _leaks(outcome: Outcome) -> str:
    if not outcome.headers:
        return "no request"
    return "sent" if any(_KEY in str(headers) for headers in outcome.headers) else "not sent"


def _checks(where: str, *further: str) -> tuple[Check, ...]:
    own = ("alone", "run", "step", *further)
    nested = {**_NESTED, **dict.fromkeys(further, "-")}
    return (
        Check(
            "application-spans",
            f"{where}: the application's backend gets its spans, and no other",
            ", ".join(_APPLICATION),
            _at_application,
        ),
        Check(
            "package-spans",
            f"{where}: the package's backend gets the package's spans, and no other",
            ", ".join(sorted(own)),
            _at_package,
        ),
        Check(
            "parents",
            f"{where}: the application's spans have the parents that they have without the package",
            _below(_PARENTS, _PARENTS),
            _parents,
        ),
        Check(
            "headers",
            f"{where}: outgoing headers are the same as without the package",
            "request: request, run: request, step: request, alone: none",
            _named,
        ),
        Check(
            "nested",
            f"{where}: a run nests under the application's span",
            _below(nested, nested),
            lambda outcome: _below(nested, parents(outcome.package, outcome.application)),
        ),
    )


PROGRAMS: Final = (
    Program("application-first", _application_first, _checks("Application first")),
    Program("package-first", _package_first, _checks("Package first")),
    Program("application-late", _application_late, _checks("Application after a first run", "early")),
    Program(
        "environment",
        _application_first,
        (
            *_checks("`OTEL_*` variables"),
            Check(
                "key",
                "`OTEL_*` variables: the key in them goes to the application's backend only",
                "not sent",
                _leaks,
            ),
        ),
        environment={
            "OTEL_EXPORTER_OTLP_ENDPOINT": "{application}",
            "OTEL_EXPORTER_OTLP_HEADERS": f"x-application-key={_KEY}",
        },
    ),
    Program(
        "no-application",
        _no_application,
        (
            package_tree("run(step)", "No tracing in the application: the tree arrives"),
            Check("headers", "No tracing in the application: headers name the run", "run: run", _named),
        ),
    ),
)
