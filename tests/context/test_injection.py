"""Injection: which parameter takes the context, and what happens where none fits."""

# Annotations of this module are objects, not text; those of `textual.py` beside it are text.

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Optional, TypeVar, Union

import pytest

from contextcompany import RunContext, tool
from contextcompany.context.current import using_context
from tests.context import textual
from tests.context.contexts import Below, Frozen, Plain, Slotted, agent

CONTEXT = Plain("123")
T = TypeVar("T")
C = TypeVar("C", bound=RunContext)


@dataclass
class Holding(RunContext, Generic[T]):
    """A context with a type parameter."""

    value: T


@tool
def by_base(ctx: RunContext) -> RunContext:
    """Take any context."""
    return ctx


@tool
def by_subclass(ctx: Plain) -> Plain:
    """Take a context of one class."""
    return ctx


@tool
def by_optional(ctx: Optional[Plain]) -> Plain | None:  # noqa: UP045  (the spelling is what is tested)
    """Take a context or None, in the old spelling."""
    return ctx


@tool
def by_union(ctx: Union[None, Plain]) -> Plain | None:  # noqa: RUF036, UP007  (the same)
    """Take None or a context."""
    return ctx


@tool
def by_bar(ctx: Plain | None) -> Plain | None:
    """Take a context or None."""
    return ctx


@tool
def by_annotated(ctx: Annotated[Plain, "told"]) -> Plain:
    """Take a context with a note."""
    return ctx


@tool
def by_annotated_optional(ctx: Annotated[Plain | None, "told"]) -> Plain | None:
    """Take a context or None, with a note."""
    return ctx


@tool
def by_optional_annotated(ctx: Annotated[Plain, "told"] | None) -> Plain | None:
    """Take a context with a note, or None."""
    return ctx


@tool
def by_string(ctx: "Plain") -> "Plain":
    """Take a context that is named by text."""
    return ctx


@tool
def by_string_optional(ctx: "Optional[Plain]") -> Plain | None:  # noqa: UP045  (the same)
    """Take a context or None, named by text."""
    return ctx


@tool
def by_string_inside(ctx: Optional["Plain"]) -> Plain | None:
    """Take a context that is named by text inside of a type."""
    return ctx


@tool
def by_other_name(who: Plain) -> Plain:
    """Take a context under another name."""
    return who


@tool
def by_convention(ctx):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201  (none is what is tested)
    """Take a context by the name alone."""
    return ctx


@tool
def by_keyword(*, ctx: Plain) -> Plain:
    """Take a context by keyword only."""
    return ctx


@tool
def by_position(ctx: Plain, /) -> Plain:
    """Take a context by position only."""
    return ctx


@tool
def by_default(ctx: RunContext = None) -> RunContext:  # type: ignore[assignment]
    """Take a context where there is one, as the documents write it."""
    return ctx


@tool
def by_type_variable(ctx: C) -> C:
    """Take a context of any class below the base."""
    return ctx


ALIAS = Annotated[Plain, "an alias"]


@tool
def by_alias(ctx: ALIAS) -> Plain:
    """Take a context by an alias of its class."""
    return ctx


TOOLS: list[Callable[..., Any]] = [
    by_base,
    by_subclass,
    by_optional,
    by_union,
    by_bar,
    by_annotated,
    by_annotated_optional,
    by_optional_annotated,
    by_string,
    by_string_optional,
    by_string_inside,
    by_other_name,
    by_convention,
    by_keyword,
    by_position,
    by_default,
    by_type_variable,
    by_alias,
    textual.text_name,
    textual.text_bar,
    textual.text_optional,
    textual.text_annotated,
    textual.text_later_name,
]


@pytest.mark.parametrize("function", TOOLS, ids=lambda one: one.__name__)
def test_every_form_of_annotation_gets_the_current_context(function: Callable[..., Any]) -> None:
    """The current context goes into the parameter, whatever form its annotation has."""
    with using_context(CONTEXT):
        assert function() is CONTEXT


@pytest.mark.parametrize("function", TOOLS, ids=lambda one: one.__name__)
def test_a_given_context_wins(function: Callable[..., Any]) -> None:
    """A context among the arguments is taken before the current one, by position or by keyword."""
    given = Plain("given")
    (parameter,) = inspect.signature(function).parameters.values()
    with using_context(CONTEXT):
        if parameter.kind is not parameter.KEYWORD_ONLY:
            assert function(given) is given
        if parameter.kind is not parameter.POSITIONAL_ONLY:
            assert function(**{parameter.name: given}) is given


