"""What an outbox holds in memory: bounded, in order, and every span accounted for."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from contextcompany.delivery.outbox import stock as stock_module
from contextcompany.delivery.outbox.counters import Counters
from contextcompany.delivery.outbox.dispatch import Dispatched
from contextcompany.delivery.outbox.entry import Entry, Receipt
from contextcompany.delivery.outbox.parcel import Parcel
from contextcompany.delivery.outbox.stock import AT_SHUTDOWN, OUTBOX_FULL, Stock
from tests.delivery.sinks import DELIVERED, LATER, bare_span

MOST_SPANS = 12
MOST_BYTES = 30_000
BATCH_SPANS = 4
BATCH_BYTES = 8_000


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make all bounds small."""
    make_small(monkeypatch)


def make_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make all bounds small."""
    for name in ("MOST_SPANS", "MOST_BYTES", "BATCH_SPANS", "BATCH_BYTES"):
        monkeypatch.setattr(stock_module, name, globals()[name])


def entry(name: str = "a", size: int = 1_500, receipt: Receipt | None = None) -> Entry:
    """Return an entry of a size."""
    made = Entry(bare_span(name), receipt)
    made.size = size
    return made


def parcel(spans: int = 1, size: int = 100, receipt: Receipt | None = None) -> Parcel:
    """Return a parcel of a size."""
    receipts = {} if receipt is None else {1: receipt}
    return Parcel(spans=spans, size=size, receipts=receipts, born=0.0)


def named(batch: list[Entry]) -> list[str]:
    """Return the names of the spans of a batch."""
    return [one.span.name for one in batch]


def filled(*names: str) -> Stock:
    """Return a stock in which spans wait."""
    stock = Stock()
    for name in names:
        assert stock.add(entry(name)) == []
    return stock


@pytest.mark.usefixtures("_small")
def test_batches_are_taken_in_order() -> None:
    """The oldest go first, no more than a batch may hold."""
    stock = filled(*"abcdefg")
    assert stock.has_full_batch
    assert named(stock.take_batch()) == ["a", "b", "c", "d"]
    assert not stock.has_full_batch
    assert named(stock.take_batch()) == ["e", "f", "g"]
    assert stock.take_batch() == []
    assert (len(stock), stock.pending, stock.is_worked_on) == (0, 7, True)


@pytest.mark.usefixtures("_small")
def test_the_short_way_goes_to_half_of_the_room() -> None:
    """An entry is taken at once while half of the room is free, in spans and in bytes, and not beyond."""
    many, heavy = Stock(), Stock()
    assert [many.put(entry(size=10)) for _ in range(8)] == [1, 2, 3, 4, 5, 6, 0, 0]
    assert [heavy.put(entry(size=MOST_BYTES // 4)) for _ in range(4)] == [1, 2, 0, 0]
    assert (len(many), len(heavy), many.is_crowded) == (6, 2, False)
    many.add(entry(size=10))
    heavy.add(entry(size=MOST_BYTES // 4))
    assert (len(many), len(heavy), many.is_crowded, heavy.is_crowded) == (7, 3, True, True)


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("way", ["on_the_way", "in_hand", "packing", "parcels"])
def test_the_short_way_is_closed_by_what_is_worked_on(way: str) -> None:
    """What is encoded, written or sent takes of the room as well, and is asked for the long way."""
    stock = Stock()
    if way == "packing":
        stock.add(entry(size=MOST_BYTES // 3))
        stock.take_batch()
    elif way == "parcels":
        stock.put_back(parcel(1, MOST_BYTES // 2), at_front=False)
    else:
        setattr(stock, way, parcel(1, MOST_BYTES // 3))
    assert stock.put(entry(size=10)) == 0
    assert len(stock) == 0


@pytest.mark.usefixtures("_small")
def test_batches_are_bounded_in_bytes() -> None:
    """Large spans go in smaller batches; one that is too large for any goes alone."""
    stock = Stock()
    for name, size in (("a", 3_000), ("b", 3_000), ("c", 9_000), ("d", 3_000), ("e", 1_500)):
        stock.add(entry(name, size))
    assert stock.has_full_batch
    assert [named(stock.take_batch()) for _ in range(3)] == [["a", "b"], ["c"], ["d", "e"]]


def test_a_batch_becomes_parcels() -> None:
    """What was packed waits as parcels, oldest first; what could not be packed is lost and counted."""
    stock = filled("a", "b", "c")
    first, second = parcel(), parcel()
    assert stock.put_packed(stock.take_batch(), [first, second], Counter({"cannot be encoded": 1})) == [
        "cannot be encoded"
    ]
    assert not stock.is_worked_on
    assert stock.counters() == Counters(pending=2, dropped=Counter({"cannot be encoded": 1}))
    assert [stock.take_parcel(), stock.take_parcel()] == [first, second]


def test_a_batch_can_go_back_to_its_place() -> None:
    """Entries that were not packed after all wait again, before what came later."""
    stock = filled("a", "b")
    batch = stock.take_batch()
    stock.add(entry("c"))
    stock.return_batch(batch)
    assert (stock.pending, stock.is_worked_on) == (3, False)
    assert named(stock.take_batch()) == ["a", "b", "c"]


def test_a_parcel_can_go_back_to_its_place() -> None:
    """What is put back in front goes before what came later."""
    stock = Stock()
    first, second = parcel(), parcel()
    stock.put_back(first, at_front=False)
    stock.put_back(second, at_front=False)
    taken = stock.take_parcel()
    stock.put_back(taken, at_front=True)
    assert list(stock.parcels) == [first, second]


def test_what_is_on_its_way_is_pending() -> None:
    """A parcel that is being sent or written counts as pending until that is settled."""
    stock = Stock()
    for way in ("on_the_way", "in_hand"):
        stock.put_back(parcel(3), at_front=False)
        setattr(stock, way, stock.take_parcel())
    assert stock.pending == 6
    assert stock.is_worked_on


def test_what_is_on_its_way_and_on_disk_is_not_pending() -> None:
    """A parcel with a copy on disk is counted there."""
    stock = Stock()
    stock.on_the_way = parcel(3)
    stock.on_the_way.file = "a file"
    assert stock.pending == 0


def test_a_settled_parcel_is_counted() -> None:
    """Delivered and lost spans are counted, new reasons told once, the last problem kept."""
    stock = Stock()
    for expected in (["refused"], []):
        stock.on_the_way = way = parcel(3)
        result = Dispatched(LATER, delivered=2, lost=Counter({"refused": 1}))
        assert stock.settle(way, result) == expected
    assert stock.counters() == Counters(delivered=4, dropped=Counter({"refused": 2}), last_error="busy")


def test_spans_of_another_process_are_counted_apart() -> None:
    """What this process did not record is recovered, not delivered, and lost under a reason of its own."""
    stock = Stock()
    stock.on_the_way = way = parcel(3)
    way.is_own, way.file = False, "a file"
    stock.settle(way, Dispatched(DELIVERED, delivered=2, lost=Counter({"refused": 1})))
    assert stock.counters() == Counters(recovered=2, dropped=Counter({"refused (of another process)": 1}))


@pytest.mark.usefixtures("_small")
def test_the_oldest_go_when_there_are_too_many() -> None:
    """Past the bound in spans the oldest is dropped, counted, and whoever waits for it is told."""
    stock, receipt = Stock(), Receipt()
    receipt.delivered = True
    stock.add(entry("oldest", receipt=receipt))
    for _ in range(MOST_SPANS - 1):
        assert stock.add(entry("a")) == []
    assert stock.add(entry("b")) == [OUTBOX_FULL]
    assert stock.add(entry("c")) == []
    assert receipt.delivered is False
    assert stock.counters() == Counters(pending=MOST_SPANS, dropped=Counter({OUTBOX_FULL: 2}))


@pytest.mark.usefixtures("_small")
def test_the_oldest_go_when_they_are_too_heavy() -> None:
    """Past the bound in bytes the oldest go, parcels first, until the new one fits."""
    stock, receipt = Stock(), Receipt()
    receipt.delivered = True
    stock.put_back(parcel(5, 10_000, receipt), at_front=False)
    for _ in range(2):
        stock.add(entry(size=8_000))
    assert stock.add(entry(size=5_000)) == [OUTBOX_FULL]
    assert receipt.delivered is False
    assert stock.counters() == Counters(pending=3, dropped=Counter({OUTBOX_FULL: 5}))
    stock.add(entry(size=20_000))
    assert stock.counters() == Counters(pending=1, dropped=Counter({OUTBOX_FULL: 8}))


@pytest.mark.usefixtures("_small")
def test_nothing_is_dropped_in_vain() -> None:
    """Where too many spans wait to be encoded, one goes for one that comes, and no parcel with others."""
    stock = Stock()
    for _ in range(3):
        stock.put_back(parcel(2, 10), at_front=False)
    for _ in range(MOST_SPANS):
        stock.add(entry(size=10))
    before = stock.counters().dropped.total()
    stock.add(entry(size=10))
    assert stock.counters().dropped.total() - before <= 2


@pytest.mark.usefixtures("_small")
def test_parcels_count_for_the_bound_in_spans() -> None:
    """No more spans are in memory than the bound says, encoded or not."""
    stock = Stock()
    for _ in range(3 * MOST_SPANS):
        stock.add(entry(size=10))
        batch = stock.take_batch()
        stock.put_packed(batch, [parcel(len(batch), 1)], Counter())
    assert stock.pending <= MOST_SPANS


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("way", ["on_the_way", "in_hand", "packing"])
def test_what_is_worked_on_weighs(way: str) -> None:
    """What is being encoded, written or sent takes memory too, and is not dropped."""
    stock = Stock()
    if way == "packing":
        stock.add(entry(size=MOST_BYTES - 1_000))
        stock.take_batch()
    else:
        setattr(stock, way, parcel(1, MOST_BYTES - 1_000))
    stock.add(entry("a", 900))
    stock.add(entry("b", 900))
    assert stock.counters() == Counters(pending=2, dropped=Counter({OUTBOX_FULL: 1}))
    assert named(stock.take_batch()) == ["b"]


def test_giving_up_counts_all_in_memory() -> None:
    """What waits, is encoded, written or sent is lost once, and those who wait are told."""
    stock = filled("a", "b")
    stock.take_batch()
    receipts = [Receipt() for _ in range(4)]
    for receipt in receipts:
        receipt.delivered = True
    stock.add(entry("c", receipt=receipts[0]))
    stock.put_back(parcel(3, receipt=receipts[1]), at_front=False)
    stock.in_hand = parcel(4, receipt=receipts[2])
    stock.on_the_way = parcel(5, receipt=receipts[3])
    assert stock.give_up() == 15
    assert stock.counters() == Counters(dropped=Counter({AT_SHUTDOWN: 15}))
    assert [receipt.delivered for receipt in receipts[:3]] == [False] * 3


@pytest.mark.parametrize("begins_again", [False, True])
def test_a_batch_that_comes_back_after_giving_up(begins_again: bool) -> None:
    """What was given up while it was packed is lost once, whatever becomes of it, and nothing else is."""
    stock = filled("a", "b", "c")
    batch = stock.take_batch()
    assert stock.give_up() == 3
    if begins_again:
        stock.add(entry("d"))
    stock.return_batch(batch[1:])
    stock.put_packed(batch[:1], [parcel(1)], Counter())
    lost = Counter({AT_SHUTDOWN: 3})
    assert stock.counters() == Counters(pending=int(begins_again), dropped=lost)
    assert named(stock.take_batch()) == ["d"] * begins_again
    assert stock.put_packed([], [], Counter()) == []


def test_giving_up_leaves_what_is_on_disk() -> None:
    """A parcel that is on its way with a copy on disk is not lost."""
    stock = Stock()
    stock.on_the_way = parcel(5)
    stock.on_the_way.file = "a file"
    assert stock.give_up() == 0
    assert stock.counters() == Counters()


@pytest.mark.parametrize("delivered", [0, 3, 5])
def test_an_answer_after_giving_up_still_counts(delivered: int) -> None:
    """A request that ends after all takes its spans out of the lost ones."""
    stock = Stock()
    stock.on_the_way = way = parcel(5)
    stock.give_up()
    stock.settle(way, Dispatched(DELIVERED, delivered=delivered, lost=Counter({"refused": 5 - delivered})))
    assert stock.counters() == Counters(delivered=delivered, dropped=+Counter({"refused": 5 - delivered}))


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_write_that_ends_after_giving_up(is_kept: bool) -> None:
    """What was being written is lost no more when it is on disk after all, and never waits again."""
    stock = Stock()
    stock.in_hand = held = parcel(4)
    stock.give_up()
    stock.put_down(held, is_kept=is_kept)
    assert stock.counters() == Counters(dropped=+Counter({AT_SHUTDOWN: 0 if is_kept else 4}))


def test_what_is_packed_after_giving_up_is_not_counted_twice() -> None:
    """A batch that was given up does not wait as parcels as well."""
    stock = filled("a", "b")
    batch = stock.take_batch()
    stock.give_up()
    assert stock.put_packed(batch, [parcel(1)], Counter({"cannot be encoded": 1})) == []
    assert stock.counters() == Counters(dropped=Counter({AT_SHUTDOWN: 2}))


def test_counts_can_begin_anew() -> None:
    """What was counted is forgotten; what is held is not."""
    stock = filled("a")
    stock.lose(Counter({"refused": 1}))
    stock.begin_counts_anew()
    assert stock.counters() == Counters(pending=1)


def test_counters_are_a_snapshot() -> None:
    """What happens later does not change counts that were asked for."""
    stock = Stock()
    before = stock.counters()
    stock.lose(Counter({"refused": 1}))
    assert before == Counters()


class Life(RuleBasedStateMachine):
    """Everything that can happen to spans between an application and a collector, in any order."""

    @initialize()
    def begin(self) -> None:
        """Begin with nothing, and small bounds."""
        self.patch = pytest.MonkeyPatch()
        make_small(self.patch)
        self.stock = Stock()
        self.added = self.spooled = 0
        self.packing: list[Entry] = []
        self.closed = False

    def teardown(self) -> None:
        """Put the bounds back."""
        self.patch.undo()

    @precondition(lambda self: not self.closed)
    @rule(size=st.integers(1, MOST_BYTES // 2))
    def add(self, size: int) -> None:
        """A span ends."""
        self.stock.add(entry(size=size))
        self.added += 1

    @precondition(lambda self: not self.closed)
    @rule(size=st.integers(1, MOST_BYTES // 2))
    def put(self, size: int) -> None:
        """A span ends, and is taken the short way if that is certain to cost no other its place."""
        before = len(self.stock), self.stock.pending, self.stock.counters().dropped, self.stock.added
        waiting = self.stock.put(entry(size=size))
        after = len(self.stock), self.stock.pending, self.stock.counters().dropped, self.stock.added
        if waiting:
            self.added += 1
            assert after == (waiting, before[1] + 1, before[2], before[3] + 1)
        else:
            assert after == before

    @precondition(lambda self: not self.closed and not self.packing and len(self.stock) > 0)
    @rule()
    def take_batch(self) -> None:
        """The encoder begins to work."""
        self.packing = self.stock.take_batch()

    @precondition(lambda self: self.packing)
    @rule(data=st.data())
    def put_packed(self, data: st.DataObject) -> None:
        """The encoder is done; some spans could not be encoded."""
        batch, self.packing = self.packing, []
        lost = data.draw(st.integers(0, len(batch)))
        first = data.draw(st.integers(0, len(batch) - lost))
        parts = [part for part in (first, len(batch) - lost - first) if part]
        sizes = data.draw(st.lists(st.integers(1, 8_000), min_size=2, max_size=2))
        parcels = [parcel(spans, size) for spans, size in zip(parts, sizes, strict=False)]
        self.stock.put_packed(batch, parcels, Counter({"cannot be encoded": lost}))

    @precondition(lambda self: self.stock.parcels and self.stock.in_hand is None)
    @rule(works=st.booleans())
    def keep(self, works: bool) -> None:
        """The encoder writes a parcel to disk, or fails to."""
        self.stock.in_hand = taken = self.stock.take_parcel()
        self.accounted()
        self.stock.in_hand = None
        if works:
            self.spooled += taken.spans
        else:
            self.stock.put_back(taken, at_front=True)

    @precondition(lambda self: self.stock.parcels and self.stock.on_the_way is None and not self.closed)
    @rule()
    def set_out(self) -> None:
        """The sender takes a parcel."""
        self.stock.on_the_way = self.stock.take_parcel()

    @precondition(lambda self: self.spooled and self.stock.on_the_way is None and not self.closed)
    @rule(data=st.data())
    def set_out_from_disk(self, data: st.DataObject) -> None:
        """The sender takes a file."""
        way = parcel(data.draw(st.integers(1, self.spooled)))
        way.file = "a file"
        self.stock.on_the_way = way

    @precondition(lambda self: self.stock.on_the_way is not None and not self.closed)
    @rule()
    def doubt(self) -> None:
        """The encoder writes a copy of what is on its way."""
        way = self.stock.on_the_way
        assert way is not None
        if way.file is None:
            way.file = "a file"
            self.spooled += way.spans

    @precondition(lambda self: self.stock.on_the_way is not None)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        """The collector answers: some spans are delivered, some refused, the rest waits again."""
        way = self.stock.on_the_way
        assert way is not None
        delivered = data.draw(st.integers(0, way.spans))
        lost = data.draw(st.integers(0, way.spans - delivered))
        rest = way.spans - delivered - lost
        if way.file is not None:
            self.spooled -= way.spans
        self.stock.settle(way, Dispatched(LATER, delivered, Counter({"refused": lost})))
        if rest and (way.file is not None or self.closed):
            self.spooled += rest
        elif rest:
            self.stock.put_back(parcel(rest, way.size), at_front=data.draw(st.booleans()))

    @rule()
    def ask(self) -> None:
        """Somebody asks for the counts, which changes nothing."""
        assert self.stock.counters() == self.stock.counters()

    @precondition(lambda self: not self.closed)
    @rule()
    def give_up(self) -> None:
        """The outbox is closed."""
        before = self.stock.pending
        assert self.stock.give_up() == before
        self.closed = True

    @invariant()
    def accounted(self) -> None:
        """Every span is in exactly one place."""
        counters = self.stock.counters()
        assert min(counters.dropped.values(), default=1) > 0
        assert counters.pending >= 0
        assert counters.delivered + counters.pending + counters.dropped.total() + self.spooled == self.added

    @invariant()
    def bounded(self) -> None:
        """No more waits than may."""
        assert len(self.stock) <= MOST_SPANS
        assert not self.closed or self.stock.pending == 0


Life.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
test_whatever_happens_every_span_is_accounted_for = Life.TestCase
