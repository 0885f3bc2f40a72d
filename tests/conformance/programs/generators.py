"""Generators and async generators: whose span is current on which side of a `yield`."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
from typing import TYPE_CHECKING, Final

from tests.conformance.program import Program, Stage, fact, package_tree

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

TITLE: Final = "Functions and generators"
TEXT: Final = """\
A `producer`, decorated with what the package offers, records an `inside-n` before each item that it yields;
whoever takes the items records a `consumer-n`. The consumer's work is not the producer's, so it must never
appear below it."""


def _producer(stage: Stage) -> Callable[[], Generator[int]]:
    def producer() -> Generator[int]:
        for number in (1, 2):
            with stage.package.step(f"inside-{number}"):
                pass
            yield number

    return stage.package.decorate(producer, "producer")


def _async_producer(stage: Stage) -> Callable[[], AsyncGenerator[int]]:
    async def producer() -> AsyncGenerator[int]:
        for number in (1, 2):
            with stage.package.step(f"inside-{number}"):
                await asyncio.sleep(0)
            yield number

    return stage.package.decorate(producer, "producer")


async def _settled() -> None:
    """Let what the event loop does for a dropped async generator happen."""
    for _ in range(20):
        await asyncio.sleep(0)


def _function(stage: Stage) -> None:
    stage.set_up_package()

    def producer() -> None:
        with stage.package.step("inside"):
            pass

    with stage.package.run("run"):
        stage.package.decorate(producer, "producer")()


def _coroutine(stage: Stage) -> None:
    stage.set_up_package()

    async def producer() -> None:
        with stage.package.step("inside"):
            await asyncio.sleep(0)

    decorated = stage.package.decorate(producer, "producer")
    stage.note("kind", f"iscoroutinefunction {inspect.iscoroutinefunction(decorated)}")

    async def main() -> None:
        with stage.package.run("run"):
            await decorated()

    asyncio.run(main())


def _consumed(stage: Stage) -> None:
    stage.set_up_package()
    producer = _producer(stage)
    with stage.package.run("run"):
        for number in producer():
            with stage.package.step(f"consumer-{number}"):
                pass


def _async_consumed(stage: Stage) -> None:
    stage.set_up_package()
    producer = _async_producer(stage)

    async def main() -> None:
        with stage.package.run("run"):
            async for number in producer():
                with stage.package.step(f"consumer-{number}"):
                    await asyncio.sleep(0)

    asyncio.run(main())


def _broken_off(stage: Stage) -> None:
    stage.set_up_package()
    for _ in _producer(stage)():
        break
    stage.note("visible", f"current {stage.package.is_current_visible()}")
    with stage.package.run("next"):
        pass


def _async_broken_off(stage: Stage) -> None:
    stage.set_up_package()
    producer = _async_producer(stage)

    async def main() -> None:
        async for _ in producer():
            break
        stage.note("visible", f"current {stage.package.is_current_visible()}")
        with stage.package.run("next"):
            await asyncio.sleep(0)
        await _settled()

    asyncio.run(main())


def _one_context_per_step(stage: Stage) -> None:
    stage.set_up_package()
    producer = _producer(stage)
    with stage.package.run("run"):
        items = producer()
        while contextvars.copy_context().run(next, items, None) is not None:
            pass


def _one_task_per_step(stage: Stage) -> None:
    stage.set_up_package()
    producer = _async_producer(stage)

    async def main() -> None:
        with stage.package.run("run"):
            items = producer()

            async def step() -> int | None:
                return await anext(items, None)

            while await asyncio.create_task(step()) is not None:
                pass

    asyncio.run(main())


def _undecorated(stage: Stage) -> None:
    stage.set_up_package()

    def producer() -> Generator[int]:
        with stage.package.run("producer"):
            for number in (1, 2):
                with stage.package.step(f"inside-{number}"):
                    pass
                yield number

    for number in producer():
        with stage.package.run(f"consumer-{number}"):
            pass


def _async_undecorated(stage: Stage) -> None:
    stage.set_up_package()

    async def producer() -> AsyncGenerator[int]:
        with stage.package.run("producer"):
            for number in (1, 2):
                with stage.package.step(f"inside-{number}"):
                    await asyncio.sleep(0)
                yield number

    async def main() -> None:
        async for number in producer():
            with stage.package.run(f"consumer-{number}"):
                await asyncio.sleep(0)

    asyncio.run(main())


def _undecorated_broken_off(stage: Stage) -> None:
    stage.set_up_package()

    async def producer() -> AsyncGenerator[int]:
        with stage.package.run("producer"):
            for number in (1, 2):
                yield number

    async def main() -> None:
        async for _ in producer():
            break
        with stage.package.run("next"):
            await asyncio.sleep(0)
        await _settled()

    asyncio.run(main())


_CONSUMED: Final = "run(consumer-1, consumer-2, producer(inside-1, inside-2))"
_DRIVEN: Final = "run(producer(inside-1, inside-2))"
_OFF: Final = "next, producer(inside-1)"
_APART: Final = "consumer-1, consumer-2, producer(inside-1, inside-2)"

PROGRAMS: Final = (
    Program(
        "function",
        _function,
        (package_tree("run(producer(inside))", "Decorated function: the tree"),),
    ),
    Program(
        "coroutine",
        _coroutine,
        (
            package_tree("run(producer(inside))", "Decorated coroutine function: the tree"),
            fact("kind", "iscoroutinefunction True", "Decorated coroutine function: `inspect` knows it"),
        ),
    ),
    Program(
        "generator-consumer",
        _consumed,
        (package_tree(_CONSUMED, "Decorated generator: the consumer's work is not below it"),),
    ),
    Program(
        "async-generator-consumer",
        _async_consumed,
        (package_tree(_CONSUMED, "Decorated async generator: the consumer's work is not below it"),),
    ),
    Program(
        "generator-break",
        _broken_off,
        (
            package_tree(_OFF, "Decorated generator, `break`: it ends, and the next root is a root"),
            fact("visible", "current False", "Decorated generator, `break`: nothing stays current"),
        ),
    ),
    Program(
        "async-generator-break",
        _async_broken_off,
        (
            package_tree(_OFF, "Decorated async generator, `break`: it ends, and the next root is a root"),
            fact("visible", "current False", "Decorated async generator, `break`: nothing stays current"),
        ),
    ),
    Program(
        "generator-contexts",
        _one_context_per_step,
        (
            package_tree(
                _DRIVEN, "Decorated generator, one context for each step: what is inside stays below"
            ),
        ),
    ),
    Program(
        "async-generator-tasks",
        _one_task_per_step,
        (
            package_tree(
                _DRIVEN, "Decorated async generator, one task for each step: what is inside stays below"
            ),
        ),
    ),
    Program(
        "undecorated-generator",
        _undecorated,
        (package_tree(_APART, "A block inside of a generator: consumers do not see it"),),
    ),
    Program(
        "undecorated-async-generator",
        _async_undecorated,
        (package_tree(_APART, "A block inside of an async generator: consumers do not see it"),),
    ),
    Program(
        "undecorated-async-generator-break",
        _undecorated_broken_off,
        (
            package_tree(
                "next, producer", "A block inside of an async generator, `break`: the next root is a root"
            ),
        ),
    ),
)
