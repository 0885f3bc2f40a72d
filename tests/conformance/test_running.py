"""The runner itself: what passes is as expected, and what goes wrong cannot pass."""

from __future__ import annotations

import gzip
import urllib.request

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.conformance.collector import AnyPathCollector
from tests.conformance.program import Check, Outcome, Program, Stage, package_tree
from tests.conformance.programs import PROGRAMS
from tests.conformance.running import Verdict, judge
from tests.conformance.trees import Span

RUN = Span("run", "1", "a", None)


def _nothing(stage: Stage) -> None:
    """Do nothing."""


def _program(*checks: Check, code: int = 0) -> Program:
    return Program("sample", _nothing, checks, code=code)


def test_a_tree_that_differs_fails() -> None:
    """A check tells what was expected and what was found, and passes when both are the same."""
    program = _program(package_tree("run(step)", "The tree"))
    step = Span("step", "1", "b", "a")
    outcome = Outcome([RUN, step], [], facts={"code": 0})
    assert judge(program, outcome) == [Verdict("tree", "run(step)", "run(step)")]
    assert judge(program, outcome)[0].passed
    (verdict,) = judge(program, Outcome([RUN], [], facts={"code": 0}))
    assert verdict == Verdict("tree", "run(step)", "run")
    assert not verdict.passed


def test_a_program_that_broke_passes_nothing() -> None:
    """What was found is not enough when the program ended as it should not."""
    program = _program(package_tree("run", "The tree"))
    crashed = Outcome([RUN], [], facts={"code": 1, "crash": "KeyError: 'x'"})
    killed = Outcome([RUN], [], facts={"code": -9})
    assert [verdict.found for verdict in judge(program, crashed)] == [
        "run; the program ended with KeyError: 'x'"
    ]
    assert [verdict.found for verdict in judge(program, killed)] == [
        "run; the program ended with exit code -9"
    ]
    assert judge(_program(package_tree("run", "The tree"), code=3), killed)[0].passed is False


def test_nothing_passes_without_spans() -> None:
    """A package that does nothing at all, in a program that reaches nothing, fails each program."""
    empty = Outcome([], [], facts={"code": 0})
    passing = [
        program.name for program in PROGRAMS if all(verdict.passed for verdict in judge(program, empty))
    ]
    assert passing == []


def test_names_identify() -> None:
    """Results are kept by the names of programs and checks, so no name stands twice."""
    names = [program.name for program in PROGRAMS]
    assert len(names) == len(set(names))
    for program in PROGRAMS:
        checks = [check.name for check in program.checks]
        assert len(checks) == len(set(checks)) > 0


def test_collector_takes_any_path() -> None:
    """Spans are taken from any path that ends as OTLP says, compressed or not, as often as they arrive."""
    message = ExportTraceServiceRequest()
    span = message.resource_spans.add().scope_spans.add().spans.add()
    span.name, span.trace_id, span.span_id = "sample", b"t" * 16, b"s" * 8
    body = message.SerializeToString()
    with AnyPathCollector() as collector:
        for path, headers, data in (
            ("/v1/traces", {"X-Name": "a"}, body),
            ("/api/public/otel/v1/traces", {"Content-Encoding": "gzip"}, gzip.compress(body)),
            ("/v1/metrics", {}, b"no spans"),
        ):
            request = urllib.request.Request(f"{collector.url}{path}", data, headers)
            with urllib.request.urlopen(request) as answer:
                assert answer.status == 200
        with urllib.request.urlopen(f"{collector.url}/v1/info") as answer:
            assert answer.status == 200
        assert [record.name for record in collector.spans] == ["sample", "sample"]
        assert [headers.get("x-name") for headers in collector.headers] == ["a", None, None]
