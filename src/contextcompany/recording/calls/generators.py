"""Generators of which every step runs inside of a recorded call, and what consumes them never does.

A generator shares the context of whoever resumes it. So what is current is swapped by value around each
step, and no token is ever reset: steps may be made by different tasks and threads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

from opentelemetry import context as otel_context

from contextcompany.diagnostics import guard
from contextcompany.recording.calls.yielded import Yielded
from contextcompany.recording.spans.recording import Recording
from contextcompany.runtime.process import process
from contextcompany.semconv import attributes as names

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
    from contextvars import Context

    from contextcompany.propagation.current import Node
    from contextcompany.recording.calls.calls import Call
    from contextcompany.recording.handles.handle import Handle
    from contextcompany.runtime.process import CurrentRecording

G = TypeVar("G", bound="Generator[Any, Any, Any] | AsyncGenerator[Any, Any]")
N = TypeVar("N", bound="Coroutine[Any, Any, Any] | Generator[Any, Any, Any] | AsyncGenerator[Any, Any]")


def named(driver: N, body: object) -> N:
    """Give a generator or coroutine the names of what it drives, where that has any."""
    if hasattr(body, "__qualname__"):
        made: Any = driver
        made.__name__, made.__qualname__ = cast("Any", body).__name__, cast("Any", body).__qualname__
    return driver


def drive(  # noqa: C901  (unrolled, as what follows: all of it is paid for each item)
    make: Callable[[], Generator[Any, Any, Any]], call: Call[Any], context: Context
) -> Generator[Any, Any, Any]:
    """Return a generator that does what another one does, inside of a call that starts at the first step.

    Args:
        make: returns the generator, not begun.
        call: how the call is recorded.
        context: a copy of the context of the call, of which the parent is taken.
    """
    scene = Scene(call, context)
    body = scene.begin(make)
    current, carried, keep = process.current.variable, call.carried, scene.keep
    send, throw = body.send, body.throw
    inner, inner_carried, inner_otel = scene.current, scene.carried, scene.otel
    value: Any = None
    thrown: BaseException | None = None
    outer_otel = None
    is_stopped = False
    try:
        while True:
            outer, outer_carried = current.get(), carried.get()
            if inner_otel is not None:
                outer_otel = otel_context.get_current()
            try:
                current.set(inner)
                if inner_carried is not outer_carried:
                    carried.set(inner_carried)
                if inner_otel is not None:
                    otel_context.attach(inner_otel)
                item = send(value) if thrown is None else throw(thrown)
            finally:
                thrown = None
                inner, inner_carried = current.get(), carried.get()
                current.set(outer)
                if inner_carried is not outer_carried:
                    carried.set(outer_carried)
                if outer_otel is not None:
                    inner_otel = otel_context.get_current()
                    otel_context.attach(outer_otel)
            if keep is not None:
                keep(item)
            try:
                value = yield item
                is_stopped = False
            except BaseException as error:  # noqa: BLE001  (the body gets it, as if it had been thrown there)
                value, thrown, is_stopped = None, error, type(error) is GeneratorExit
    except StopIteration as end:
        scene.end(None, stopped=is_stopped)
        return end.value
    except BaseException as failure:
        scene.end(failure, stopped=is_stopped)
        raise


async def drive_async(  # noqa: C901  (as above)
    make: Callable[[], AsyncGenerator[Any, Any]], call: Call[Any], context: Context
) -> AsyncGenerator[Any, Any]:
    """Return an async generator that does what another one does, as `drive` does for plain ones."""
    scene = Scene(call, context)
    body = scene.begin(make)
    current, carried, keep = process.current.variable, call.carried, scene.keep
    send, throw = body.asend, body.athrow
    inner, inner_carried, inner_otel = scene.current, scene.carried, scene.otel
    value: Any = None
    thrown: BaseException | None = None
    outer_otel = None
    is_stopped = False
    try:
        while True:
            outer, outer_carried = current.get(), carried.get()
            if inner_otel is not None:
                outer_otel = otel_context.get_current()
            try:
                current.set(inner)
                if inner_carried is not outer_carried:
                    carried.set(inner_carried)
                if inner_otel is not None:
                    otel_context.attach(inner_otel)
                item = await (send(value) if thrown is None else throw(thrown))
            finally:
                thrown = None
                inner, inner_carried = current.get(), carried.get()
                current.set(outer)
                if inner_carried is not outer_carried:
                    carried.set(outer_carried)
                if outer_otel is not None:
                    inner_otel = otel_context.get_current()
                    otel_context.attach(outer_otel)
            if keep is not None:
                keep(item)
            try:
                value = yield item
                is_stopped = False
            except BaseException as error:  # noqa: BLE001  (the body gets it, as if it had been thrown there)
                value, thrown, is_stopped = None, error, type(error) is GeneratorExit
    except StopAsyncIteration:
        scene.end(None, stopped=is_stopped)
    except BaseException as failure:
        scene.end(failure, stopped=is_stopped)
        raise


class Scene:
    """The inside of one call of a generator: what is current there, and the handle that records it.

    All of it happens in a copy of the context of the call: nothing of it is seen by the consumer.

    Attributes:
        current: what our ContextVar holds inside.
        carried: what the variable that the call carries holds inside.
        otel: the OpenTelemetry context inside, or None where that is not ours to set.
        keep: takes what the generator yields, or None where nobody wants it.
    """

    def __init__(self, call: Call[Any], context: Context) -> None:
        self.current: Node[CurrentRecording] | None = None
        self.carried: Any = None
        self.otel: otel_context.Context | None = None
        self.keep: Callable[[object], None] | None = None
        self._call = call
        self._context = context
        self._handle: Handle | None = None
        self._recording: Recording | None = None
        self._yielded = Yielded(as_they_are=call.capture.maps_result)

    def begin(self, make: Callable[[], G]) -> G:
        """Start the handle where the call was made, make it current there, and make the generator there."""
        return self._context.run(self._begin, make)

    def end(self, failure: BaseException | None, *, stopped: bool) -> None:
        """End the handle: failed, done, or left early by the consumer, which is no failure."""
        if self._handle is not None:
            self._context.run(self._end, self._handle, failure, stopped=stopped)

    def _begin(self, make: Callable[[], G]) -> G:
        before = otel_context.get_current()
        self._handle = self._call.started()
        if self._handle is not None:
            self._handle.__enter__()
            recording = process.current.innermost()
            if isinstance(recording, Recording):
                self._recording = recording
                if self._call.capture.maps_result or (self._call.capture.keeps_result and recording.content):
                    self.keep = self._yielded.add
            self._call.enter()
        self.current = process.current.variable.get()
        self.carried = self._call.carried.get()
        after = otel_context.get_current()
        self.otel = None if after is before else after
        try:
            return make()
        except BaseException as failure:
            if self._handle is not None:
                self._end(self._handle, failure, stopped=False)
            raise

    def _end(self, handle: Handle, failure: BaseException | None, *, stopped: bool) -> None:
        if stopped and type(failure) is GeneratorExit:
            failure = None
        with guard:
            recording = self._recording
            if recording is not None and recording.is_open:
                result = self._yielded.items if self._call.capture.maps_result else self._yielded.result
                self._call.finish(handle, result)
                if stopped and failure is None and "status_code" not in recording.fields:
                    handle.status(names.STATUS_CODE_PARTIAL)
            handle.__exit__(
                None if failure is None else type(failure),
                failure,
                None if failure is None else failure.__traceback__,
            )