@pytest.mark.parametrize("function", TOOLS, ids=lambda one: one.__name__)
async def test_an_agent_injects_into_every_form(function: Any) -> None:
    """A tool of an agent gets the agent's copy of the context, and the model never fills it."""
    from contextcompany.agents import ModelReply, ToolRequest

    found: list[Any] = []

    @tool(name="look")
    @functools.wraps(function.__wrapped__)
    def look(*args: Any, **kwargs: Any) -> str:
        found.append(function.__wrapped__(*args, **kwargs))
        return "seen"

    asked = ModelReply(tool_calls=(ToolRequest("call-1", "look"),))
    result = await agent(asked, "done", tools=[look]).run("asked", context=CONTEXT)
    assert found == [result.context]


def test_names_local_to_a_function() -> None:
    """A class that is known only inside of a function is found from text, though nobody closes over it."""

    @dataclass
    class Local(RunContext):
        user_id: str

    @tool
    def by_name(ctx: "Local") -> "Local":
        return ctx

    @tool
    def by_bar(who: "Local | None", limit: int = 1) -> tuple["Local | None", int]:
        return who, limit

    with using_context(Local("1")) as _, using_context(Local("2")):
        assert by_name().user_id == "2"  # type: ignore[call-arg]
        who, limit = by_bar(limit=3)  # type: ignore[call-arg]
        assert who is not None
        assert (who.user_id, limit) == ("2", 3)


def test_names_of_the_functions_around() -> None:
    """A class of an outer function is found from text in an inner one."""

    @dataclass
    class Outer(RunContext):
        user_id: str

    def made() -> Callable[..., str]:
        @tool(name="inner")
        def inner(ctx: "Outer") -> str:
            return ctx.user_id

        return inner

    with using_context(Outer("1")):
        assert made()() == "1"


def test_an_annotation_for_type_checkers_only_falls_back_to_the_name() -> None:
    """A parameter `ctx` whose annotation no program can evaluate takes the context all the same."""
    found: Any
    with using_context(CONTEXT):
        found = textual.for_checkers_only()
    assert found is CONTEXT


def test_a_class_with_a_type_parameter() -> None:
    """An annotation may give a generic context its parameter."""

    @tool
    def look(held: Holding[int]) -> int:
        return held.value

    with using_context(Holding(7)):
        assert look() == 7  # type: ignore[call-arg]


def test_a_union_of_contexts_takes_each() -> None:
    """A parameter that takes contexts of two classes gets either."""

    @tool
    def look(ctx: Slotted | Frozen) -> str:
        return ctx.user_id

    contexts: list[Any] = [Slotted("1"), Frozen("1")]
    for context in contexts:
        with using_context(context):
            assert look() == "1"  # type: ignore[call-arg]
    with (
        using_context(CONTEXT),
        pytest.raises(TypeError, match=r"look .*expected Slotted or Frozen, got Plain"),
    ):
        look()  # type: ignore[call-arg]


def test_a_subclass_fits_where_its_base_is_wanted() -> None:
    """A context of a subclass of the annotated class is taken."""
    context = Below("1")
    with using_context(context):
        assert by_subclass() is context  # type: ignore[call-arg]


def test_an_annotated_parameter_wins_over_the_name() -> None:
    """Where one parameter is annotated, another one that is called `ctx` is an argument like any other."""

    @tool
    def look(ctx, who: Plain):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202  (the same)
        return ctx, who

    with using_context(CONTEXT):
        assert look("mine") == ("mine", CONTEXT)  # type: ignore[call-arg]


def test_ctx_of_another_type_takes_no_context() -> None:
    """A parameter named `ctx` that is annotated with something else is an argument like any other."""

    @tool
    def look(ctx: str = "mine") -> str:
        return ctx

    with using_context(CONTEXT):
        assert look() == "mine"


def test_other_arguments_keep_their_places() -> None:
    """Arguments before and after the context may be given by position and by keyword."""

    @tool
    def last(a: int, b: int = 2, ctx: RunContext = None) -> Any:  # type: ignore[assignment]
        return a, b, ctx

    @tool
    def first(ctx: RunContext, a: int, b: int = 2) -> Any:
        return a, b, ctx

    with using_context(CONTEXT):
        assert last(1) == (1, 2, CONTEXT)
        assert last(1, 3) == (1, 3, CONTEXT)
        assert last(b=3, a=1) == (1, 3, CONTEXT)
        assert first(a=1) == (1, 2, CONTEXT)  # type: ignore[call-arg]
        assert first(CONTEXT, 1, 3) == (1, 3, CONTEXT)


