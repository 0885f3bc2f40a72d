"""A gate for imports that a fork must not tear.

A fork while another thread imports leaves the module locked for ever in the child. So our late
imports happen behind this gate, and a fork waits for it. Imports nothing of ours.
"""

from __future__ import annotations

import os
from _thread import RLock, get_ident
from typing import Final

# A fork inside an import of somebody else may wait for a module that this gate's holder waits for.
_MOST_SECONDS: Final = 5.0
_MOST_REGISTRATIONS: Final = 20
# Modules that take locks of their own at a fork, from their import on.
_LOCKED_AT_FORK: Final = ("concurrent.futures.thread", "logging")


class Gate:
    """Keep forks out while a block imports; a thread may enter again what it has entered.

    A fork that waits has its turn after the block that is being left: one import after the other
    would keep it out for as long as there are some.
    """

    def __init__(self) -> None:
        self._renew()
        self._is_prepared = False
        self._registrations = 0
        self._held: list[bool] = []

    def _renew(self) -> None:
        self._turn = RLock()
        self._lock = RLock()
        self._owner = self._depth = 0

    def __enter__(self) -> None:
        if not self._registrations:
            self._come_first()
        if self._is_inside():
            self._lock.acquire()
        else:
            with self._turn:
                self._lock.acquire()
        self._owner = get_ident()
        self._depth += 1
        if not self._is_prepared:
            self._is_prepared = True
            for name in _LOCKED_AT_FORK:
                __import__(name)
        self._come_first()

    def __exit__(self, *exc: object) -> None:
        self._depth -= 1
        if not self._depth:
            self._owner = 0
        self._lock.release()

    def _is_inside(self) -> bool:
        return self._owner == get_ident()

    def _come_first(self) -> None:
        """Have a fork wait here before it takes any other lock.

        The function that was registered last runs first. One that came after ours would hold the
        lock of logging, say, while the fork waits for an import that logs.
        """
        if self._registrations < _MOST_REGISTRATIONS and hasattr(os, "register_at_fork"):
            self._registrations += 1
            os.register_at_fork(
                before=self._before_fork,
                after_in_parent=self._after_fork_in_parent,
                after_in_child=self._after_fork_in_child,
            )

    def _before_fork(self) -> None:
        # Each registration asks; once held, the further ones are free, and once given up, too.
        given_up = bool(self._held) and not self._held[0]
        self._held.append(not given_up and self._acquire())

    def _acquire(self) -> bool:
        # One that waits for the thread inside holds the turn, so that thread must not wait for it.
        if self._is_inside():
            return self._lock.acquire(timeout=_MOST_SECONDS)
        if not self._turn.acquire(timeout=_MOST_SECONDS):
            return False
        if self._lock.acquire(timeout=_MOST_SECONDS):
            return True
        self._turn.release()
        return False

    def _release(self) -> None:
        self._lock.release()
        if not self._is_inside():
            self._turn.release()

    def _after_fork_in_parent(self) -> None:
        # Registered in the middle of a fork, it is called after it without having been called before.
        if self._held and self._held.pop():
            self._release()

    def _after_fork_in_child(self) -> None:
        if self._held and self._held.pop():
            self._release()
        elif not self._held:
            self._renew()  # the thread that holds it stayed in the parent process


gate: Final = Gate()
