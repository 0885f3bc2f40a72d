"""What a decorated generator costs per item, and what a `with` block pays for the look at its frame.

Each figure is beside the same without us, in the same process and taking turns, so that a machine whose
speed drifts spoils no difference. The least of all rounds is shown: what is above it is the machine's.

    python benchmarks/generators.py [ROUNDS]
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

import contextcompany as tcc
from contextcompany.delivery.outbox.outbox import Outbox
from contextcompany.propagation.frames import frame_at, generator_frame

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

ITEMS = 10_000
CHUNK = "token "
MESSAGE = {"choices": [{"delta": {"content": CHUNK}}]}


def texts() -> Iterator[str]:
    """Yield text."""
    for _ in range(ITEMS):
        yield CHUNK


def messages() -> Iterator[Any]:
    """Yield what is no text."""
    for _ in range(ITEMS):
        yield MESSAGE


async def texts_later() -> AsyncIterator[str]:
    """Yield text from an async generator that waits for nothing."""
    for _ in range(ITEMS):
        yield CHUNK


def consumed(function: Callable[[], Iterator[Any]]) -> Callable[[], None]:
    """Return what consumes a generator inside a run."""

    def consume() -> None:
        for _ in function():
            pass

    return consume


def consumed_later(function: Callable[[], AsyncIterator[Any]]) -> Callable[[], None]:
    """Return what consumes an async generator inside a run."""

    async def consume() -> None:
        async for _ in function():
            pass

    loop = asyncio.new_event_loop()
    return lambda: loop.run_until_complete(consume())


def look() -> None:
    """Do what each entering of a `with` block does in addition, many times."""
    for _ in range(ITEMS):
        generator_frame(frame_at(1))


def no_look() -> None:
    """Do nothing as often."""
    for _ in range(ITEMS):
        pass


def seconds(work: Callable[[], None]) -> float:
    """Return how long one round takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def compare(rounds: int, bare: Callable[[], None], ours: Callable[[], None]) -> tuple[float, float]:
    """Return the least nanoseconds an item, of the bare way and of ours."""
    pairs = [(seconds(bare), seconds(ours)) for _ in range(rounds)]
    least = [min(one) for one in zip(*pairs, strict=True)]
    return least[0] / ITEMS * 1e9, least[1] / ITEMS * 1e9


def main(rounds: int) -> None:
    """Print each pair and its difference."""
    Outbox.submit = lambda *_: None  # type: ignore[method-assign]
    tcc.configure(tcc_url="http://127.0.0.1:9")
    kept_back = tcc.tool(capture_result=False)
    ways: list[tuple[str, Callable[[], None], Callable[[], None]]] = [
        ("texts", consumed(texts), consumed(tcc.tool(texts))),
        ("texts, not captured", consumed(texts), consumed(kept_back(texts))),
        ("texts of an async generator", consumed_later(texts_later), consumed_later(tcc.tool(texts_later))),
        ("messages", consumed(messages), consumed(tcc.tool(messages))),
    ]

    def show(where: str) -> None:
        for name, bare, ours in ways:
            with tcc.run() as run:
                run.prompt("p")
                before, after = compare(rounds, bare, ours)
            print(f"{name}, {where}: {before:.0f} ns an item, {after:.0f} with us: {after - before:+.0f}")

    show("no other tracing")
    trace.set_tracer_provider(TracerProvider())
    show("beside the application's")
    before, after = compare(rounds, no_look, look)
    print(f"a look at the frame: {after - before:.0f} ns a `with` block")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
