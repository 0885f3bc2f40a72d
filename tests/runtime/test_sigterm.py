"""The handler of SIGTERM, in this process, with real signals."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from contextcompany.diagnostics import guard
from contextcompany.runtime.sigterm import SigtermDrain
from tests.interpreter import python
from tests.loopback import PATIENCE
from tests.servers.program import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGTERM")


class Steered:
    """A delivery that takes as long as the test wants, a handler of the application, and their story."""

    def __init__(self) -> None:
        self.story: list[object] = []
        self.begun = threading.Event()
        self.may_end = threading.Event()
        self.may_end.set()
        self.drain = SigtermDrain(self._deliver)

    def mine(self, number: int, frame: FrameType | None) -> None:
        """Handle the signal as the application does."""
        is_main = threading.current_thread() is threading.main_thread()
        self.story.append(("mine", number, frame is not None, is_main))

    def hold(self) -> None:
        """Let the next delivery last until `release`."""
        self.begun.clear()
        self.may_end.clear()

    def release(self) -> None:
        """Let deliveries end."""
        self.may_end.set()

    def has_gone(self, story: list[object]) -> bool:
        """Return whether this, and nothing else, has happened."""
        return self.story == story

    def _deliver(self, ends: bool) -> None:
        self.story.append(("begun", ends))
        self.begun.set()
        assert self.may_end.wait(PATIENCE)
        self.story.append("delivered")


CALLED = ("mine", signal.SIGTERM, True, True)
DELIVERED: list[object] = [("begun", False), "delivered"]


@pytest.fixture
def steered() -> Iterator[Steered]:
    """A drain over a handler of the application; what was there before comes back."""
    before = signal.getsignal(signal.SIGTERM)
    made = Steered()
    signal.signal(signal.SIGTERM, made.mine)
    yield made
    made.release()
    eventually("the end of a drain", lambda: not made.drain._is_draining)
    signal.signal(signal.SIGTERM, before)


def send() -> None:
    """Send this process the signal, and let the handler run."""
    os.kill(os.getpid(), signal.SIGTERM)


def handler() -> Any:
    """Return the handler that is there."""
    return signal.getsignal(signal.SIGTERM)


def elsewhere(function: Any) -> None:
    """Call a function in another thread, and wait for its end."""
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()


# Installing and removing


def test_installed_and_removed(steered: Steered) -> None:
    """Asking twice installs one handler over the one that was there, and removing it gives that back."""
    steered.drain.install()
    ours = handler()
    assert ours != steered.mine
    steered.drain.install()
    assert handler() == ours
    steered.drain.remove()
    assert handler() == steered.mine
    steered.drain.remove()
    assert handler() == steered.mine
    steered.drain.install()
    assert handler() == ours


@pytest.mark.parametrize("before", [signal.SIG_DFL, signal.SIG_IGN])
def test_what_is_no_function_comes_back_too(steered: Steered, before: signal.Handlers) -> None:
    """The default handling and an ignored signal are given back as they were."""
    signal.signal(signal.SIGTERM, before)
    steered.drain.install()
    assert handler() not in (signal.SIG_DFL, signal.SIG_IGN)
    steered.drain.remove()
    assert handler() == before


def test_never_installed(steered: Steered) -> None:
    """To remove what was never installed changes nothing."""
    steered.drain.remove()
    assert handler() == steered.mine


def test_not_removed_from_under_somebody_else(steered: Steered) -> None:
    """A handler that the application has set after ours stays."""
    steered.drain.install()

    def later(number: int, frame: FrameType | None) -> None: ...

    signal.signal(signal.SIGTERM, later)
    steered.drain.remove()
    assert handler() == later


def test_off_the_main_thread(steered: Steered, caplog: pytest.LogCaptureFixture) -> None:
    """Elsewhere than in the main thread nothing changes, and one warning says what to do."""
    elsewhere(steered.drain.install)
    elsewhere(steered.drain.install)
    assert handler() == steered.mine
    (record,) = caplog.records
    assert (record.levelname, record.name) == ("WARNING", "contextcompany")
    assert "on_sigterm" in record.getMessage()
    assert "main thread" in record.getMessage()
    steered.drain.install()
    ours = handler()
    assert ours != steered.mine
    elsewhere(steered.drain.install)
    elsewhere(steered.drain.remove)
    assert handler() == ours
    assert len(caplog.records) == 1


# The signal


def test_the_previous_handler_is_called_once_after_the_delivery(steered: Steered) -> None:
    """Once all is delivered the application's handler is called, in the main thread, as by the signal."""
    steered.drain.install()
    steered.hold()
    send()
    assert steered.begun.wait(PATIENCE)
    assert steered.story == [("begun", False)]
    steered.release()
    eventually("the handler's call", lambda: CALLED in steered.story)
    assert steered.story == [*DELIVERED, CALLED]
    assert handler() == steered.drain._handle


