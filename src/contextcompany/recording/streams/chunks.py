"""The iterator of a recorded stream: it asks the source for each chunk, and shows it to the step."""

from __future__ import annotations

import inspect
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Self

from contextcompany.diagnostics import guard
from contextcompany.recording.streams.arriving import Arriving, Outcome
from contextcompany.semconv.text import class_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from contextcompany.recording.spans.recording import Recording


# Methods of a source through which chunks come or the stream ends.
_CLOSING: Final = frozenset({"aclose", "close"})
_AWAITED: Final = frozenset({"asend", "athrow"})
_PRODUCING: Final = _AWAITED | {"send", "throw"}
_METHODS: Final = _CLOSING | _PRODUCING


class Chunks:
    """Iterate over a source, sync or async; nothing is swapped around the source's own work.

    Args:
        recording: the step that the stream answers.
        arriving: what takes the chunks.
        source: the stream.
        above: what must live as long as this one.
    """

    __slots__ = (
        "__weakref__",
        "_above",
        "_arriving",
        "_iterator",
        "_next",
        "_next_awaited",
        "_recording",
        "_source",
        "_take",
    )

    def __init__(
        self, recording: Recording, arriving: Arriving, source: Any, above: Chunks | None = None
    ) -> None:
        self._recording = recording
        self._arriving = arriving
        self._above = above
        self._take = arriving.take
        self.over(source)

    def over(self, source: Any) -> None:
        """Read from another source from now on."""
        self._source = source
        kind = class_of(source)
        self._iterator = source if hasattr(kind, "__next__") or hasattr(kind, "__anext__") else None
        self._next: Callable[[], Any] | None = None
        self._next_awaited: Callable[[], Awaitable[Any]] | None = None

    def beside(self, texts: Any, whole: Callable[[], object]) -> Chunks:
        """Return an iterator of the texts alone that the client makes of its stream.

        Args:
            texts: the client's iterator.
            whole: gives all that the client has put together so far.
        """
        self._arriving.whole = whole
        return Chunks(self._recording, self._arriving, texts, above=self)

    def __getattr__(self, name: str) -> Any:
        """Return a method of the source that an iterator of its kind has too: `yield from` asks for them."""
        if name not in _METHODS:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        # Of the iterator in use, which need not be the source: what it is made from, is not its to close.
        return self.seeing(name, getattr(self._iterator, name))

    def seeing(self, name: str, value: Any) -> Any:
        """Return an attribute of the source; methods that produce chunks or close it show what they do."""
        if name in _CLOSING:
            return partial(self._close, value)
        if name in _PRODUCING:
            return partial(self._pull_awaited if name in _AWAITED else self._pull, value)
        return value

    def __iter__(self) -> Self:
        """Return itself."""
        return self

    def __next__(self) -> Any:
        """Return the next chunk of the source."""
        # Written out, and once more below: a call more is what every chunk would pay for.
        try:
            chunk = (self._next or self._begin())()
        except BaseException as error:
            self.failed(error)
            raise
        try:
            self._take(self._recording, chunk)
        except Exception:
            with guard:
                raise
        return chunk

    def __aiter__(self) -> Self:
        """Return itself."""
        return self

    async def __anext__(self) -> Any:
        """Return the next chunk of the source."""
        try:
            chunk = await (self._next_awaited or self._begin_awaited())()
        except BaseException as error:
            self.failed(error)
            raise
        try:
            self._take(self._recording, chunk)
        except Exception:
            with guard:
                raise
        return chunk

    def failed(self, error: BaseException) -> None:
        """Say that the source raised, be it that it has come to its end."""
        if isinstance(error, (StopIteration, StopAsyncIteration)):
            self._ended(Outcome.EXHAUSTED)
        elif isinstance(error, GeneratorExit):
            self.stopped()
        else:
            self._ended(Outcome.FAILED, error)

    def stopped(self) -> None:
        """Say that nobody wants more of the source."""
        if self._arriving.outcome is Outcome.RUNNING:
            self._ended(Outcome.STOPPED)

    def _close(self, close: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        try:
            result = close(*args, **kwargs)
        except BaseException:
            self.stopped()
            raise
        if inspect.isawaitable(result):
            return self._closed(result)
        self.stopped()
        return result

    async def _closed(self, closing: Awaitable[Any]) -> Any:
        try:
            return await closing
        finally:
            self.stopped()

    def _pull(self, produce: Callable[..., Any], *args: Any) -> Any:
        once = Chunks(self._recording, self._arriving, None, above=self)
        once._next = partial(produce, *args)
        return next(once)

    async def _pull_awaited(self, produce: Callable[..., Awaitable[Any]], *args: Any) -> Any:
        once = Chunks(self._recording, self._arriving, None, above=self)
        once._next_awaited = partial(produce, *args)
        return await anext(once)

    def _ended(self, outcome: Outcome, error: BaseException | None = None) -> None:
        with guard:
            self._arriving.outcome = outcome
            self._arriving.end(self._recording, error)

    def _begin(self) -> Callable[[], Any]:
        kind = class_of(self._source)
        iterator = self._iterator = self._source if hasattr(kind, "__next__") else iter(self._source)
        produce: Callable[[], Any] = iterator.__next__
        self._next = produce
        return produce

    def _begin_awaited(self) -> Callable[[], Awaitable[Any]]:
        kind = class_of(self._source)
        iterator = self._iterator = self._source if hasattr(kind, "__anext__") else aiter(self._source)
        produce: Callable[[], Awaitable[Any]] = iterator.__anext__
        self._next_awaited = produce
        return produce
