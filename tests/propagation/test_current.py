"""What is current: per context, innermost first, left in any order."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextcompany.propagation.current import CurrentHandle
from contextcompany.propagation.frames import frame_at

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


@dataclass(frozen=True)
class Sample:
    """Something that can be current."""

    name: str
    is_open: bool = True


A, B, C = Sample("a"), Sample("b"), Sample("c")


@pytest.fixture
def current() -> CurrentHandle[Sample]:
    """Give a test a current handle of its own."""
    return CurrentHandle("test")


def chain(current: CurrentHandle[Sample]) -> list[str]:
    """Return the names of what is current, innermost first."""
    return [handle.name for handle in current.chain()]


def test_nothing_is_current_at_first(current: CurrentHandle[Sample]) -> None:
    """A context that entered nothing has an empty chain."""
    assert chain(current) == []


def test_blocks_nest(current: CurrentHandle[Sample]) -> None:
    """The innermost block comes first, and leaving brings back the one around it."""
    a = current.enter(A)
    b = current.enter(B)
    assert chain(current) == ["b", "a"]
    assert current.leave(b) is b
    assert chain(current) == ["a"]
    assert current.leave(a) is a
    assert chain(current) == []


def test_the_same_handle_may_be_entered_twice(current: CurrentHandle[Sample]) -> None:
    """Each entering is a block of its own."""
    outer = current.enter(A)
    inner = current.enter(A)
    assert chain(current) == ["a", "a"]
    assert current.leave(inner) is inner
    assert chain(current) == ["a"]
    assert current.leave(outer) is outer
    assert chain(current) == []


def test_leaving_twice_changes_nothing(current: CurrentHandle[Sample]) -> None:
    """A block that was left is not there to be left again."""
    a = current.enter(A)
    b = current.enter(B)
    assert current.leave(b) is b
    assert current.leave(b) is None
    assert chain(current) == ["a"]
    assert current.leave(a) is a


def test_blocks_left_out_of_order(current: CurrentHandle[Sample]) -> None:
    """An outer block that is left first goes together with the inner ones, and is never current again."""
    a = current.enter(A)
    b = current.enter(B)
    c = current.enter(C)
    assert current.leave(b) is None
    assert chain(current)[0] == "c"
    assert current.leave(c) is b
    assert chain(current) == ["a"]
    assert current.leave(a) is a
    assert chain(current) == []


def test_clearing_forgets_all_blocks(current: CurrentHandle[Sample]) -> None:
    """A cleared context holds nothing, and leaving what it held changes nothing."""
    a = current.enter(A)
    current.enter(B)
    current.clear()
    assert chain(current) == []
    assert current.leave(a) is None


@given(st.permutations(range(5)))
def test_whatever_the_order_nothing_stays(order: list[int]) -> None:
    """When all blocks are left, in any order, nothing is current."""
    current: CurrentHandle[Sample] = CurrentHandle("test")

    def work() -> None:
        nodes = [current.enter(Sample(str(number))) for number in range(5)]
        for number in order:
            current.leave(nodes[number])
        assert chain(current) == []

    Context().run(work)


def test_other_threads_see_nothing(current: CurrentHandle[Sample]) -> None:
    """What is current in one thread is not in another, unless its context is handed over."""
    a = current.enter(A)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(chain, current).result(10) == []
        assert pool.submit(copy_context().run, chain, current).result(10) == ["a"]
    current.leave(a)


def test_leaving_in_a_context_that_never_entered(current: CurrentHandle[Sample]) -> None:
    """A block that is left in a foreign context changes nothing there."""
    a = current.enter(A)
    elsewhere = Context()
    b = elsewhere.run(current.enter, B)
    assert elsewhere.run(current.leave, a) is None
    assert elsewhere.run(chain, current) == ["b"]
    assert current.leave(b) is None
    assert chain(current) == ["a"]
    current.leave(a)


def test_leaving_in_a_copy_leaves_the_original(current: CurrentHandle[Sample]) -> None:
    """A copy of a context is left on its own: the block goes there, and stays where it was copied from."""
    a = current.enter(A)
    copied = copy_context()
    assert copied.run(current.leave, a) is a
    assert copied.run(chain, current) == []
    assert chain(current) == ["a"]
    assert current.leave(a) is a


def test_a_copy_that_went_further_comes_back(current: CurrentHandle[Sample]) -> None:
    """A block of a copied context ends in the block it was entered in, though that was left elsewhere."""
    a = current.enter(A)
    copied = copy_context()
    b = copied.run(current.enter, B)
    assert current.leave(a) is a
    assert copied.run(chain, current) == ["b", "a"]
    assert copied.run(current.leave, b) is b
    assert copied.run(chain, current) == ["a"]


async def test_tasks_inherit_and_keep_to_themselves(current: CurrentHandle[Sample]) -> None:
    """A task sees the block it was started in, and what it enters is seen by itself alone."""
    both = asyncio.Barrier(2)

    async def work(sample: Sample) -> list[str]:
        node = current.enter(sample)
        await both.wait()
        seen = chain(current)
        await both.wait()
        assert current.leave(node) is node
        assert chain(current) == ["a"]
        return seen

    a = current.enter(A)
    seen = await asyncio.gather(work(B), work(C))
    assert list(seen) == [["b", "a"], ["c", "a"]]
    assert chain(current) == ["a"]
    current.leave(a)


async def test_to_thread_carries_what_is_current(current: CurrentHandle[Sample]) -> None:
    """`asyncio.to_thread` takes the chain along."""
    a = current.enter(A)
    assert await asyncio.to_thread(chain, current) == ["a"]
    current.leave(a)


def test_a_generator_that_is_closed_elsewhere(current: CurrentHandle[Sample]) -> None:
    """A block in a generator that is closed in another context raises nothing and changes nothing there."""

    def generate() -> Iterator[int]:
        node = current.enter(A)
        try:
            yield 1
            yield 2
        finally:
            current.leave(node)

    items = generate()
    first = Context()
    assert first.run(next, items) == 1
    b = current.enter(B)
    items.close()  # type: ignore[attr-defined]
    assert chain(current) == ["b"]
    current.leave(b)


async def test_an_async_generator_driven_by_one_task_per_step(current: CurrentHandle[Sample]) -> None:
    """A block inside an async generator that other tasks drive raises nothing, and their own chains stay."""

    async def generate() -> AsyncIterator[int]:
        node = current.enter(A)
        try:
            yield 1
            yield 2
        finally:
            current.leave(node)

    async def step(items: AsyncIterator[int]) -> int | None:
        node = current.enter(B)
        item = await anext(items, None)
        current.leave(node)
        return item

    items = generate()
    assert [await asyncio.create_task(step(items)) for _ in range(3)] == [1, 2, None]
    assert chain(current) == []


# ----------------------------------------------------------------------------- blocks in generators' frames


def framed(current: CurrentHandle[Sample], sample: Sample, steps: int = 2) -> Iterator[list[str]]:
    """Enter a block in this frame and yield what is current in it."""
    node = current.enter(sample, frame_at(0))
    try:
        for _ in range(steps):
            yield chain(current)
    finally:
        current.leave(node)


def test_what_a_generator_enters_is_current_in_it_alone(current: CurrentHandle[Sample]) -> None:
    """Between two steps it is not there, in the next one it is there again."""
    a = current.enter(A)
    seen = [(inside, chain(current)) for inside in framed(current, B)]
    assert seen == [(["b", "a"], ["a"])] * 2
    assert current.leave(a) is a
    assert current.innermost() is None


def test_a_task_that_copied_it_does_not_see_it(current: CurrentHandle[Sample]) -> None:
    """What the consumer starts between two steps is none of the generator's, not even while that runs."""
    items = framed(current, A)
    next(items)
    copied = copy_context()

    def meanwhile() -> Iterator[None]:
        node = current.enter(B, frame_at(0))
        assert copied.run(chain, current) == []
        assert chain(current) == ["b"]
        current.leave(node)
        yield

    assert list(meanwhile()) == [None]
    items.close()  # type: ignore[attr-defined]
    assert copied.run(chain, current) == []


