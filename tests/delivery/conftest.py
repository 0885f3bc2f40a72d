"""Fixtures for the delivery room."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from contextcompany.delivery.outbox import encoder as encoder_module
from contextcompany.delivery.outbox import worker
from contextcompany.delivery.outbox.outbox import Outbox
from contextcompany.delivery.outbox.shelf import Shelf
from tests.delivery.outbox.spools import SteeredSpool
from tests.delivery.sinks import MakeBox, SteeredSink, join

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from contextcompany.delivery.outbox.sinks import Sink
    from contextcompany.delivery.spool.spool import Spool

NEVER = 3_600.0


@pytest.fixture
def box() -> Iterator[MakeBox]:
    """Make outboxes that are closed, and whose threads have ended, when the test is over."""
    made: list[tuple[Sink, Spool | None, Outbox]] = []

    def make(sink: Sink, spool: Spool | None = None, *, timeout: float = 10.0) -> Outbox:
        outbox = Outbox(sink, shelf=None if spool is None else Shelf(lambda: spool), timeout=timeout)
        made.append((sink, spool, outbox))
        return outbox

    yield make
    for sink, spool, outbox in made:
        if isinstance(sink, SteeredSink):
            sink.release()
        if isinstance(spool, SteeredSpool):
            spool.release()
        threads = outbox._encoder.thread, outbox._sender.thread
        outbox.close(0.1)
        for thread in threads:
            join(thread)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no batch go because of its age."""
    monkeypatch.setattr(encoder_module, "BATCH_SECONDS", NEVER)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let batches go almost at once."""
    monkeypatch.setattr(encoder_module, "BATCH_SECONDS", 0.01)


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
            patch.setattr(worker, "WorkerThread", Unstartable)
            yield

    return block


class CallingBack(logging.Handler):
    """A log handler that does something with each line."""

    def __init__(self, act: Callable[[str], object]) -> None:
        super().__init__()
        self._act = act

    def emit(self, record: logging.LogRecord) -> None:
        """Act."""
        self._act(record.getMessage())


@pytest.fixture
def calling_back() -> Iterator[Callable[[Callable[[str], object]], None]]:
    """Let each line of our logger do something."""
    logger = logging.getLogger("contextcompany")
    added: list[logging.Handler] = []

    def add(act: Callable[[str], object]) -> None:
        added.append(CallingBack(act))
        logger.addHandler(added[-1])

    yield add
    for handler in added:
        logger.removeHandler(handler)
