"""A program that records in child processes of `multiprocessing`: started by `python -m`, told the method."""

from __future__ import annotations

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from typing import Any, Literal, cast

import contextcompany as tcc
from tests.servers.ledger import record


def work(number: int) -> None:
    """Record in a child."""
    record(f"pool-{number}")


def drain_at_sigterm() -> None:
    """Prepare a child of a pool whose end is SIGTERM."""
    tcc.configure(on_sigterm=True)


def main(method: Literal["fork", "forkserver", "spawn"]) -> None:
    """Record in the parent, in children of their own, and in those of an executor."""
    # The base of the contexts does not say what a process is, for type checkers.
    context: Any = multiprocessing.get_context(method)
    record("parent")
    processes = [context.Process(target=record, args=(f"process-{number}",)) for number in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0, process.exitcode
    execute(context)


def execute(context: Any) -> None:
    """Record in the children of an executor."""
    with ProcessPoolExecutor(2, mp_context=context) as executor:
        list(executor.map(work, range(10)))


def terminated() -> None:
    """Record in the children of a pool that ends them by SIGTERM."""
    record("parent")
    with multiprocessing.get_context("fork").Pool(2, drain_at_sigterm) as pool:
        pool.map(work, range(10), chunksize=1)


if __name__ == "__main__":
    if sys.argv[1] == "terminated":
        terminated()
    elif sys.argv[1] == "children alone":
        execute(multiprocessing.get_context("fork"))
    else:
        main(cast("Any", sys.argv[1]))
