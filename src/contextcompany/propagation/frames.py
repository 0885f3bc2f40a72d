"""Which generator a block is entered in: what is current in there is not current for its consumer."""

from __future__ import annotations

import contextlib
import inspect
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

# The public way, `inspect.currentframe().f_back`, takes twice as long.
frame_at: Final[Callable[[int], FrameType]] = sys._getframe  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]

_GENERATOR: Final = inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR
_CONTEXTLIB: Final = contextlib.contextmanager.__globals__
# These resume a generator in order to make something current for others, until they resume it again.
_KEEPERS: Final = frozenset({"_pytest", "anyio", "pluggy", "pytest_asyncio"})
# Swaps what is current around each step itself.
_DRIVER: Final = "contextcompany.recording.calls.generators"


def may_be_generator(entering: FrameType) -> bool:
    """Return whether `generator_frame` may find one: all that most callers need to know, for less."""
    return bool(entering.f_code.co_flags & _GENERATOR) or entering.f_globals is _CONTEXTLIB


def generator_frame(entering: FrameType) -> FrameType | None:
    """Return the frame of the generator in which a block is entered, or None for no generator.

    A function decorated with `contextlib.contextmanager` or `asynccontextmanager` stands for the frame
    that enters it. The fixtures of pytest are no generators in this sense, nor is the body of a generator
    of which this package drives the steps.

    Args:
        entering: the frame that enters the block.
    """
    frame: FrameType | None = entering
    while frame is not None:
        if frame.f_globals is _CONTEXTLIB:
            frame = frame.f_back
            continue
        flags = frame.f_code.co_flags
        # A coroutine made by `types.coroutine` has the flag of a generator too.
        if not flags & _GENERATOR or flags & inspect.CO_ITERABLE_COROUTINE:
            return None
        driver = frame.f_back
        if driver is None:
            return None  # resumed by no Python code, as a suspended one seems to be: there is no telling
        if driver.f_globals is not _CONTEXTLIB:
            return None if _keeps(driver) else frame
        frame = driver
    return None


def _keeps(driver: FrameType) -> bool:
    name = driver.f_globals.get("__name__")
    return isinstance(name, str) and (name == _DRIVER or name.partition(".")[0] in _KEEPERS)