def test_signals_while_it_delivers(steered: Steered) -> None:
    """Further signals in the meantime neither deliver again nor call the handler again or earlier."""
    steered.drain.install()
    steered.hold()
    send()
    assert steered.begun.wait(PATIENCE)
    for _ in range(3):
        send()
    assert steered.story == [("begun", False)]
    steered.release()
    eventually("the handler's call", lambda: CALLED in steered.story)
    assert steered.story == [*DELIVERED, CALLED]


def test_each_signal_delivers(steered: Steered) -> None:
    """A process that lives on delivers, and calls the handler, at each signal."""
    steered.drain.install()
    for number in range(1, 4):
        send()
        eventually("the handler's call", partial(steered.has_gone, [*DELIVERED, CALLED] * number))


def test_an_ignored_signal(steered: Steered) -> None:
    """Where the signal was ignored it delivers, each time, and the process lives on."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    steered.drain.install()
    for number in range(1, 3):
        send()
        eventually("the delivery", partial(steered.has_gone, DELIVERED * number))
        eventually("its end", lambda: not steered.drain._is_draining)
    assert handler() == steered.drain._handle


def test_the_default_ends_the_process() -> None:
    """With the default handling the delivery is told of the end, and then the process dies of the signal."""
    finished = python(
        """
        import os, signal, time
        from contextcompany.runtime.sigterm import SigtermDrain
        SigtermDrain(lambda ends: os.write(1, f"{ends}\\n".encode())).install()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(40)
        """
    )
    assert (finished.out, finished.err, finished.code) == ("True\n", "", -signal.SIGTERM)


def test_the_handler_waits_for_nothing(steered: Steered) -> None:
    """The main thread goes on while it is delivered, even where it holds what delivery needs."""
    needed = threading.Lock()
    drain = SigtermDrain(lambda _: steered.story.append(needed.acquire(timeout=PATIENCE)))
    drain.install()
    with needed:
        send()
        eventually("the begin of the drain", lambda: drain._is_draining)
        assert steered.story == []
    eventually("the handler's call", lambda: CALLED in steered.story)
    assert steered.story == [True, CALLED]
    drain.remove()


def test_a_delivery_that_fails(
    steered: Steered, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An error of ours is counted and said, and the application's handler is called all the same."""
    monkeypatch.setattr(guard, "strict", False)

    def fail(_: bool) -> None:
        raise KeyError("why")

    drain = SigtermDrain(fail)
    drain.install()
    send()
    eventually("the handler's call", lambda: CALLED in steered.story)
    assert guard.errors == 1
    assert ["an internal error was kept" in message for message in caplog.messages] == [True]
    drain.remove()


