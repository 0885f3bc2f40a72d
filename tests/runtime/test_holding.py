"""Runs held back until it is known whether they fail: their fate, and the room they take together."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.trace import StatusCode

from contextcompany.delivery.outbox import stock
from contextcompany.delivery.outbox.entry import Entry, Receipt
from contextcompany.runtime import holding as holding_module
from contextcompany.runtime.holding import NO_ROOM, Fate, HeldRun, Holding

if TYPE_CHECKING:
    from opentelemetry import trace
    from opentelemetry.sdk.trace import ReadableSpan

WARNING = (
    "a run failed of which {} spans are lost: more was held back for keep_errors than there is room for; "
    "a higher sample_rate holds less back"
)


class Ended(SpanProcessor):
    """Keep the last span that ended."""

    span: ReadableSpan

    def on_end(self, span: ReadableSpan) -> None:
        """Keep it."""
        self.span = span


class Tape:
    """A run that is held back, by hand, and the names of what is delivered of it."""

    def __init__(self, holding: Holding) -> None:
        self._ended = Ended()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(self._ended)
        self._tracer = provider.get_tracer("t")
        self.run: HeldRun = holding.new_run()
        self.delivered: list[ReadableSpan] = []
        self.receipts: list[Receipt | None] = []
        self._root = self._started("root", "invoke_agent")

    def _started(self, name: str, operation: str) -> trace.Span:
        span = self._tracer.start_span(name, attributes={"gen_ai.operation.name": operation})
        self.run.expect(span.get_span_context().span_id)
        return span

    def _take(self, span: ReadableSpan, receipt: Receipt | None) -> None:
        self.delivered.append(span)
        self.receipts.append(receipt)

    def end(self, name: str, operation: str = "chat", receipt: Receipt | None = None) -> ReadableSpan:
        """Start and end a span inside the run."""
        self._started(name, operation).end()
        self.run.take(self._ended.span, receipt, self._take)
        return self._ended.span

    def end_run(self, *, failed: bool) -> None:
        """End the run itself."""
        if failed:
            self._root.set_status(StatusCode.ERROR)
        self._root.end()
        self.run.take(self._ended.span, None, self._take)

    @property
    def names(self) -> list[str]:
        """Return the names of what was delivered."""
        return [span.name for span in self.delivered]


def state(holding: Holding) -> tuple[int, int, dict[str, int]]:
    """Return what is held, the runs left out, and what was lost."""
    return len(holding), holding.unsampled, dict(holding.counters().dropped)


@pytest.fixture
def holding() -> Holding:
    """Return a place to hold runs back in."""
    return Holding()


@pytest.fixture
def three(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave room for three spans."""
    monkeypatch.setattr(holding_module, "MOST_HELD_SPANS", 3)


def test_the_room_is_half_of_what_waits_in_an_outbox() -> None:
    """What is held takes at most half of what one outbox lets wait, in spans and in bytes."""
    assert holding_module.MOST_HELD_SPANS == stock.MOST_SPANS // 2
    assert holding_module.MOST_HELD_BYTES == stock.MOST_BYTES // 2


def test_a_run_that_fails_is_delivered_whole(holding: Holding) -> None:
    """Nothing leaves before the end of the run; then all of it does, in the order in which it ended."""
    tape = Tape(holding)
    tape.end("step 1")
    tape.end("inner run", "invoke_agent")
    tape.end("tool", "execute_tool")
    assert (tape.names, tape.run.fate, state(holding)) == ([], Fate.HELD, (3, 0, {}))
    tape.end_run(failed=True)
    assert tape.names == ["step 1", "inner run", "tool", "root"]
    assert (tape.run.fate, state(holding)) == (Fate.KEPT, (0, 0, {}))


def test_runs_kept_for_their_error_are_marked(holding: Holding) -> None:
    """The run and the runs inside of it say that they stand for themselves alone; other spans are as made."""
    tape = Tape(holding)
    step = tape.end("step")
    tape.end("inner run", "invoke_agent")
    tape.end_run(failed=True)
    tape.end("late run", "invoke_agent")
    marks = {span.name: (span.attributes or {}).get("tcc.keptForError") for span in tape.delivered}
    assert marks == {"step": None, "inner run": True, "root": True, "late run": True}
    assert tape.delivered[0] is step


def test_a_run_that_ends_well_is_forgotten(holding: Holding) -> None:
    """Nothing of it leaves or stays in memory, and it counts as left out, with each run inside of it."""
    tape = Tape(holding)
    tape.end("step")
    tape.end("inner run", "invoke_agent")
    tape.end_run(failed=False)
    assert (tape.names, tape.run.spans, state(holding)) == ([], [], (0, 2, {}))
    tape.end("late step")
    tape.end("late run", "invoke_agent")
    assert (tape.names, tape.run.fate, state(holding)) == ([], Fate.FORGOTTEN, (0, 3, {}))


def test_what_ends_after_a_failed_run_goes_its_way(holding: Holding) -> None:
    """Spans of a failed run that end after it are delivered at once, with the one who waits for them."""
    tape = Tape(holding)
    tape.end_run(failed=True)
    receipt = Receipt()
    late = tape.end("late", receipt=receipt)
    assert (tape.delivered[1:], tape.receipts) == ([late], [None, receipt])
    assert len(holding) == 0


