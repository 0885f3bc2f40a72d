"""`@model`: a function of anyone's own that asks a model, recorded as a step, with the context injected."""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeVar, overload

from contextcompany.context.tool import SpecCall, ToolDecorator, ToolSpec
from contextcompany.recording.calls.calls import wrapped_function
from contextcompany.recording.calls.capture import or_empty
from contextcompany.recording.handles.step import Step
from contextcompany.recording.handles.steps import new_step
from contextcompany.runtime.process import process

if TYPE_CHECKING:
    from collections.abc import Callable

    from contextcompany.recording.calls.capture import CaptureArgs, CaptureResult

F = TypeVar("F", bound="Callable[..., Any]")

_MODEL = "model"


@overload
def model(function: F, /) -> F: ...
@overload
def model(
    *, name: str | None = None, capture_args: CaptureArgs = True, capture_result: CaptureResult = True
) -> ToolDecorator: ...


def model(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    capture_args: CaptureArgs = True,
    capture_result: CaptureResult = True,
) -> Any:
    """Record each call of a function, inside a run, as a step: one request to a model.

    Its first argument is the prompt, its return value (of a generator: what it yields) the response:
    text, or a message or response object of OpenAI or Anthropic shape. The context is injected as into
    a tool. A call outside of any run is the plain call.

    Args:
        function: the function or method, plain, async, a generator or an async generator.
        name: the model that is asked, else what the argument named `model` says, if it is text.
        capture_args: False to record no prompt, or a function from the arguments by name to the prompt
            that is recorded.
        capture_result: False to record no response, or a function from the result (of a generator: the
            list of what it yielded) to the response that is recorded.

    Raises:
        TypeError: where two parameters are annotated with a context; and, at the call, where there is
            no context and no default, or one of another class.
    """
    decorate = partial(_wrapped, name=name, capture_args=capture_args, capture_result=capture_result)
    return decorate if function is None else decorate(function)


def _wrapped(
    function: Callable[..., Any],
    *,
    name: str | None,
    capture_args: CaptureArgs,
    capture_result: CaptureResult,
) -> Any:
    spec = _ModelSpec(
        function, None, None, decorator=_MODEL, capture_args=capture_args, capture_result=capture_result
    )
    spec.asked = name
    return wrapped_function(function, partial(_Request, spec))


class _ModelSpec(ToolSpec):
    """What `@model` knows of a function.

    Attributes:
        asked: the model that was named, or None.
    """

    asked: str | None = None

    @cached_property
    def usual(self) -> object:
        """Return the default of the parameter named `model`, or None."""
        parameter = self.parameters.get(_MODEL)
        return None if parameter is None else parameter.default


class _Request(SpecCall[Step, _ModelSpec]):
    """One call: a step of the run that is current."""

    def start(self) -> Step | None:
        place = process.current_place()
        if place is None or place.is_off:
            return None
        spec = self._spec
        arguments = spec.arguments(self._bound)
        shown = arguments.by_name(self.args, self.kwargs)
        asked = spec.asked or shown.get(_MODEL, spec.usual)
        step = new_step(place, None, provider=None, start_time=None)
        step.prompt(or_empty(spec.capture.of_args(shown, arguments.first(shown))))
        return step.model(asked) if isinstance(asked, str) else step

    def finish(self, handle: Step, result: object) -> None:
        handle.response(or_empty(self._spec.capture.of_result(result)))
