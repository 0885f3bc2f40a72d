"""What is counted can still be done; valgrind itself is not run, since it takes minutes."""

from __future__ import annotations

import pytest

from benchmarks.instructions import WORKS
from tests.interpreter import python


@pytest.mark.parametrize("name", WORKS)
def test_each_work_still_runs(name: str) -> None:
    """A process does the work in silence as often as it is told, and ends without any exit handler."""
    finished = python(f"from benchmarks.instructions import work; work({name!r}, {WORKS[name].few + 1})")
    assert (finished.code, finished.out, finished.err) == (0, "", "")


def test_handed_over_spans_stay_where_a_thread_would_take_them() -> None:
    """The caller pays for the whole way into the outbox, and nothing is encoded or sent meanwhile."""
    finished = python(
        """
        import contextcompany as tcc
        from benchmarks.instructions import WORKS
        do = WORKS["ours"].prepare()
        before = tcc.stats().pending
        for number in range(10):
            do(number)
        print(tcc.stats().pending - before, tcc.stats().delivered, flush=True)
        import os
        os._exit(0)
        """
    )
    assert finished.out == "60 0\n", finished.err
