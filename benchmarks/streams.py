"""What recording a stream costs its consumer, beside the bare iterator.

The chunks are made beforehand: texts, and chunks of chat completions as objects of the `openai` client and as
dicts. "Bare" reads them from an iterator, "ours" from the same one through `Step.stream`. For scale, the last
line is what the client itself takes to make one such object. Starting and ending the step is not counted:
`python -m benchmarks.peers` measures that. A round is short and the quickest of many is shown, since whatever
else runs on the machine can only slow one down.

    python benchmarks/streams.py [ROUNDS]
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from openai.types.chat import ChatCompletionChunk

import contextcompany as tcc
from contextcompany.delivery.outbox.outbox import Outbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

CHUNKS = 200
DATA: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion.chunk",
    "created": 1_760_000_000,
    "model": "gpt-5-2025-08-07",
    "choices": [{"index": 0, "delta": {"content": "order "}, "finish_reason": None, "logprobs": None}],
}


async def awaited(chunks: Sequence[object]) -> AsyncIterator[object]:
    """Give the chunks without ever waiting."""
    for chunk in chunks:
        yield chunk


async def consume(chunks: AsyncIterator[object]) -> None:
    """Read an async stream to its end."""
    async for _ in chunks:
        pass


def seconds(work: Callable[[], object]) -> float:
    """Return the time of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def show(name: str, chunks: Sequence[object], rounds: int, *, is_async: bool = False) -> None:
    """Print what each way takes by chunk, as the quickest of all rounds."""
    loop = asyncio.new_event_loop()
    run = tcc.run().prompt("p")

    def read(stream: Any) -> Callable[[], object]:
        if is_async:
            return lambda: loop.run_until_complete(consume(stream))
        return lambda: deque(stream, maxlen=0)

    def source() -> Any:
        return awaited(chunks) if is_async else iter(chunks)

    pairs: list[tuple[float, float]] = []
    for _ in range(rounds):
        step = run.step().prompt("q")
        pairs.append((seconds(read(source())), seconds(read(step.stream(source(), end=False)))))
        step.end()
    run.end()
    loop.close()
    plain, recorded = (min(column) / len(chunks) * 1e9 for column in zip(*pairs, strict=True))
    print(f"{name:20} bare {plain:6.0f} ns a chunk, ours {recorded:6.0f}, {recorded - plain:6.0f} more")


def main(rounds: int) -> None:
    """Print a line for each kind of chunk."""
    Outbox.submit = lambda *_: None  # type: ignore[method-assign]
    tcc.configure(tcc_url="http://127.0.0.1:9")
    objects = [ChatCompletionChunk.model_validate(DATA) for _ in range(CHUNKS)]
    show("texts", ["order "] * CHUNKS, rounds)
    show("texts, async", ["order "] * CHUNKS, rounds, is_async=True)
    show("chat chunks", objects, rounds)
    show("chat chunks, async", objects, rounds, is_async=True)
    show("chat chunks as dicts", [DATA] * CHUNKS, rounds)
    made = [seconds(lambda: ChatCompletionChunk.construct(**DATA)) for _ in range(CHUNKS)]
    print(f"the client makes one chunk in {min(made) * 1e9:.0f} ns, out of decoded JSON")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 201)
