"""Arguments: what a call passes, by name, as `inspect.Signature.bind` tells it."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextcompany.context.arguments import Arguments

if TYPE_CHECKING:
    from collections.abc import Callable


def _plain(query: str, limit: int = 3) -> None: ...
def _keyword(query: str, *, limit: int = 3, model: str = "m") -> None: ...
def _positional(query: str, limit: int = 3, /, ctx: object = None) -> None: ...
def _rest(query: str, *more: int, ctx: object = None) -> None: ...
def _every(ctx: object, query: str = "q", *more: int, limit: int = 3, **options: int) -> None: ...
def _nothing() -> None: ...
def _options(**options: int) -> None: ...
def _method(self: object, query: str, limit: int = 3) -> None: ...


FUNCTIONS: list[Callable[..., Any]] = [
    _plain,
    _keyword,
    _positional,
    _rest,
    _every,
    _nothing,
    _options,
    _method,
]
names = st.sampled_from(["query", "limit", "model", "ctx", "other"])


def _bound(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return what `bind` makes of a call, with what `**options` takes beside the rest."""
    signature = inspect.signature(function)
    found: dict[str, Any] = {}
    for name, value in signature.bind(*args, **kwargs).arguments.items():
        kind = signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            found.update(value)
        else:
            found[name] = list(value) if kind is inspect.Parameter.VAR_POSITIONAL else value
    return {name: value for name, value in found.items() if name not in ("ctx", "self")}


@given(st.sampled_from(FUNCTIONS), st.lists(st.integers(), max_size=4), st.dictionaries(names, st.integers()))
def test_arguments_by_name_are_those_that_bind_finds(
    function: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]
) -> None:
    """Of every call that the function takes, the arguments by name are those of `Signature.bind`."""
    parameters = inspect.signature(function).parameters
    context = "ctx" if "ctx" in parameters else None
    shown = Arguments(parameters, context, bound=False).by_name(tuple(args), kwargs)
    try:
        expected = _bound(function, tuple(args), kwargs)
    except TypeError:
        return  # the function refuses the call, whatever is recorded of it
    if context is None and "ctx" in kwargs:
        expected["ctx"] = kwargs["ctx"]
    assert shown == expected


@given(st.lists(st.integers(), max_size=3), st.dictionaries(names, st.integers()))
def test_arguments_of_a_method_begin_after_self(args: list[Any], kwargs: dict[str, Any]) -> None:
    """Of a call of a method, the first positional argument is that of the parameter after `self`."""
    parameters = inspect.signature(_method).parameters
    shown = Arguments(parameters, None, bound=True).by_name(tuple(args), kwargs)
    try:
        expected = _bound(_method, (None, *args), kwargs)
    except TypeError:
        return
    assert shown == expected


@pytest.mark.parametrize(
    ("function", "context", "bound", "shown", "first"),
    [
        pytest.param(_plain, None, False, {"limit": 1, "query": "q"}, "q", id="the first by position"),
        pytest.param(_every, "ctx", False, {"limit": 1}, "q", id="its default, behind the context"),
        pytest.param(_method, None, True, {"query": "q"}, "q", id="behind self"),
        pytest.param(_plain, None, False, {"limit": 1}, 1, id="what there is, where it is missing"),
        pytest.param(_options, None, False, {"other": 2}, 2, id="an option"),
        pytest.param(_nothing, None, False, {}, "", id="nothing"),
    ],
)
def test_first(
    function: Callable[..., Any], context: str | None, bound: bool, shown: dict[str, Any], first: object
) -> None:
    """The first argument is neither `self` nor the context: as given, else its default, else any."""
    parameters = inspect.signature(function).parameters
    assert Arguments(parameters, context, bound=bound).first(shown) == first
