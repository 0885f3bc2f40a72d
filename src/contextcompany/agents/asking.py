"""`@model`: a function of anyone's own that asks a model, recorded as a step, with the context injected."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, overload

from contextcompany.agents.wrapping import first_argument
from contextcompany.context.tool import SpecCall, ToolDecorator, ToolSpec
from contextcompany.recording.calls.calls import wrapped_function
from contextcompany.recording.calls.capture import or_empty
from contextcompany.recording.handles.step import Step, new_step
from contextcompany.runtime.process import process

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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
    spec = ToolSpec(
        function, None, None, decorator=_MODEL, capture_args=capture_args, capture_result=capture_result
    )
    return wrapped_function(function, partial(_Request, spec, name))


class _Request(SpecCall[Step]):
    """One call: a step of the run that is current."""

    def __init__(
        self,
        spec: ToolSpec,
        asked: str | None,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        *,
        bound: bool,
    ) -> None:
        self._spec = spec
        self._bound = bound
        self._asked = asked
        self.args, self.kwargs = spec.injected(args, kwargs, bound=bound)

    def is_recorded(self) -> bool:
        return process.is_recording_here()

    def start(self) -> Step | None:
        place = process.current_place()
        if place is None or place.is_off:
            return None
        shown = self._spec.recorded(self.args, self.kwargs, bound=self._bound)
        prompt = first_argument(self._spec, shown, bound=self._bound)
        asked = self._asked or shown.get(_MODEL, _default_model(self._spec))
        step = new_step(place, None, provider=None, start_time=None)
        step.prompt(or_empty(self._spec.capture.of_args(shown, prompt)))
        return step.model(asked) if isinstance(asked, str) else step

    def finish(self, handle: Step, result: object) -> None:
        handle.response(or_empty(self._spec.capture.of_result(result)))


def _default_model(spec: ToolSpec) -> object:
    parameter = spec.parameters.get(_MODEL)
    return None if parameter is None else parameter.default
