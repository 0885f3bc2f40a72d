"""The application samples; the package must neither follow it nor change it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.conformance.program import Check, Program, Stage
from tests.conformance.trees import NOTHING, parents

if TYPE_CHECKING:
    from tests.conformance.program import Outcome

TITLE: Final = "Sampling"
TEXT: Final = """\
The application handles 400 requests with fixed trace ids, four of which its sampler takes at a rate of 1 %.
In each request a run of the package causes a `query` of the application's instrumentation. The application
must export the same eight spans as without the package, and each run must arrive."""

_REQUESTS: Final = 400
_RATE: Final = 0.01
_STRIDE: Final = (1 << 64) // _REQUESTS


def _trace_id(number: int) -> int:
    """Return ids whose low halves, which the ratio sampler looks at, are spread evenly."""
    return (0xC0FFEE << 96) | (number * _STRIDE + _STRIDE // 2)


_SAMPLED: Final = range(int(_REQUESTS * _RATE))


def _play(stage: Stage, *, rate: float | None) -> None:
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased, TraceIdRatioBased

    class FixedIds(RandomIdGenerator):
        number = 0

        def generate_trace_id(self) -> int:
            return _trace_id(self.number)

    ids = FixedIds()
    stage.set_up_application(
        sampler=ALWAYS_OFF if rate is None else ParentBased(TraceIdRatioBased(rate)), ids=ids
    )
    stage.set_up_package()
    for number in range(_REQUESTS):
        ids.number = number
        with (
            stage.tracer.start_as_current_span(f"request-{number}"),
            stage.package.run(f"run-{number}"),
            stage.tracer.start_as_current_span(f"query-{number}"),
        ):
            pass
    stage.package.flush()


def _one_percent(stage: Stage) -> None:
    _play(stage, rate=_RATE)


def _nothing(stage: Stage) -> None:
    _play(stage, rate=None)


def _exported(outcome: Outcome) -> str:
    found = parents(outcome.application, outcome.package)
    if not found:
        return NOTHING
    told = f"{len(outcome.application)} spans"
    strange = len([name for name in found if name.partition("-")[2] not in map(str, _SAMPLED)])
    if strange:
        told += f", {strange} of them in requests that are not sampled"
    foreign = len([name for name in found if name.startswith("run-")])
    if foreign:
        told += f", {foreign} of them the package's"
    wrong = len(
        [
            name
            for name, parent in found.items()
            if name.startswith("query-") and parent != name.replace("query", "request")
        ]
    )
    return told + (f", {wrong} queries not below their request" if wrong else "")


def _runs(outcome: Outcome) -> str:
    return f"{len({span.label for span in outcome.package if span.label.startswith('run-')})} runs"


_ALL: Final = f"{_REQUESTS} runs"

PROGRAMS: Final = (
    Program(
        "one-percent",
        _one_percent,
        (
            Check("exported", "1 % stays 1 %: the same spans, the same parents", "8 spans", _exported),
            Check("runs", "At 1 %: every run arrives", _ALL, _runs),
        ),
    ),
    Program(
        "nothing-sampled",
        _nothing,
        (
            Check("exported", "An application that samples nothing exports nothing", NOTHING, _exported),
            Check("runs", "With nothing sampled: every run arrives", _ALL, _runs),
        ),
    ),
)
