"""One program with one package: a process of its own between two backends, and the verdict afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.conformance.collector import AnyPathCollector
from tests.conformance.program import Outcome
from tests.conformance.programs import NEXT
from tests.conformance.trees import Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from contextcompany.local.otlp.spans import SpanRecord
    from tests.conformance.adapter import Adapter
    from tests.conformance.program import Program

ROOT: Final = Path(__file__).resolve().parents[2]
_LIMIT: Final = 55.0
"""Seconds after which a program is given up."""
_OTHERS: Final = ("TCC_", "OTEL_", "LANGFUSE_", "LOGFIRE_", "TRACELOOP_")


@dataclass(frozen=True)
class Verdict:
    """What came out of one check.

    Attributes:
        check: the name of the check.
        expected: what was to be found.
        found: what was found.
    """

    check: str
    expected: str
    found: str

    @property
    def passed(self) -> bool:
        """Whether it is what was expected."""
        return self.found == self.expected


def play(program: Program, adapter: type[Adapter], python: Path) -> Outcome:
    """Run a program with a package.

    Args:
        program: the program.
        adapter: the package.
        python: the interpreter of the environment that the package is installed in.
    """
    with (
        AnyPathCollector() as package,
        AnyPathCollector() as application,
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
    ):
        variables = _variables(program, application.url, folder)
        start = [str(python), "-m", "tests.conformance.application", adapter.distribution]

        def process(name: str) -> dict[str, Any]:
            notes = Path(folder, f"{name}.json")
            finished = _process([*start, name, package.url, application.url, str(notes)], variables)
            noted: dict[str, Any] = json.loads(notes.read_text(encoding="utf-8")) if notes.exists() else {}
            return {**noted, **finished}

        def outcome() -> Outcome:
            return Outcome(
                package=_labelled(adapter, package.spans),
                application=_labelled(adapter, application.spans),
                headers=package.headers,
                facts=facts,
            )

        facts = process(program.name)
        seen = outcome()
        if adapter.keeps_on_disk and not all(verdict.passed for verdict in judge(program, seen)):
            process(NEXT.name)
            seen = outcome()
        return seen


def judge(program: Program, outcome: Outcome) -> list[Verdict]:
    """Return one verdict for each check of a program."""
    verdicts = []
    for check in program.checks:
        found = check.found(outcome)
        code = outcome.facts["code"]
        if code != program.code:
            crash = outcome.facts.get("crash", f"exit code {code}")
            found = f"{found}; the program ended with {crash}"
        verdicts.append(Verdict(check.name, check.expected, found))
    return verdicts


def _variables(program: Program, application_url: str, folder: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OTHERS)}
    given = {
        name: value.replace("{application}", application_url) for name, value in program.environment.items()
    }
    # A home of its own: what a package keeps there must not pass from one program to the next.
    own = {"HOME": folder, "XDG_STATE_HOME": folder, "XDG_CACHE_HOME": folder, "NO_PROXY": "127.0.0.1"}
    return {**kept, **own, **given}


def _process(command: list[str], variables: Mapping[str, str]) -> dict[str, Any]:
    """Run a process to its end; say when that was, with what exit code, and what it said."""
    try:
        finished = subprocess.run(
            command,
            cwd=ROOT,
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"ended": time.time(), "code": "none", "crash": f"no end within {_LIMIT:.0f} s"}
    facts: dict[str, Any] = {"ended": time.time(), "code": finished.returncode}
    facts["stderr"] = finished.stderr
    return facts


def _labelled(adapter: type[Adapter], records: Iterable[SpanRecord]) -> list[Span]:
    return [
        Span(label, record.trace_id, record.span_id, record.parent_span_id)
        for record in records
        if (label := adapter.label(record.name, record.attributes)) is not None
    ]
