"""What a waiting span weighs, and how somebody waits for its fate."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.trace import Link, Status, StatusCode

import contextcompany as tcc
from contextcompany.delivery.outbox.entry import Entry, Receipt
from contextcompany.testing import capture
from tests.delivery.sinks import bare_span
from tests.handmade import ELSEWHERE, ended_span
from tests.loopback import PATIENCE

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan, Span

LONG = "x" * 64_000


def test_a_receipt_that_nobody_settles() -> None:
    """Waiting ends in time, with False."""
    began = time.monotonic()
    assert Receipt().wait(0.05) is False
    assert 0.04 < time.monotonic() - began < 2.0


@pytest.mark.parametrize("delivered", [True, False])
def test_a_receipt_wakes_the_one_who_waits(delivered: bool) -> None:
    """Who waits in another thread is told at once."""
    receipt = Receipt()
    told: list[bool] = []
    waiting = threading.Thread(target=lambda: told.append(receipt.wait(PATIENCE)))
    waiting.start()
    receipt.settle(delivered=delivered)
    waiting.join(PATIENCE / 2)
    assert told == [delivered]


def test_not_confirmed_yet_may_become_confirmed() -> None:
    """A span of which nothing was known when somebody asked may still be delivered."""
    receipt = Receipt()
    receipt.settle(delivered=False)
    assert receipt.wait(0.0) is False
    receipt.settle(delivered=True)
    assert receipt.wait(0.0) is True


def test_an_entry_without_a_receipt() -> None:
    """Nobody needs to wait for a span."""
    Entry(bare_span("a"), None).settle(delivered=True)


def test_an_entry_tells_its_receipt() -> None:
    """Who waits for the span of an entry is told."""
    receipt = Receipt()
    Entry(bare_span("a"), receipt).settle(delivered=True)
    assert receipt.wait(0.0) is True


HEAVY = {
    "an attribute": ended_span("heavy", {"text": LONG}),
    "a list of texts": ended_span("heavy", {"texts": [LONG[:640]] * 100}),
    "an event": ended_span("heavy", events=[("exception", {"exception.stacktrace": LONG})]),
    "many events": ended_span("heavy", events=[("exception", {"n": LONG[:640]})] * 100),
    "the name of an event": ended_span("heavy", events=[(LONG, {})]),
    "a name": ended_span(LONG),
    "a link": ended_span("heavy", links=[Link(ELSEWHERE, {"text": LONG})]),
    "a status": ended_span("heavy", status=Status(StatusCode.ERROR, LONG)),
}


@pytest.mark.parametrize("span", HEAVY.values(), ids=HEAVY.keys())
def test_everything_heavy_weighs(span: ReadableSpan) -> None:
    """Whatever part of a span holds 64,000 letters, the span weighs that much."""
    assert Entry(span, None).size >= 64_000


def _wrote(span: Span, where: str) -> None:
    if where == "attribute":
        span.set_attribute("theirs", LONG)
    elif where == "event":
        span.add_event("theirs", {"text": LONG})
    elif where == "link":
        span.add_link(ELSEWHERE, {"text": LONG})


@pytest.mark.parametrize(
    "where", ["prompt", "metadata", "attributes", "message", "attribute", "event", "link"]
)
@pytest.mark.parametrize("ends_well", [True, False])
@pytest.mark.unchecked
def test_everything_heavy_on_a_recorded_span_weighs(where: str, ends_well: bool) -> None:
    """What the caller gave and what others wrote onto a span of ours weighs, before it is made attributes."""
    weights: list[int] = []
    with capture() as captured:
        for letters in (LONG[:1], LONG[:15_000]):
            r = tcc.run().prompt(letters if where == "prompt" else "p")
            if where == "metadata":
                r.metadata(text=letters)
            elif where == "attributes":
                r.attributes({"theirs": letters})
            elif where == "message":
                r.status(1, letters)
            elif letters != LONG[:1]:
                _wrote(cast("Span", r.span), where)
            r.end() if ends_well else r.error()
            weights.append(Entry(cast("ReadableSpan", r.span), None).size)
        assert len(captured.spans) == 2
    assert weights[1] - weights[0] >= 14_000


@pytest.mark.parametrize("letter", ["x", "é", "語", "😀"])
def test_a_text_weighs_what_it_takes(letter: str) -> None:
    """Letters of every script weigh what they take on the heap: up to four bytes each."""
    text = letter * 10_000
    light, heavy = (Entry(bare_span("a", value), None).size for value in ("x", text))
    takes = sys.getsizeof(text)
    assert 0.8 * takes <= heavy - light <= 1.5 * takes


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=500) | st.integers() | st.floats(), max_size=9))
def test_the_weight_is_near_the_truth(attributes: dict[str, str | int | float]) -> None:
    """A span weighs at least its texts, and never a multiple of what it is."""
    texts = [value for value in attributes.values() if isinstance(value, str)]
    span = ended_span("a", attributes)
    held = sum(sys.getsizeof(text) for text in texts)
    size = Entry(span, None).size
    assert 0.8 * held <= size <= 6_000 + 2 * held + 100 * len(attributes)