def test_a_handler_that_raises(steered: Steered) -> None:
    """What the application's handler raises arrives where the main thread is, as without us, each time."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise InterruptedError("stop")

    signal.signal(signal.SIGTERM, stop)
    steered.drain.install()
    for _ in range(2):
        send()
        with pytest.raises(InterruptedError, match="stop"):
            eventually("the handler's error", lambda: False)
    assert steered.story == DELIVERED * 2


def test_removed_while_it_delivers(steered: Steered) -> None:
    """A signal that came before ours was removed is passed on to the handler that was given back, once."""
    steered.drain.install()
    steered.hold()
    send()
    assert steered.begun.wait(PATIENCE)
    steered.drain.remove()
    steered.release()
    eventually("the end of the drain", lambda: not steered.drain._is_draining)
    eventually("the handler's call", lambda: CALLED in steered.story, 2.0)
    assert steered.story == [*DELIVERED, CALLED]


def test_installed_again_after_a_removal(steered: Steered) -> None:
    """Each time between two installations the application's handler has the signal for itself."""
    for _ in range(2):
        steered.drain.install()
        send()
        eventually("the handler's call", lambda: CALLED in steered.story)
        steered.drain.remove()
        send()
        assert steered.story == [*DELIVERED, CALLED, CALLED]
        steered.story.clear()


def test_a_later_handler_that_calls_ours(steered: Steered) -> None:
    """A handler set after ours that calls ours is called once for each signal, also when we install again."""
    steered.drain.install()
    ours = handler()

    def later(number: int, frame: FrameType | None) -> None:
        steered.story.append("later")
        if steered.story.count("later") > 5:
            return  # it would never end
        ours(number, frame)

    signal.signal(signal.SIGTERM, later)
    steered.drain.install()
    send()
    eventually("the later handler's call", lambda: "later" in steered.story)
    deadline = time.monotonic() + 0.3
    while time.monotonic() < deadline and steered.story.count("later") < 2:
        time.sleep(0.01)  # where a second call would come
    assert steered.story.count("later") == 1


# At exit, and after a fork


def test_the_exit_waits_for_a_delivery_under_way(steered: Steered) -> None:
    """At exit the delivery is waited for, and the application's handler is called before it goes on."""
    steered.drain.install()
    steered.hold()
    send()
    assert steered.begun.wait(PATIENCE)
    releasing = threading.Timer(0.05, steered.release)
    releasing.start()
    steered.drain.finish(PATIENCE)
    assert steered.story == [*DELIVERED, CALLED]
    releasing.join()


def test_the_exit_does_not_wait_for_ever(steered: Steered) -> None:
    """A delivery that does not end holds the exit for its budget; without one the exit waits for nothing."""
    steered.drain.install()
    began = time.monotonic()
    steered.drain.finish(PATIENCE)
    assert time.monotonic() - began < 1
    steered.hold()
    send()
    assert steered.begun.wait(PATIENCE)
    began = time.monotonic()
    steered.drain.finish(0.1)
    assert 0.1 <= time.monotonic() - began < 2
    assert steered.story == [("begun", False)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_fork_while_it_delivers() -> None:
    """A child forked in the middle of a delivery has none under way, and delivers at its own signal."""
    finished = python(
        """
        import os, signal, threading, time
        from contextcompany.runtime.sigterm import SigtermDrain
        parent = os.getpid()
        begun, may_end = threading.Event(), threading.Event()
        def deliver(ends):
            begun.set()
            if os.getpid() == parent:
                may_end.wait(20)
        signal.signal(signal.SIGTERM, lambda *given: os._exit(7))
        drain = SigtermDrain(deliver)
        drain.install()
        os.register_at_fork(after_in_child=drain.renew_after_fork)
        os.kill(parent, signal.SIGTERM)
        assert begun.wait(20)
        child = os.fork()
        if child == 0:
            signal.alarm(15)
            drain.finish(20)
            os.kill(os.getpid(), signal.SIGTERM)
            while True:
                time.sleep(0.01)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
        may_end.set()
        while True:
            time.sleep(0.01)
        """,
        PYTHONWARNINGS="ignore::DeprecationWarning",
    )
    assert (finished.out, finished.err, finished.code) == ("7\n", "", 7)
