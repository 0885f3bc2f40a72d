"""Fixtures for the delivery room."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from contextcompany.delivery.outbox import outbox as outbox_module
from contextcompany.delivery.outbox.outbox import Outbox
from tests.delivery.sinks import SteeredSink, join

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from contextcompany.delivery.outbox.outbox import Sink

NEVER = 3_600.0


@pytest.fixture
def box() -> Iterator[Callable[[Sink], Outbox]]:
    """Make outboxes that are closed, and whose threads have ended, when the test is over."""
    made: list[tuple[Sink, Outbox]] = []

    def make(sink: Sink) -> Outbox:
        outbox = Outbox(sink)
        made.append((sink, outbox))
        return outbox

    yield make
    for sink, outbox in made:
        if isinstance(sink, SteeredSink):
            sink.gate.set()
        thread = outbox._thread
        outbox.close(0.1)
        if thread is not None:
            join(thread)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no batch go because of its age."""
    monkeypatch.setattr(outbox_module, "_BATCH_SECONDS", NEVER)


class Unstartable(threading.Thread):
    """A thread of ours cannot be started, as no thread can while the interpreter exits."""

    def start(self) -> None:
        """Refuse, but let the servers of a test have their threads."""
        if self.name.startswith("contextcompany"):
            raise RuntimeError("can't start new thread at interpreter shutdown")
        super().start()


@pytest.fixture
def exiting(monkeypatch: pytest.MonkeyPatch) -> Callable[[], AbstractContextManager[None]]:
    """Give a block in which no thread of ours can be started."""

    @contextmanager
    def block() -> Iterator[None]:
        with monkeypatch.context() as patch:
            patch.setattr(threading, "Thread", Unstartable)
            yield

    return block
