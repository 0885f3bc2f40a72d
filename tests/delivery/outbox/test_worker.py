"""A lazy thread that does one task after the other."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from contextcompany.delivery.outbox import worker as worker_module
from contextcompany.delivery.outbox.desk import NEVER, Desk
from contextcompany.delivery.outbox.worker import Worker
from tests.delivery.sinks import holds_lock, join, thread_of
from tests.loopback import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from contextcompany.delivery.outbox.worker import Task


class Listed(Worker):
    """Does the tasks of a list."""

    _name = "listed"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.tasks: list[Task] = []
        self.wait = NEVER
        self.looks = 0

    def look(self, now: float) -> Task | float:
        """Return the next task of the list."""
        assert holds_lock(self._desk)
        self.looks += 1
        return self.tasks.pop(0) if self.tasks else self.wait


@pytest.fixture
def desk() -> Iterator[Desk]:
    """Make a desk, and close it when the test is over."""
    made = Desk("there", None)
    yield made
    with made.changed:
        made.closed = True
        made.changed.notify_all()


def ensured(worker: Worker, desk: Desk) -> bool:
    """Ensure the thread of a worker, as is done with the lock held."""
    with desk.changed:
        return worker.ensure()


def test_the_thread_is_lazy(desk: Desk) -> None:
    """There is none until somebody needs it; then one daemon, which is not started twice."""
    worker = Listed(desk)
    assert worker.is_running is False
    assert ensured(worker, desk) is True
    thread = thread_of(worker)
    assert (thread.daemon, thread.name, worker.is_running) == (True, "contextcompany-listed", True)
    assert ensured(worker, desk) is True
    assert thread_of(worker) is thread


def test_tasks_are_done_in_order_and_without_the_lock(desk: Desk) -> None:
    """One after the other, in the worker's thread, while others may use the lock."""
    worker = Listed(desk)
    done: list[tuple[str, str]] = []
    over = threading.Event()

    def task(name: str) -> Task:
        def do() -> None:
            with desk.changed:
                done.append((name, threading.current_thread().name))
            if name == "c":
                over.set()

        return do

    worker.tasks = [task(name) for name in "abc"]
    ensured(worker, desk)
    assert over.wait(PATIENCE)
    assert done == [(name, "contextcompany-listed") for name in "abc"]


def test_an_idle_thread_ends_and_another_follows(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """No thread is left where there is nothing to do; the next need starts another."""
    monkeypatch.setattr(worker_module, "_IDLE_SECONDS", 0.02)
    worker = Listed(desk)
    ensured(worker, desk)
    first = thread_of(worker)
    join(first)
    assert worker.is_running is False
    over = threading.Event()
    worker.tasks = [over.set]
    ensured(worker, desk)
    assert over.wait(PATIENCE)
    with desk.changed:
        second = worker.thread
    assert second is not first
    join(second)


def test_a_thread_that_expects_something_stays(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has to do something later is not idle, and looks again when it is time, without a bell."""
    monkeypatch.setattr(worker_module, "_IDLE_SECONDS", 0.01)
    worker = Listed(desk)
    worker.wait = 0.02
    over = threading.Event()
    ensured(worker, desk)
    with desk.changed:
        worker.tasks = [over.set]
    assert over.wait(PATIENCE)
    assert worker.is_running


def test_the_bell_wakes_it(desk: Desk) -> None:
    """What is new is seen as soon as the bell rings."""
    worker = Listed(desk)
    worker.wait = 3_600.0
    ensured(worker, desk)
    over = threading.Event()
    with desk.changed:
        worker.tasks = [over.set]
        desk.changed.notify_all()
    assert over.wait(PATIENCE)


def test_a_closed_desk_ends_it(desk: Desk) -> None:
    """The thread ends after what it is doing, and does nothing that comes later."""
    worker = Listed(desk)
    begun, gate = threading.Event(), threading.Event()

    def held() -> None:
        begun.set()
        assert gate.wait(PATIENCE)

    worker.tasks = [held, pytest.fail]
    ensured(worker, desk)
    assert begun.wait(PATIENCE)
    thread = thread_of(worker)
    with desk.changed:
        desk.closed = True
    gate.set()
    join(thread)
    assert worker.is_running is False
    assert worker.tasks == [pytest.fail]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_task_that_fails_ends_the_thread_only(desk: Desk) -> None:
    """Who needs the worker afterwards gets a new thread."""
    worker = Listed(desk)

    def fail() -> None:
        raise OSError("the disk is gone")

    over = threading.Event()
    worker.tasks = [fail]
    with desk.changed:
        worker.ensure()
        first = thread_of(worker)
    join(first)
    with desk.changed:
        worker.tasks = [over.set]
        assert worker.ensure() is True
    assert over.wait(PATIENCE)


def test_no_thread_can_be_started(desk: Desk, exiting: Callable[[], AbstractContextManager[None]]) -> None:
    """While the interpreter exits there is no thread, nobody is bothered, and it is said."""
    worker = Listed(desk)
    with exiting():
        assert ensured(worker, desk) is False
    assert worker.is_running is False
    assert ensured(worker, desk) is True


def test_a_forked_child_has_no_thread(desk: Desk) -> None:
    """The thread stayed in the parent; the child starts its own."""
    worker = Listed(desk)
    ensured(worker, desk)
    parents = thread_of(worker)
    worker.renew_after_fork()
    assert worker.is_running is False
    ensured(worker, desk)
    assert thread_of(worker) is not parents