def test_interleaved_generators(current: CurrentHandle[Sample]) -> None:
    """Each sees its own block, whichever began or ended first."""
    first, second = framed(current, A, 3), framed(current, B, 3)
    assert [next(first), next(second), next(first), next(second)] == [["a"], ["b"], ["a"], ["b"]]
    first.close()  # type: ignore[attr-defined]
    assert (next(second), chain(current)) == (["b"], [])
    assert next(second, None) is None
    assert current.innermost() is None


def test_a_block_left_below_a_waiting_generator_is_gone(current: CurrentHandle[Sample]) -> None:
    """The consumer may leave its block first: nothing stale is current, and at last nothing is held."""
    a = current.enter(A)
    items = framed(current, B)
    next(items)
    assert current.leave(a) is None
    assert chain(current) == []
    assert next(items) == ["b", "a"]
    assert next(items, None) is None
    assert current.innermost() is None


def test_a_generator_left_in_another_context_is_gone_everywhere(current: CurrentHandle[Sample]) -> None:
    """Closed in a foreign context, it is not current in its own, and its frame is not held."""
    items = framed(current, A)
    next(items)
    node = current.variable.get()
    Context().run(items.close)  # type: ignore[attr-defined]
    assert chain(current) == []
    assert node is not None
    assert node.is_suspended


def test_generators_left_in_another_context_do_not_pile_up(current: CurrentHandle[Sample]) -> None:
    """What they entered goes from this context with the next block, and what was left below it stays gone."""
    below = current.enter(C)
    for number in range(3):
        items = framed(current, A)
        next(items)
        if not number:
            current.leave(below)
        Context().run(items.close)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    node = current.enter(B)
    assert node.outer is None
    assert chain(current) == ["b"]


def test_is_bound_tells_of_the_generator_s_own_block(current: CurrentHandle[Sample]) -> None:
    """Inside the generator its block is bound to it; blocks around it are not."""

    def asking() -> Iterator[list[bool]]:
        node = current.enter(B, frame_at(0))
        yield [current.is_bound(A), current.is_bound(B)]
        current.leave(node)

    a = current.enter(A)
    assert list(asking()) == [[False, True]]
    current.leave(a)


def test_inside_and_outside(current: CurrentHandle[Sample]) -> None:
    """A context is inside from the entering of a block to its leaving, whatever became of the handle."""
    assert not current.is_inside
    node = current.enter(A)
    assert current.is_inside
    current.leave(node)
    assert not current.is_inside


def test_the_innermost_open_handle(current: CurrentHandle[Sample]) -> None:
    """It is the nearest one that is neither ended nor of a generator that waits."""
    assert current.innermost_open() is None
    outer = current.enter(A)
    assert current.innermost_open() is A
    items = framed(current, B)
    next(items)
    assert current.innermost_open() is A
    items.close()  # type: ignore[attr-defined]
    ended = current.enter(Sample("ended", is_open=False))
    assert current.innermost_open() is A
    current.leave(ended)
    current.leave(outer)
    assert current.innermost_open() is None
