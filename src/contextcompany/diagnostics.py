"""What this package says to the people who run it: one logger, warnings said once, one guard.

The only place where an error of ours is swallowed. Imports nothing of ours.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Hashable
    from types import TracebackType

LOGGER_NAME: Final = "contextcompany"

logger: Final = logging.getLogger(LOGGER_NAME)

_MOST_KEYS: Final = 1_000


class _Said:
    """Remember which warnings were said; bounded, so that keys made from data cannot grow it."""

    def __init__(self) -> None:
        self._keys: set[Hashable] = set()
        # Reentrant, as all our locks on the caller's way: a signal handler may record in the middle.
        self._lock = threading.RLock()

    def first(self, key: Hashable) -> bool:
        with self._lock:
            if key in self._keys or len(self._keys) >= _MOST_KEYS:
                return False
            self._keys.add(key)
            return True

    def forget(self) -> None:
        with self._lock:
            self._keys.clear()

    def renew_lock(self) -> None:
        self._lock = threading.RLock()


said: Final = _Said()


def log_debug_lines() -> None:
    """Log debug lines, on the error stream where the application has set up no logging."""
    logger.setLevel(logging.DEBUG)
    if not logger.hasHandlers():
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
        logger.addHandler(handler)


def warn_once(key: Hashable, message: str, *args: object) -> None:
    """Log a warning unless one with the same key was logged before in this process."""
    if said.first(key):
        logger.warning(message, *args)


class Guard:
    """Keep an error of ours away from the application: log it once per place, count it, go on.

    Usable as a context manager around work that the application did not ask for. With `strict`
    set (our own tests do) the error is raised, so that tests never hide bugs.
    """

    def __init__(self) -> None:
        self.strict = False
        self.errors = 0

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if exc is None or self.strict or not isinstance(exc, Exception):
            return False
        self._note(exc, traceback)
        return True

    def caught(self, error: Exception) -> None:
        """Do with an error what the block does, for where entering one costs too much.

        Raises:
            Exception: the error itself, with `strict` set.
        """
        if self.strict:
            raise error
        self._note(error, error.__traceback__)

    def _note(self, error: Exception, traceback: TracebackType | None) -> None:
        self.errors += 1
        place = traceback
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place is not None else "?"
        # The message of the error may hold content, so only its class and place are said.
        warn_once(
            ("guard", where),
            "an internal error was kept from the application: %s at %s; please report it",
            type(error).__name__,
            where,
        )


guard: Final = Guard()
