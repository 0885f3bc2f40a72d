"""In which generator a block is entered."""

from __future__ import annotations

import asyncio
import types
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from contextcompany.propagation.frames import frame_at, generator_frame

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator, Iterator
    from types import FrameType


class Block:
    """Tells which generator it is entered in."""

    def __enter__(self) -> FrameType | None:
        return generator_frame(frame_at(1))

    def __exit__(self, *exc: object) -> None:
        return None

    async def __aenter__(self) -> FrameType | None:
        return generator_frame(frame_at(1))

    async def __aexit__(self, *exc: object) -> None:
        return None


def name_of(frame: FrameType | None) -> str | None:
    """Return the name of the function that a frame belongs to."""
    return None if frame is None else frame.f_code.co_name


def generator() -> Iterator[FrameType | None]:
    """Enter a block in a generator."""
    with Block() as found:
        yield found


async def async_generator() -> AsyncIterator[FrameType | None]:
    """Enter a block in an async generator, after it has waited."""
    await asyncio.sleep(0)
    async with Block() as found:
        yield found


@contextmanager
def managed() -> Iterator[FrameType | None]:
    """Enter a block for others."""
    with Block() as found:
        yield found


@asynccontextmanager
async def managed_later() -> AsyncIterator[FrameType | None]:
    """Enter a block for others, after it has waited."""
    await asyncio.sleep(0)
    async with Block() as found:
        yield found


def test_a_function_is_no_generator() -> None:
    """In a function there is none, also where a generator calls it."""

    def function() -> FrameType | None:
        with Block() as found:
            return found

    def calling() -> Iterator[FrameType | None]:
        yield function()

    assert function() is None
    assert next(iter(calling())) is None


async def test_a_coroutine_is_no_generator() -> None:
    """In a coroutine there is none, and neither in one of the old kind."""

    @types.coroutine
    def old() -> Generator[None, None, FrameType | None]:
        with Block() as found:
            yield
        return found

    async with Block() as found:
        assert found is None
    assert await old() is None


async def test_a_generator_is_found() -> None:
    """The frame is that of the generator, as long as it lives."""
    items = generator()
    frame = next(items)
    assert name_of(frame) == "generator"
    assert frame is not None
    assert frame.f_back is None
    assert next(items, None) is None
    later = [name_of(found) async for found in async_generator()]
    assert later == ["async_generator"]
    assert [name_of(found) for found in (one for one in generator())] == ["generator"]


async def test_a_context_manager_stands_for_where_it_is_used() -> None:
    """Used in a function there is none; used in a generator it is that one, however deep."""

    @contextmanager
    def around() -> Iterator[FrameType | None]:
        with managed() as found:
            yield found

    def using() -> Iterator[FrameType | None]:
        with around() as found:
            yield found

    async def using_later() -> AsyncIterator[FrameType | None]:
        async with managed_later() as found:
            yield found

    with around() as found:
        assert found is None
    async with managed_later() as found:
        assert found is None
    assert [name_of(found) for found in using()] == ["using"]
    assert [name_of(found) async for found in using_later()] == ["using_later"]


async def test_an_exit_stack_is_no_frame_of_its_own() -> None:
    """What enters through a stack enters where the stack is used."""

    def using() -> Iterator[FrameType | None]:
        with ExitStack() as stack:
            yield stack.enter_context(Block())

    async def using_later() -> AsyncIterator[FrameType | None]:
        async with AsyncExitStack() as stack:
            yield await stack.enter_async_context(Block())
            yield stack.enter_context(managed())

    with ExitStack() as stack:
        assert stack.enter_context(Block()) is None
    assert [name_of(found) for found in using()] == ["using"]
    assert [name_of(found) async for found in using_later()] == ["using_later", "using_later"]


@pytest.fixture
def fixture() -> Iterator[FrameType | None]:
    """Enter a block for a test."""
    with Block() as found:
        yield found


@pytest.fixture
async def async_fixture() -> AsyncIterator[FrameType | None]:
    """Enter a block for a test, after it has waited."""
    await asyncio.sleep(0)
    async with Block() as found:
        yield found


async def test_fixtures_are_no_generators(fixture: Any, async_fixture: Any) -> None:
    """What a fixture of pytest enters is for the test."""
    assert (fixture, async_fixture) == (None, None)
