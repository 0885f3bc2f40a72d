"""Worker threads that are kept when the work that needed them is over, for the next one that needs some."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

_MOST_IDLE: Final = 4


class Crews:
    """Thread pools that nobody uses now; each has one user at a time, who waits for no other."""

    def __init__(self) -> None:
        # Its operations are atomic: no lock that a fork could leave taken.
        self._idle: deque[ThreadPoolExecutor] = deque()

    def take(self) -> ThreadPoolExecutor:
        """Return a pool for one user: one that is idle, else a new one."""
        try:
            return self._idle.pop()
        except IndexError:
            return ThreadPoolExecutor(thread_name_prefix="contextcompany-tool")

    def give_back(self, pool: ThreadPoolExecutor) -> None:
        """Keep a pool for the next user, or end its threads where there are enough; its work is done."""
        if len(self._idle) < _MOST_IDLE:
            self._idle.append(pool)
        else:
            pool.shutdown(wait=False)

    def renew_after_fork(self) -> None:
        """Forget in a forked child the threads of the parent process."""
        self._idle.clear()


class Crew:
    """The worker threads of one user, taken with the first work.

    Args:
        crews: where they come from, and go to at the end.
    """

    def __init__(self, crews: Crews) -> None:
        self._crews = crews
        self._pool: ThreadPoolExecutor | None = None
        self._given_up: list[Future[Any]] = []

    def submit(self, work: Callable[[], Any]) -> Future[Any]:
        """Do some work in a thread."""
        if self._pool is None:
            self._pool = self._crews.take()
        return self._pool.submit(work)

    def give_up(self, future: Future[Any]) -> None:
        """Take down work that nobody waits for, and that may go on for a while."""
        self._given_up.append(future)

    def close(self) -> None:
        """Wait for what was given up, and let others have the threads."""
        wait(self._given_up)
        pool, self._pool = self._pool, None
        if pool is not None:
            self._crews.give_back(pool)
