"""Every example runs as a program of its own, and what arrives at a collector is what it says."""

from __future__ import annotations

import ast
import os
import re
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import SpanKind, Status, StatusCode

from contextcompany.local.embedded.collector import Collector
from tests.examples.expected import EXPECTED
from tests.registry import check_span
from tests.wire import Matching, arrived

if TYPE_CHECKING:
    from contextcompany.local.otlp.spans import SpanRecord

FOLDER: Final = Path(__file__).resolve().parents[2] / "examples"
FILES: Final = sorted(FOLDER.glob("*.py"))

_MOST_LINES: Final = 40
_SECONDS: Final = 50


def run_example(name: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run an example to its end in an empty folder, with warnings as errors and only these settings."""
    inherited = {
        key: value for key, value in os.environ.items() if not key.startswith(("TCC_", "OTEL_", "PYTHON"))
    }
    return subprocess.run(
        [sys.executable, "-W", "error", str(FOLDER / name)],
        cwd=folder,
        env={**inherited, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )


def as_sdk_span(span: SpanRecord) -> ReadableSpan:
    """Return a span that arrived in the form that the registry's check takes."""
    return ReadableSpan(
        name=span.name,
        kind=SpanKind[span.kind],
        attributes=span.attributes,
        status=Status(StatusCode[span.status_code], span.status_message or None),
        events=[Event(event.name, event.attributes, event.time_ns) for event in span.events],
    )


@pytest.mark.parametrize("name", [file.name for file in FILES])
def test_example_does_what_it_says(name: str, tmp_path: Path) -> None:
    """An example ends by itself, and exactly its spans arrive at the collector that TCC_URL names."""
    expected = EXPECTED[name]
    with Collector() as collector:
        ended = run_example(name, tmp_path, TCC_URL=collector.url)
        records = collector.store.spans()

    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == Matching(expected.warns)
    assert ended.stdout == Matching(expected.prints)
    seen = arrived(records)
    assert len(seen) == len(expected.spans), [span.name for span in seen]
    assert [
        replace(
            span,
            attributes={key: span.attributes.get(key) for key in wanted.attributes},
            events=[(event, {}) for event, _ in span.events],
        )
        for span, wanted in zip(seen, expected.spans, strict=True)
    ] == expected.spans
    assert [
        (span.name, check_span(as_sdk_span(span))) for span in records if check_span(as_sdk_span(span))
    ] == []
    if expected.never is not None:
        assert expected.never not in repr(records)


def test_every_example_has_its_expectation() -> None:
    """No example is without a statement of what it does, and no statement without its example."""
    assert sorted(EXPECTED) == [file.name for file in FILES]


@pytest.mark.parametrize("name", ["first_run.py", "errors.py"])
def test_example_is_silent_without_a_destination(name: str, tmp_path: Path) -> None:
    """Without TCC_URL, and with no local collector there, an example ends as well and warns of nothing."""
    with socket.socket() as probe:
        if probe.connect_ex(("localhost", 4318)) == 0:
            pytest.skip("NOT RUN: something listens at port 4318, and might be sent what this test records")
    ended = run_example(name, tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "delivered=0" in ended.stdout


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_example_is_short_and_explains_itself(file: Path) -> None:
    """An example has at most 40 lines and begins with a docstring."""
    text = file.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= _MOST_LINES
    assert ast.get_docstring(ast.parse(text))


def test_readme_lists_every_example() -> None:
    """The folder's README has one line for each example, and for nothing that is none."""
    listed = re.findall(
        r"^\| \[(\w+\.py)\]\(\1\) \|", (FOLDER / "README.md").read_text("utf-8"), re.MULTILINE
    )
    assert sorted(listed) == [file.name for file in FILES]
