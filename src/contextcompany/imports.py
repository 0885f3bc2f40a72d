"""A gate for imports that a fork must not tear.

A fork while another thread imports leaves the module locked for ever in the child. So our late
imports happen behind this gate, and a fork waits for it. Imports nothing of ours.
"""

from __future__ import annotations

import os
from _thread import RLock
from typing import Final

# A fork inside an import of somebody else may wait for a module that this gate's holder waits for.
_MOST_SECONDS: Final = 5.0

gate: Final = RLock()
_held: list[bool] = []


def _before_fork() -> None:
    _held.append(gate.acquire(timeout=_MOST_SECONDS))


def _after_fork() -> None:
    if _held.pop():
        gate.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
