"""The door to the SDK: bad values in the environment crash nobody."""

from __future__ import annotations

import json

import pytest

from tests.interpreter import python

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

RECORD = """
import json, logging, os, sys
lines = []
class Keep(logging.Handler):
    def emit(self, record):
        lines.append(record.getMessage())
logging.getLogger("contextcompany").addHandler(Keep())
before = dict(os.environ)

import contextcompany as tcc
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
exporter = InMemorySpanExporter()
tcc.configure(exporter=exporter)
long_text = "long " * 100
r = tcc.run("run-1").prompt(long_text).metadata(**{f"k{n}": n for n in range(200)})
r.end()
tcc.flush()
span, = exporter.get_finished_spans()
print(json.dumps({
    "prompt": json.loads(span.attributes["gen_ai.input.messages"])[0]["parts"][0]["content"] == long_text,
    "metadata": sum(key.startswith("tcc.metadata.") for key in span.attributes),
    "environment": dict(os.environ) == before,
    "warnings": lines,
}))
"""


def recorded(environment: dict[str, str]) -> tuple[list[str], dict[str, object]]:
    """Record a run in a fresh process; returns its warnings and what became of the run."""
    # The SDK is imported by the exporter too, so ours has to come first, as in any application of ours.
    script = RECORD.replace(
        "import contextcompany as tcc\n", "import contextcompany as tcc\nimport contextcompany.sdk\n"
    )
    finished = python(script, **environment)
    assert finished.err == ""
    assert finished.code == 0
    result = json.loads(finished.out)
    return result.pop("warnings"), result


WELL = {"prompt": True, "metadata": 200, "environment": True}


def test_recording_needs_no_variable() -> None:
    """Without any OTEL_* variable a run is recorded whole, and nothing is said."""
    assert recorded({}) == ([], WELL)


@pytest.mark.parametrize("name", LIMITS)
def test_a_bad_limit_crashes_nobody(name: str) -> None:
    """A limit that is no number is one warning at most; the run is whole and the environment as it was.

    Versions of the SDK differ in which limits they read when they are imported; one that nobody reads
    needs no warning.
    """
    warnings, result = recorded({name: "many"})
    assert result == WELL
    assert len(warnings) <= 1
    assert all(name in warning for warning in warnings)


def test_all_bad_limits_at_once_crash_nobody() -> None:
    """Several bad limits at once are one warning at most, and survived too."""
    warnings, result = recorded(dict.fromkeys(LIMITS, "-1"))
    assert result == WELL
    assert len(warnings) <= 1


@pytest.mark.parametrize("name", LIMITS)
def test_limits_of_the_application_are_not_ours(name: str) -> None:
    """A limit that the application set for its own spans cuts nothing of ours."""
    assert recorded({name: "3"}) == ([], WELL)
