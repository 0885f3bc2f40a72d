"""How many instructions recording, encoding and importing take: figures that hold still on a busy machine.

Each is the difference of two counts of valgrind's callgrind: of a process that does the work many times, and
of one that does it a few times, so that what a process does once cancels. A run is that of the peers beside
this file, recorded as its callers do; raw is the OpenTelemetry SDK by hand. Ended spans are handed over as
always, to where background threads would take them, and stay there: what the caller pays for that is counted,
and what the threads would do is not. That is counted apart, for each span: its price, its messages and its
redaction, then its bytes. Garbage collection is off, since what it costs depends on what else is there.

    python benchmarks/instructions.py [NAME …] [--write FILE] [--against FILE]

`--write` keeps the counts; `--against` compares with kept ones, and fails where one has grown by more than
2 %. They depend on the versions of Python and of OpenTelemetry: compare those of one machine.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_ROOT: Final = Path(__file__).resolve().parents[1]
_MODULE: Final = "benchmarks.instructions"
_NOBODY: Final = "http://127.0.0.1:9"
_GROWTH: Final = 1.02
_FOREVER: Final = 1_000_000.0
_RUNS_OF_A_BATCH: Final = 40
_SPANS_PER_RUN: Final = 6
_BATCH: Final = _RUNS_OF_A_BATCH * _SPANS_PER_RUN
_TIMES: Final = 3


@dataclass(frozen=True, slots=True)
class Work:
    """What is counted.

    Attributes:
        title: what one of it is.
        prepare: gets ready, and returns what does the work; its argument is the how manieth time it is.
        few: how often it is done in the one process.
        many: how often in the other.
        parts: how many of what the title says are one call.
        beside: the name of the work that it is compared with.
    """

    title: str
    prepare: Callable[[], Callable[[int], object]]
    few: int = 20
    many: int = 100
    parts: int = 1
    beside: str = ""


def _variants(record: Callable[[Any], None]) -> Callable[[int], object]:
    from benchmarks.peers.workload import RUNS, VARIANTS

    # All of them once: what is kept of texts that come again is there before anything is counted.
    for variant in RUNS:
        record(variant)
    return lambda number: record(RUNS[number % VARIANTS])


def _raw() -> Callable[[int], object]:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    from benchmarks.peers.adapters.raw import recorder

    # As by default, but for the thread, which never finds that it is time.
    processor = BatchSpanProcessor(
        OTLPSpanExporter(_NOBODY),
        max_queue_size=100_000,
        max_export_batch_size=100_000,
        schedule_delay_millis=_FOREVER * 1e3,
    )
    return _variants(recorder(processor).run)


def _ours() -> Callable[[int], object]:
    import contextcompany as tcc
    from benchmarks.peers.adapters.ours import recorder
    from contextcompany.delivery.outbox.encoder import Encoder

    def begin(self: Encoder) -> None:
        del self

    def look(self: Encoder, now: float) -> float:
        del self, now
        return _FOREVER

    # The thread is there, and is told, but never finds that it is time.
    Encoder.begin = begin  # type: ignore[method-assign]
    Encoder.look = look  # type: ignore[method-assign]
    tcc.configure(tcc_url=_NOBODY)
    return _variants(recorder().run)


def _off(**settings: Any) -> Callable[[], Callable[[int], object]]:
    def prepare() -> Callable[[int], object]:
        import contextcompany as tcc
        from benchmarks.peers.adapters.ours import recorder

        tcc.configure(tcc_url=_NOBODY, **settings)
        return _variants(recorder().run)

    return prepare


def _batches(count: int) -> tuple[Any, list[list[Any]]]:
    """Return a sink and so many batches of entries as its outbox gets them."""
    import contextcompany as tcc
    from benchmarks.peers.adapters.ours import recorder
    from benchmarks.peers.workload import RUNS
    from contextcompany.delivery.outbox.entry import Entry
    from contextcompany.delivery.outbox.outbox import Outbox
    from contextcompany.delivery.spans.pricing import load_prices

    taken: list[tuple[Any, Entry]] = []

    def submit(self: Outbox, *given: Any) -> None:
        taken.append((self._sink, Entry(*given)))

    Outbox.submit = submit  # type: ignore[method-assign, assignment]
    tcc.configure(tcc_url=_NOBODY)
    record = recorder().run
    for _ in range(count):
        for variant in RUNS[:_RUNS_OF_A_BATCH]:
            record(variant)
    load_prices()
    entries = [entry for _, entry in taken]
    return taken[0][0], [entries[first : first + _BATCH] for first in range(0, len(entries), _BATCH)]


def _prepared(sink: Any, entries: list[Any]) -> list[Any]:
    # It gives the others a turn after a time that is short under valgrind.
    return [sink.prepared([entry])[0] for entry in entries]


def _preparing() -> Callable[[int], object]:
    # A span is prepared once: each time takes a batch that nobody has read.
    sink, batches = _batches(_TIMES)
    return lambda number: _prepared(sink, batches[number])


def _encoding() -> Callable[[int], object]:
    sink, (entries,) = _batches(1)
    spans = _prepared(sink, entries)
    return lambda _: sink.pack(entries, spans)


def _stock_encoding() -> Callable[[int], object]:
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

    sink, (entries,) = _batches(1)
    spans = _prepared(sink, entries)
    return lambda _: encode_spans(spans).SerializeToString()


def _import() -> Callable[[int], object]:
    return lambda _: __import__("contextcompany")


WORKS: Final = {
    "raw": Work("a run, by hand with the bare SDK", _raw),
    "ours": Work("a run", _ours, beside="raw"),
    "disabled": Work("a run, disabled", _off(disabled=True), beside="raw"),
    "sampled_out": Work("a run, sampled out", _off(sample_rate=0.0), beside="raw"),
    "preparing": Work("a span, prepared in the background", _preparing, few=1, many=_TIMES, parts=_BATCH),
    "stock": Work(
        "a span, encoded by the exporter of OpenTelemetry", _stock_encoding, few=1, many=3, parts=_BATCH
    ),
    "encoding": Work("a span, encoded", _encoding, few=1, many=3, parts=_BATCH, beside="stock"),
    "import": Work("the import", _import, few=0, many=1),
}


def work(name: str, times: int) -> None:
    """Do a work so many times, and end without any of what happens at exits."""
    do = WORKS[name].prepare()
    gc.collect()
    gc.disable()
    for number in range(times):
        do(number)
    os._exit(0)


def instructions(name: str) -> float:
    """Return how many instructions a work takes.

    Raises:
        RuntimeError: where a process fails.
    """
    one = WORKS[name]
    few, many = (_counted(name, times) for times in (one.few, one.many))
    return (many - few) / (one.many - one.few) / one.parts


def _counted(name: str, times: int) -> int:
    with tempfile.TemporaryDirectory(prefix="instructions-") as home:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("TCC_", "OTEL_"))}
        finished = subprocess.run(  # noqa: S603  (ours)
            [
                shutil.which("valgrind") or "valgrind",
                "--tool=callgrind",
                f"--callgrind-out-file={home}/counts",
                *(sys.executable, "-m", _MODULE, "--work", name, str(times)),
            ],
            cwd=_ROOT,
            env={**kept, "PYTHONHASHSEED": "0", "HOME": home, "XDG_STATE_HOME": home},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    found = re.search(r"Collected\s*:\s*(\d+)", finished.stderr)
    if finished.returncode or found is None:
        raise RuntimeError(f"{name} failed: {finished.stderr[-800:]}")
    return int(found[1])


def main() -> None:
    """Print the counts, and what they are beside others."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", choices=[[], *WORKS], help="what to count, else all")
    parser.add_argument("--write", type=Path, help="the file to keep the counts in")
    parser.add_argument("--against", type=Path, help="a file of earlier counts to compare with")
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.work:
        work(asked.work[0], int(asked.work[1]))
    if shutil.which("valgrind") is None:
        print(
            "instructions are not counted: there is no valgrind (Debian and Ubuntu: apt-get install valgrind)"
        )
        return
    names = asked.names or list(WORKS)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        counts = dict(zip(names, pool.map(instructions, names), strict=True))
    before: dict[str, float] = json.loads(asked.against.read_text()) if asked.against else {}
    grown = [name for name in counts if name in before and counts[name] > before[name] * _GROWTH]
    for name, found in counts.items():
        beside = WORKS[name].beside
        ratio = f", {found / counts[beside]:.2f} times {beside}" if beside in counts else ""
        change = f", {found / before[name] - 1:+.1%}" if name in before else ""
        print(f"{name}: {found:,.0f} instructions for {WORKS[name].title}{ratio}{change}")
    if asked.write:
        asked.write.write_text(json.dumps(counts, indent=2) + "\n")
    if grown:
        raise SystemExit(f"more than before: {', '.join(grown)}; see what changed, or keep the new counts")


if __name__ == "__main__":
    main()