@pytest.mark.parametrize("failed", [True, False])
def test_nobody_waits_for_what_is_held(holding: Holding, failed: bool) -> None:
    """Who waits for a span that is held hears at once that it is not confirmed, and nothing more."""
    tape = Tape(holding)
    receipt = Receipt()
    tape.end("feedback", receipt=receipt)
    assert receipt.wait(10) is False
    tape.end_run(failed=failed)
    assert tape.receipts == ([None, None] if failed else [])
    late = Receipt()
    tape.end("late feedback", receipt=late)
    assert failed or late.wait(10) is False


@pytest.mark.usefixtures("three")
def test_without_room_the_oldest_run_is_given_up(holding: Holding) -> None:
    """It goes whole and alone: the room it took is free, and the younger runs keep all they have."""
    old, young, youngest = Tape(holding), Tape(holding), Tape(holding)
    for tape, name in ((young, "a"), (old, "b"), (young, "c"), (youngest, "d")):
        tape.end(name)
    assert [tape.run.fate for tape in (young, old, youngest)] == [Fate.GIVEN_UP, Fate.HELD, Fate.HELD]
    assert state(holding) == (2, 0, {})
    for tape in (old, youngest):
        tape.end_run(failed=True)
    assert (old.names, youngest.names) == (["b", "root"], ["d", "root"])


@pytest.mark.usefixtures("three")
def test_a_run_that_was_given_up_and_fails_is_counted(
    holding: Holding, caplog: pytest.LogCaptureFixture
) -> None:
    """What had no room is lost, counted and said; the run's own span and what ends later still leave."""
    tape = Tape(holding)
    for number in range(5):
        tape.end(f"step {number}")
    receipt = Receipt()
    tape.end("feedback", receipt=receipt)
    assert (tape.run.fate, receipt.wait(10), state(holding)) == (Fate.GIVEN_UP, False, (0, 0, {}))
    tape.end_run(failed=True)
    tape.end("late")
    assert (tape.names, state(holding)) == (["root", "late"], (0, 0, {NO_ROOM: 6}))
    assert [record.getMessage() for record in caplog.records] == [WARNING.format(6)]


@pytest.mark.usefixtures("three")
def test_a_run_that_was_given_up_and_ends_well_loses_nothing(
    holding: Holding, caplog: pytest.LogCaptureFixture
) -> None:
    """It would have been forgotten anyway: it counts as left out, and nothing as lost."""
    tape = Tape(holding)
    for number in range(4):
        tape.end(f"run {number}", "invoke_agent")
    tape.end_run(failed=False)
    tape.end("late")
    assert (tape.names, state(holding), caplog.records) == ([], (0, 5, {}), [])


def test_the_room_is_measured_in_bytes_too(holding: Holding, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is held weighs what it would weigh in an outbox, and is freed by the same measure."""
    probe = Tape(holding)
    size = Entry(probe.end("x" * 100), None).size
    probe.end_run(failed=False)
    monkeypatch.setattr(holding_module, "MOST_HELD_BYTES", 2 * size)
    one, two = Tape(holding), Tape(holding)
    for tape in (one, two):
        tape.end("x" * 100)
    assert (one.run.fate, one.run.size, repr(holding)) == (
        Fate.HELD,
        size,
        f"Holding(2 runs, 2 spans, {2 * size} bytes)",
    )
    two.end("x" * 100)
    assert [tape.run.fate for tape in (one, two)] == [Fate.GIVEN_UP, Fate.HELD]
    assert repr(holding) == f"Holding(1 runs, 2 spans, {2 * size} bytes)"
    assert repr(two.run) == "HeldRun(held back, spans=2)"
    two.end_run(failed=True)
    assert repr(holding) == "Holding(0 runs, 0 spans, 0 bytes)"


def test_a_forked_child_forgets_what_the_parent_holds(holding: Holding) -> None:
    """Runs of before have no end here: what was held is gone, what still ends is forgotten, none counts."""
    old, empty = Tape(holding), Tape(holding)
    old.end("step")
    holding.leave_out(3)
    holding.renew()
    assert (old.run.spans, state(holding)) == ([], (0, 0, {}))
    for tape in (old, empty):
        tape.end("late")
        tape.end_run(failed=True)
    assert (old.names, empty.names, len(holding)) == ([], [], 0)
    new = Tape(holding)
    new.end("step")
    new.end_run(failed=True)
    assert new.names == ["step", "root"]


def test_threads_that_end_spans_at_once(holding: Holding, monkeypatch: pytest.MonkeyPatch) -> None:
    """However threads interleave, each span is delivered, lost or forgotten, and no room stays taken."""
    monkeypatch.setattr(holding_module, "MOST_HELD_SPANS", 40)

    def work(number: int) -> tuple[int, bool]:
        tape = Tape(holding)
        for step in range(20):
            tape.end(f"step {step}")
        tape.end_run(failed=number % 2 == 0)
        return len(tape.delivered), tape.run.lost > 0

    with ThreadPoolExecutor(8) as pool:
        made: Any = list(pool.map(work, range(100)))
    assert Counter(number for number, _ in made[1::2]) == {0: 50}
    assert all(number == (1 if lost else 21) for number, lost in made[::2])
    lost_spans = 20 * sum(lost for _, lost in made[::2])
    assert state(holding) == (0, 50, {NO_ROOM: lost_spans} if lost_spans else {})
    assert repr(holding) == "Holding(0 runs, 0 spans, 0 bytes)"
