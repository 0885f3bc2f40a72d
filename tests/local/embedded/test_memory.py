"""The collector's memory."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from contextcompany.local.embedded.memory import SpanStore
from tests.local.samples import span


def test_spans_come_back_in_the_order_they_came() -> None:
    """The store returns what it was given, in order."""
    first, second = span("first"), span("second")
    store = SpanStore()
    assert store.add([first]) == 1
    assert store.add([second]) == 1
    assert store.spans() == (first, second)
    assert len(store) == 2


def test_a_span_that_comes_again_is_kept_once_and_counted() -> None:
    """A repeated batch adds nothing; the first version stays."""
    first = span("first")
    again = replace(first, name="again")
    store = SpanStore()
    assert store.add([first, again]) == 1
    assert store.add([first]) == 0
    assert store.spans() == (first,)
    assert store.duplicates == 2


def test_the_oldest_leave_when_there_are_too_many() -> None:
    """The bound on the number of spans holds, and what left is counted."""
    spans = [span(str(number)) for number in range(5)]
    store = SpanStore(max_spans=3)
    store.add(spans)
    assert store.spans() == tuple(spans[2:])
    assert store.evicted == 2


def test_the_oldest_leave_when_their_content_weighs_too_much() -> None:
    """The bound on memory holds for text, however few spans carry it."""
    heavy = [span(str(number), {"text": "x" * 400_000}) for number in range(5)]
    store = SpanStore(max_bytes=1_000_000)
    store.add(heavy)
    assert store.spans() == tuple(heavy[3:])
    assert store.evicted == 3


def test_a_span_beyond_the_bound_alone_is_not_kept() -> None:
    """A single span that is too heavy cannot break the bound."""
    store = SpanStore(max_bytes=1_000)
    store.add([span("heavy", {"text": ("x" * 2_000, {"deep": b"y" * 2_000})})])
    assert (store.spans(), store.evicted) == ((), 1)


def test_clear_forgets_the_spans() -> None:
    """After clear() a span may come anew."""
    store = SpanStore()
    one = span("one")
    store.add([one])
    store.clear()
    assert store.spans() == ()
    assert store.add([one]) == 1


def test_wait_for_returns_what_is_here_already() -> None:
    """A predicate that holds needs no wait."""
    store = SpanStore()
    one = span("one")
    store.add([one])
    assert store.wait_for(lambda spans: len(spans) == 1, timeout=0) == (one,)


def test_wait_for_wakes_when_the_span_arrives() -> None:
    """A waiting thread goes on as soon as another adds what it waits for."""
    store = SpanStore()
    one, two = span("one"), span("two")
    looked = threading.Event()

    def has_two(spans: tuple[object, ...]) -> bool:
        looked.set()
        return two in spans

    def add() -> None:
        assert looked.wait(10)
        store.add([one])
        store.add([two])

    sender = threading.Thread(target=add)
    sender.start()
    assert store.wait_for(has_two, timeout=10) == (one, two)
    sender.join()


def test_wait_for_says_what_was_here_when_time_is_over() -> None:
    """The error names the time and the spans, which is what one wants to know."""
    store = SpanStore()
    store.add([span("only me")])
    with pytest.raises(TimeoutError) as caught:
        store.wait_for(lambda spans: len(spans) == 2, timeout=0.01)
    assert str(caught.value) == (
        "what was waited for did not arrive within 0.01 s; 1 spans are here, the newest: ['only me']"
    )


def test_many_threads_add_without_loss() -> None:
    """Adding is safe from many threads at once."""
    store = SpanStore()
    batches = [[span(f"{thread}-{number}") for number in range(50)] for thread in range(8)]
    threads = [threading.Thread(target=store.add, args=(batch,)) for batch in batches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {one.name for one in store.spans()} == {one.name for batch in batches for one in batch}


def test_repr_shows_the_counts() -> None:
    """The repr tells at a glance how full the store is."""
    store = SpanStore(max_spans=1)
    one = span("one")
    store.add([one, one, span("two")])
    assert repr(store) == "<SpanStore spans=1 duplicates=1 evicted=1>"
