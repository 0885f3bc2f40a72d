"""What a decorated generator must still be: a generator, with all that its consumer may do to it."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any, Final

from tests.conformance.program import Program, Stage, fact

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator


def _attempt(operation: Callable[[], Any]) -> str:
    """Say what an operation gives; it is the operation that is tested, so it may raise anything."""
    try:
        return str(operation())
    except Exception as error:  # noqa: BLE001
        return type(error).__name__


async def _attempt_async(operation: Callable[[], Any]) -> str:
    try:
        return str(await operation())
    except Exception as error:  # noqa: BLE001
        return type(error).__name__


def _protocol(stage: Stage) -> None:
    stage.set_up_package()
    closed = []

    def echo() -> Generator[str, str, str]:
        try:
            heard = yield "ready"
            while heard != "stop":
                try:
                    heard = yield f"heard {heard}"
                except ValueError as error:
                    heard = f"caught {error}"
        finally:
            closed.append("closed")
        return "done"

    def outer(producer: Callable[[], Generator[str, str, str]]) -> Generator[str, str]:
        result = yield from producer()
        yield f"returned {result}"

    decorated = stage.package.decorate(echo, "producer")
    items = decorated()
    stage.note(
        "kind", f"function {inspect.isgeneratorfunction(decorated)}, object {inspect.isgenerator(items)}"
    )
    told = [
        _attempt(lambda: next(items)),
        _attempt(lambda: items.send("a")),
        _attempt(lambda: items.throw(ValueError("b"))),
        _attempt(items.close),
        *closed,
    ]
    through = outer(decorated)
    told += [_attempt(lambda: next(through)), _attempt(lambda: through.send("stop"))]
    stage.note("told", ", ".join(told))


def _async_protocol(stage: Stage) -> None:
    stage.set_up_package()
    closed = []

    async def echo() -> AsyncGenerator[str, str]:
        try:
            heard = yield "ready"
            while True:
                try:
                    heard = yield f"heard {heard}"
                except ValueError as error:
                    heard = f"caught {error}"
        finally:
            await asyncio.sleep(0)
            closed.append("closed")

    decorated = stage.package.decorate(echo, "producer")

    async def main() -> None:
        items = decorated()
        stage.note(
            "kind", f"function {inspect.isasyncgenfunction(decorated)}, object {inspect.isasyncgen(items)}"
        )
        told = [
            await _attempt_async(lambda: anext(items)),
            await _attempt_async(lambda: items.asend("a")),
            await _attempt_async(lambda: items.athrow(ValueError("b"))),
            await _attempt_async(items.aclose),
            *closed,
        ]
        stage.note("told", ", ".join(told))

    asyncio.run(main())


PROGRAMS: Final = (
    Program(
        "generator-protocol",
        _protocol,
        (
            fact(
                "told",
                "ready, heard a, heard caught b, None, closed, ready, returned done",
                "Decorated generator: `send`, `throw`, `close`, `yield from` and the return value",
            ),
            fact("kind", "function True, object True", "Decorated generator: `inspect` knows it"),
        ),
    ),
    Program(
        "async-generator-protocol",
        _async_protocol,
        (
            fact(
                "told",
                "ready, heard a, heard caught b, None, closed",
                "Decorated async generator: `asend`, `athrow`, `aclose`",
            ),
            fact("kind", "function True, object True", "Decorated async generator: `inspect` knows it"),
        ),
    ),
)
