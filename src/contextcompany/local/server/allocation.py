"""The memory of the process that serves: one heap for all its threads."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Final

# M_ARENA_MAX of malloc.h; glibc alone has it.
_MOST_HEAPS: Final = -8


def share_heap() -> None:
    """Have all threads of this process draw on one heap, before the first of them starts.

    With a heap for each thread, what one has let go of is of no use to the others: a tenth of the memory of
    the server. Threads seldom wait for each other here, since the interpreter runs one at a time anyway.
    """
    if sys.platform != "linux":
        return
    import ctypes

    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(_MOST_HEAPS, 1)
