"""Threads, pools, tasks and processes: where work lands that is done elsewhere."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING, Any, Final

from tests.conformance.program import Program, Stage, package_tree

if TYPE_CHECKING:
    from collections.abc import Mapping

TITLE: Final = "Threads, tasks and processes"
TEXT: Final = """\
A `run` hands work to a thread, a pool, a task or another process, which records a `work` there. Where the
package offers something for it, that is used; where it offers nothing the plain thing is, and the cell says
so."""


def _thread(stage: Stage) -> None:
    stage.set_up_package()

    def work() -> None:
        with stage.package.step("work"):
            pass

    with stage.package.run("run"):
        thread = threading.Thread(target=stage.package.propagate(work))
        thread.start()
        thread.join()


def _pool(stage: Stage) -> None:
    stage.set_up_package()

    def work(number: int) -> None:
        with stage.package.step(f"work-{number}"):
            pass

    with stage.package.executor() as pool:
        with stage.package.run("run"):
            for future in [pool.submit(work, number) for number in (1, 2, 3)]:
                future.result()
        with stage.package.run("next"):
            list(pool.map(work, (4, 5)))


async def _concurrent(stage: Stage, number: int) -> None:
    with stage.package.step(f"work-{number}"):
        await asyncio.sleep(0)
        with stage.package.step(f"inner-{number}"):
            await asyncio.sleep(0)


def _tasks(stage: Stage) -> None:
    stage.set_up_package()

    async def main() -> None:
        with stage.package.run("run"):
            tasks = [asyncio.create_task(_concurrent(stage, number)) for number in (1, 2)]
            for task in tasks:
                await task

    asyncio.run(main())


def _task_group(stage: Stage) -> None:
    stage.set_up_package()

    async def main() -> None:
        with stage.package.run("run"):
            async with asyncio.TaskGroup() as group:
                for number in (1, 2):
                    group.create_task(_concurrent(stage, number))

    asyncio.run(main())


def _outliving_task(stage: Stage) -> None:
    stage.set_up_package()

    async def main() -> None:
        ended = asyncio.Event()

        async def later() -> None:
            await ended.wait()
            with stage.package.step("work"):
                pass

        with stage.package.run("run"):
            task = asyncio.create_task(later())
        ended.set()
        with stage.package.run("next"):
            await task

    asyncio.run(main())


def _roots(stage: Stage) -> None:
    stage.set_up_package()

    async def root(number: int) -> None:
        with stage.package.run(f"run-{number}"):
            await _concurrent(stage, number)

    async def main() -> None:
        await asyncio.gather(root(1), root(2))

    asyncio.run(main())


def _to_thread(stage: Stage) -> None:
    stage.set_up_package()

    def work() -> None:
        with stage.package.step("work"):
            pass

    async def main() -> None:
        with stage.package.run("run"):
            await asyncio.to_thread(work)

    asyncio.run(main())


def _run_in_executor(stage: Stage) -> None:
    stage.set_up_package()

    def work() -> None:
        with stage.package.step("work"):
            pass

    async def main() -> None:
        with stage.package.run("run"):
            await asyncio.get_running_loop().run_in_executor(None, stage.package.propagate(work))

    asyncio.run(main())


def _fork(stage: Stage) -> None:
    stage.set_up_package()
    with stage.package.run("run"):
        child = os.fork()
        if child == 0:
            with stage.package.step("child"):
                pass
            stage.package.flush()
            os._exit(0)
        os.waitpid(child, 0)
        with stage.package.step("parent"):
            pass


def _work_elsewhere(stage: Stage, carrier: Mapping[str, str] | None) -> None:
    """Be another process: of the same program, or of a new interpreter, which has a carrier."""
    if carrier is None:
        with stage.package.step("work"):
            pass
        return
    stage.set_up_package()
    with stage.package.attach(carrier), stage.package.step("work"):
        pass


def _multiprocessing(stage: Stage, method: str) -> None:
    import multiprocessing

    stage.set_up_package()
    with stage.package.run("run"):
        carrier = stage.package.inject() if method == "spawn" else None
        context: Any = multiprocessing.get_context(method)
        process = context.Process(target=_work_elsewhere, args=(stage, carrier))
        process.start()
        process.join()


def _multiprocessing_fork(stage: Stage) -> None:
    _multiprocessing(stage, "fork")


def _multiprocessing_spawn(stage: Stage) -> None:
    _multiprocessing(stage, "spawn")


_TASKS: Final = "run(work-1(inner-1), work-2(inner-2))"

PROGRAMS: Final = (
    Program("thread", _thread, (package_tree("run(work)", "`threading.Thread`", operation="propagate"),)),
    Program(
        "pool",
        _pool,
        (
            package_tree(
                "next(work-4, work-5), run(work-1, work-2, work-3)",
                "`ThreadPoolExecutor`, `submit` and `map`, the same threads for two runs",
                operation="executor",
            ),
        ),
    ),
    Program(
        "run-in-executor",
        _run_in_executor,
        (package_tree("run(work)", "`loop.run_in_executor`", operation="propagate"),),
    ),
    Program("to-thread", _to_thread, (package_tree("run(work)", "`asyncio.to_thread`"),)),
    Program("tasks", _tasks, (package_tree(_TASKS, "`asyncio.create_task`, two at once"),)),
    Program("task-group", _task_group, (package_tree(_TASKS, "`asyncio.TaskGroup`, two at once"),)),
    Program(
        "outliving-task",
        _outliving_task,
        (package_tree("next, run(work)", "A task that outlives its run stays in it"),),
    ),
    Program(
        "roots",
        _roots,
        (package_tree("run-1(work-1(inner-1)), run-2(work-2(inner-2))", "Two runs at once stay apart"),),
    ),
    Program(
        "fork",
        _fork,
        (
            package_tree(
                "run(child, parent)", "`os.fork` in a run: the child records, each span arrives once"
            ),
        ),
    ),
    Program(
        "multiprocessing-fork",
        _multiprocessing_fork,
        (package_tree("run(work)", "`multiprocessing`, fork: the child ends without a flush"),),
    ),
    Program(
        "multiprocessing-spawn",
        _multiprocessing_spawn,
        (
            package_tree(
                "run(work)",
                "`multiprocessing`, spawn: the place goes along in a carrier",
                operation="inject",
            ),
        ),
    ),
)