def test_two_contexts_are_an_error_at_decoration() -> None:
    """Two parameters annotated with a context are refused when the function is decorated, by name."""
    with pytest.raises(TypeError, match=r"two.* takes the context twice: got ctx and who"):

        @tool
        def two(ctx: RunContext, *, who: Plain | None = None) -> None: ...


def test_two_contexts_by_text_are_an_error_at_decoration() -> None:
    """Annotations as text are no way around it."""
    with pytest.raises(TypeError, match=r"two.* takes the context twice: got ctx and who"):

        @tool
        def two(ctx: "RunContext", who: "Plain") -> None: ...


TAKING_NONE = {
    by_optional,
    by_union,
    by_bar,
    by_annotated_optional,
    by_optional_annotated,
    by_string_optional,
    by_string_inside,
    textual.text_bar,
    textual.text_optional,
}


@pytest.mark.parametrize(
    "function", [one for one in TOOLS if one not in {by_default, *TAKING_NONE}], ids=lambda one: one.__name__
)
def test_no_context_and_no_default_is_a_type_error(function: Callable[..., Any]) -> None:
    """Where there is no context and the function needs one, the error names tool, expected and given."""
    base = function in (by_base, by_convention, by_type_variable)
    expected = "RunContext" if base else "Plain"
    with pytest.raises(TypeError, match=rf"tool {function.__name__} .*expected {expected}, got none; "):
        function()


@pytest.mark.parametrize(
    "function", [one for one in TOOLS if one in TAKING_NONE], ids=lambda one: one.__name__
)
def test_no_context_is_none_where_the_annotation_has_none(function: Callable[..., Any]) -> None:
    """A parameter that takes None gets it where there is no context."""
    assert function() is None


def test_no_context_leaves_a_default_alone() -> None:
    """Where there is no context, a default is used: None as in the documents, or a context."""
    fallback = Plain("fallback")

    @tool
    def look(ctx: Plain = fallback) -> Plain:
        return ctx

    assert by_default() is None
    assert look() is fallback
    with using_context(CONTEXT):
        assert look() is CONTEXT


@pytest.mark.parametrize(
    "function",
    [one for one in TOOLS if one not in (by_base, by_convention, by_default, by_type_variable)],
    ids=lambda one: one.__name__,
)
def test_a_context_of_another_class_is_a_type_error(function: Callable[..., Any]) -> None:
    """A context of the wrong class is refused, given or current: tool, expected and given are named."""
    message = rf"tool {function.__name__} .*expected Plain, got Slotted; "
    with using_context(Slotted("1")), pytest.raises(TypeError, match=message):
        function()


@pytest.mark.parametrize("given", ["text", 7, {"user_id": "1"}, object()])
def test_what_is_no_context_is_a_type_error(given: Any) -> None:
    """An argument that is no context at all is refused, and never stringified."""
    with pytest.raises(TypeError, match=rf"tool by_base .*expected RunContext, got {type(given).__name__}; "):
        by_base(given)


def test_a_context_that_is_false_is_a_context() -> None:
    """A context whose class has a length is taken where it is empty too."""

    @dataclass
    class Basket(RunContext):
        items: tuple[str, ...] = ()

        def __len__(self) -> int:
            return len(self.items)

    @tool
    def look(ctx: Basket) -> int:
        return len(ctx)

    empty = Basket()
    with using_context(empty):
        assert look() == 0  # type: ignore[call-arg]


async def test_a_wrong_context_raises_from_run() -> None:
    """A missing or wrong context is a mistake of the program: `run()` raises it, no model is told."""
    from contextcompany.agents import ModelReply, ToolRequest

    asked = ModelReply(tool_calls=(ToolRequest("call-1", "by_subclass"),))
    with pytest.raises(TypeError, match=r"by_subclass .*expected Plain, got Slotted"):
        await agent(asked, "done", tools=[by_subclass]).run("asked", context=Slotted("1"))
    with pytest.raises(TypeError, match=r"by_subclass .*expected Plain, got none"):
        await agent(asked, "done", tools=[by_subclass]).run("asked")


async def test_an_async_tool_gets_the_context() -> None:
    """An async tool is injected like any other, and refuses like any other."""

    @tool
    async def look(ctx: Plain) -> str:
        return ctx.user_id

    with using_context(CONTEXT):
        assert await look() == "123"  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"tool look .*expected Plain, got none; "):
        await look()  # type: ignore[call-arg]
