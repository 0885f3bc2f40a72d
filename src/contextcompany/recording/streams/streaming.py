"""Streams that stand in for the streams of others: all passes through them, and a step sees it."""

from __future__ import annotations

import inspect
from types import MethodType
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from contextcompany.diagnostics import guard
from contextcompany.recording.streams.arriving import Arriving
from contextcompany.recording.streams.chunks import Chunks
from contextcompany.runtime.process import process
from contextcompany.semconv.text import class_of

if TYPE_CHECKING:
    from types import TracebackType

    from contextcompany.recording.spans.recording import Recording

_Source = TypeVar("_Source")
_OWN: Final = object.__setattr__
_CHUNKS: Final = "_tcc_chunks"
_SOURCE: Final = "_tcc_source"

_READING: Final = frozenset(
    {"get_final_completion", "get_final_message", "get_final_response", "get_final_text", "until_done"}
)
_TEXTS: Final = "text_stream"


def streamed(handle: object, recording: Recording, source: _Source, *, ends: bool) -> _Source:
    """Return what stands in for a stream and records what passes.

    Args:
        handle: what the caller holds of the step.
        recording: the step that the stream answers.
        source: an iterable or async iterable of chunks, or a context manager that gives one.
        ends: whether the step ends with its stream.

    Raises:
        TypeError: for anything else.
        RuntimeError: after the caller's end of the step.
    """
    kind = _kind_of(source)
    arriving = Arriving(content=recording.content, ends=ends)
    if not recording.put_stream(arriving):
        return source
    for processor in list(process.processors.values()):
        with guard:
            processor.adopt_stream(recording)
    chunks = Chunks(recording, arriving, source)
    if not recording.place.is_off:
        # What is to end the step is what must not be lost: the stream, or the handle as before.
        process.watch.add(chunks if ends else handle, recording, None)
    return cast("_Source", kind(source, chunks))


class _StandIn:
    """Everything of the source but its iteration; also its class, for who asks with `isinstance`."""

    __slots__ = (_CHUNKS, _SOURCE, "__weakref__")
    _tcc_chunks: Chunks
    _tcc_source: Any

    def __init__(self, source: object, chunks: Chunks) -> None:
        _OWN(self, _SOURCE, source)
        _OWN(self, _CHUNKS, chunks)

    @property  # type: ignore[misc]
    def __class__(self) -> type[Any]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return cast("type[Any]", self._tcc_source.__class__)

    def __getattr__(self, name: str) -> Any:
        source, chunks = self._tcc_source, self._tcc_chunks
        value = getattr(source, name)
        if name in _READING and isinstance(value, MethodType) and value.__self__ is source:
            # It reads the stream by its own self, which is to be the one that sees the chunks.
            return MethodType(value.__func__, self)
        if name == _TEXTS:
            return chunks.beside(value, lambda: source.current_message_snapshot)
        return chunks.seeing(name, value)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._tcc_source, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._tcc_source, name)

    def __dir__(self) -> list[str]:
        return dir(self._tcc_source)

    def __repr__(self) -> str:
        return repr(self._tcc_source)

    def __reduce_ex__(self, protocol: Any) -> Any:
        # A copy is one of the source, if it allows for any: no step has two answers.
        return self._tcc_source.__reduce_ex__(protocol)


class _Blocks(_StandIn):
    __slots__ = ()

    def __enter__(self) -> Any:
        source, chunks = self._tcc_source, self._tcc_chunks
        kind = class_of(source)
        if not hasattr(kind, "__enter__"):
            return self
        try:
            entered = kind.__enter__(source)
        except BaseException as error:
            chunks.failed(error)
            raise
        return self if entered is source else _entered(entered, chunks)

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> Any:
        source = self._tcc_source
        kind = class_of(source)
        try:
            if hasattr(kind, "__exit__"):
                return kind.__exit__(source, exc_type, exc, traceback)
            if hasattr(source, "close"):
                source.close()
            return None
        finally:
            self._tcc_chunks.stopped()


class _AsyncBlocks(_StandIn):
    __slots__ = ()

    async def __aenter__(self) -> Any:
        source, chunks = self._tcc_source, self._tcc_chunks
        kind = class_of(source)
        if not hasattr(kind, "__aenter__"):
            return self
        try:
            entered = await kind.__aenter__(source)
        except BaseException as error:
            chunks.failed(error)
            raise
        return self if entered is source else _entered(entered, chunks)

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> Any:
        source = self._tcc_source
        kind = class_of(source)
        try:
            if hasattr(kind, "__aexit__"):
                return await kind.__aexit__(source, exc_type, exc, traceback)
            if hasattr(source, "aclose"):
                await source.aclose()
            return None
        finally:
            self._tcc_chunks.stopped()


class _Sync(_Blocks):
    __slots__ = ()

    def __iter__(self) -> Chunks:
        return self._tcc_chunks

    def __next__(self) -> Any:
        return next(self._tcc_chunks)


class _Async(_AsyncBlocks):
    __slots__ = ()

    def __aiter__(self) -> Chunks:
        return self._tcc_chunks

    async def __anext__(self) -> Any:
        return await anext(self._tcc_chunks)


class _Both(_Sync, _Async):
    __slots__ = ()


class _Manager(_Blocks, _AsyncBlocks):
    __slots__ = ()


def _kind_of(source: object) -> type[_StandIn]:
    def has(*methods: str) -> bool:
        return any(hasattr(type(source), method) for method in methods)

    is_sync, is_async = has("__iter__", "__next__"), has("__aiter__", "__anext__")
    if is_sync or is_async:
        return (_Both if is_async else _Sync) if is_sync else _Async
    if has("__enter__", "__aenter__"):
        return _Manager
    hint = "await it first" if inspect.isawaitable(source) else "pass the stream that the client returned"
    raise TypeError(
        "stream() needs an iterable or async iterable of chunks, or a context manager that gives one: "
        f"got {type(source).__name__}; {hint}"
    )


def _entered(source: object, chunks: Chunks) -> _StandIn:
    kind = _kind_of(source)
    chunks.over(source)
    return kind(source, chunks)
