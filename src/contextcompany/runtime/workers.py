"""The end of worker processes that run no `atexit` function: multiprocessing's and Celery's."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from contextcompany.imports import gate

if TYPE_CHECKING:
    from collections.abc import Callable


def call_at_end(function: Callable[[], None]) -> None:
    """Have a function called at the end of this process, if it is a worker of a known kind.

    Nothing is imported that the application has not imported itself.
    """
    multiprocessing = sys.modules.get("multiprocessing.process")
    if multiprocessing is not None and multiprocessing.parent_process() is not None:
        with gate:
            from multiprocessing.util import Finalize

        Finalize(None, function, exitpriority=0)
    signals = sys.modules.get("celery.signals")
    if signals is not None:
        # Sent in each child of a prefork pool, which then ends by `os._exit`.
        signals.worker_process_shutdown.connect(_Receiver(function), weak=False)


class _Receiver:
    def __init__(self, function: Callable[[], None]) -> None:
        self._function = function

    def __call__(self, **_: object) -> None:
        self._function()
