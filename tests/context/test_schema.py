"""Schemas: what models are told of a tool, and how what they send back is checked."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal

import jsonschema
import pydantic
import pytest
from typing_extensions import TypedDict

from contextcompany import RunContext, tool
from contextcompany.context.schema import ArgumentError, Schema
from contextcompany.context.tool import spec_of
from tests.context.contexts import Plain  # noqa: TC001  (annotations of tools are evaluated)
from tests.interpreter import python


class Colour(enum.Enum):
    """Colours of a wall."""

    RED = "red"
    BLUE = "blue"


@dataclass
class Point:
    """A point on a wall."""

    x: int
    y: int = 0


class Wall(pydantic.BaseModel):
    """A wall."""

    title: str = pydantic.Field(description="What the wall is called.")
    corners: list[Point]
    next: Wall | None = None


class Size(TypedDict):
    """The size of a wall."""

    height: float
    width: float


def schema(function: Any) -> Schema:
    """Return the schema of a tool."""
    spec = spec_of(function)
    assert spec is not None
    return spec.schema


@tool
def paint(colour: str, coats: int = 1, ctx: RunContext = None) -> str:  # type: ignore[assignment]
    """Paint the wall.

    Thinly, and twice where it is dark.

    Args:
        colour: which one.
        coats: how many.
        ctx: who paints.

    Returns:
        What was done.
    """
    return colour


PAINT = {
    "type": "object",
    "properties": {
        "colour": {"type": "string", "description": "which one."},
        "coats": {"type": "integer", "default": 1, "description": "how many."},
    },
    "required": ["colour"],
    "additionalProperties": False,
}
ABOUT_PAINT = "Paint the wall.\n\nThinly, and twice where it is dark."


def test_the_shape_that_openai_takes() -> None:
    """A tool is a function with name, description and a JSON schema of its parameters."""
    assert schema(paint).openai() == {
        "type": "function",
        "function": {"name": "paint", "description": ABOUT_PAINT, "parameters": PAINT},
    }


def test_the_shape_that_anthropic_takes() -> None:
    """A tool is a name, a description and an input schema."""
    assert schema(paint).anthropic() == {
        "name": "paint",
        "description": ABOUT_PAINT,
        "input_schema": PAINT,
    }


@pytest.mark.parametrize("name", ["ctx", "who"])
def test_the_context_is_hidden(name: str) -> None:
    """No model is told of the context, whatever its parameter is called, and none may send one."""

    @tool
    def by_name(a: int, ctx: Plain) -> None: ...
    @tool
    def by_class(who: Plain, a: int) -> None: ...

    function = by_name if name == "ctx" else by_class
    found = schema(function)
    assert found.parameters == {
        "type": "object",
        "properties": {"a": {"type": "integer"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    with pytest.raises(ArgumentError, match=name):
        found.validated({"a": 1, name: {"user_id": "root"}})


def test_a_tool_without_arguments() -> None:
    """A tool that takes nothing but the context has an object without properties."""

    @tool
    def look(ctx: RunContext) -> None: ...

    found = schema(look)
    assert found.parameters == {"type": "object", "properties": {}, "additionalProperties": False}
    assert (found.description, found.validated({})) == ("", {})


@pytest.mark.parametrize(
    "docstring",
    [
        "Move.\n\n    Args:\n        far: how far.\n        fast (bool): whether fast.\n    ",
        "Move.\n\n    :param far: how far.\n    :param fast: whether fast.\n    ",
        (
            "Move.\n\n    Parameters\n    ----------\n    far : int\n        how far.\n"
            "    fast : bool\n        whether fast.\n    "
        ),
    ],
    ids=["google", "rest", "numpy"],
)
def test_docstrings_describe_parameters(docstring: str) -> None:
    """Descriptions of parameters come from the docstring, in each of the three common styles."""

    def move(far: int, fast: bool = False) -> None: ...

    move.__doc__ = docstring
    found = schema(tool(move))
    assert found.description == "Move."
    assert {name: one["description"] for name, one in found.parameters["properties"].items()} == {
        "far": "how far.",
        "fast": "whether fast.",
    }


def test_annotations_describe_parameters() -> None:
    """A pydantic field inside of Annotated gives a description and limits."""

    @tool
    def move(far: Annotated[int, pydantic.Field(description="how far", ge=1, le=9)]) -> None: ...

    found = schema(move)
    assert found.parameters["properties"] == {
        "far": {"type": "integer", "description": "how far", "minimum": 1, "maximum": 9}
    }
    with pytest.raises(ArgumentError, match="far: Input should be greater than or equal to 1"):
        found.validated({"far": 0})


@tool
def build(  # noqa: PLR0917  (one of each kind)
    where: Point,
    colour: Colour,
    kind: Literal["thick", "thin"],
    wall: Wall,
    size: Size,
    until: date,
    names: list[str],
    costs: dict[str, float],
    note: str | None = None,
    *,
    fast: bool = False,
) -> dict[str, Any]:
    """Build a wall."""
    return {
        "where": where,
        "colour": colour,
        "kind": kind,
        "wall": wall,
        "size": size,
        "until": until,
        "names": names,
        "costs": costs,
        "note": note,
        "fast": fast,
    }


BUILD: dict[str, Any] = {
    "where": {"x": 1},
    "colour": "red",
    "kind": "thin",
    "wall": {"title": "north", "corners": [{"x": 1, "y": 2}], "next": {"title": "south", "corners": []}},
    "size": {"height": 2, "width": 3.5},
    "until": "2026-11-20",
    "names": ["a"],
    "costs": {"paint": 1},
}


def test_rich_types_have_schemas() -> None:
    """Dataclasses, enums, literals, nested models, typed dicts and dates are described to the model."""
    found = schema(build).parameters
    assert found["required"] == [*BUILD]
    assert found["properties"] == {
        "where": {"$ref": "#/$defs/Point"},
        "colour": {"$ref": "#/$defs/Colour"},
        "kind": {"type": "string", "enum": ["thick", "thin"]},
        "wall": {"$ref": "#/$defs/Wall"},
        "size": {"$ref": "#/$defs/Size"},
        "until": {"type": "string", "format": "date"},
        "names": {"type": "array", "items": {"type": "string"}},
        "costs": {"type": "object", "additionalProperties": {"type": "number"}},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
        "fast": {"type": "boolean", "default": False},
    }
    assert found["$defs"]["Colour"] == {
        "description": "Colours of a wall.",
        "enum": ["red", "blue"],
        "type": "string",
    }
    assert set(found["$defs"]) == {"Colour", "Point", "Size", "Wall"}


def test_schemas_carry_no_titles_of_pydantic() -> None:
    """Titles that pydantic makes of names are left out everywhere; a property named title is kept."""
    found = schema(build).parameters
    assert found["$defs"]["Wall"]["properties"]["title"] == {
        "type": "string",
        "description": "What the wall is called.",
    }
    assert found["$defs"]["Point"]["properties"] == {
        "x": {"type": "integer"},
        "y": {"type": "integer", "default": 0},
    }

    @tool
    def call(title: str) -> None: ...

    assert schema(call).parameters["properties"] == {"title": {"type": "string"}}


@pytest.mark.parametrize("function", [paint, build])
def test_schemas_are_json_schemas(function: Any) -> None:
    """What models get is a valid JSON schema, and fitting arguments are valid under it."""
    found = schema(function).parameters
    jsonschema.Draft202012Validator.check_schema(found)
    fitting = BUILD if function is build else {"colour": "red"}
    jsonschema.validate(fitting, found, cls=jsonschema.Draft202012Validator)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**fitting, "surprise": 1}, found, cls=jsonschema.Draft202012Validator)


def test_arguments_become_the_annotated_types() -> None:
    """Validation turns what a model sent into objects of the annotated types, all the way down."""
    checked = schema(build).validated(BUILD)
    assert checked == {
        "where": Point(1, 0),
        "colour": Colour.RED,
        "kind": "thin",
        "wall": Wall(title="north", corners=[Point(1, 2)], next=Wall(title="south", corners=[])),
        "size": {"height": 2.0, "width": 3.5},
        "until": date(2026, 11, 20),
        "names": ["a"],
        "costs": {"paint": 1.0},
    }
    assert build(**checked)["fast"] is False


def test_defaults_stay_with_the_function() -> None:
    """What a model leaves out is not passed, so that the function uses its own default."""
    default = object()

    @tool
    def look(a: int = 1, b: Any = default, c: list[int] | None = None) -> Any:
        return a, b, c

    assert schema(look).validated({"a": 2}) == {"a": 2}
    assert look(**schema(look).validated({})) == (1, default, None)


def test_a_default_without_json_is_no_default_to_the_model() -> None:
    """A default that JSON cannot say is left out of the schema; the parameter stays optional."""

    @tool
    def look(a: Any = object) -> None: ...

    assert schema(look).parameters["properties"]["a"].get("default") is None
    assert "required" not in schema(look).parameters


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({}, "colour: Field required"),
        ({"colour": "red", "surprise": 1}, "surprise: Extra inputs are not permitted"),
        ({"colour": "red", "coats": "many"}, "coats: Input should be a valid integer"),
        ({"colour": None}, "colour: Input should be a valid string"),
        ({"colour": 7, "coats": "many"}, "colour: .*; coats: "),
    ],
)
def test_what_does_not_fit_is_said(arguments: dict[str, Any], problem: str) -> None:
    """Arguments that do not fit raise an error that names the tool, each place, and what is wrong there."""
    with pytest.raises(ArgumentError, match=rf"the arguments do not fit paint: {problem}"):
        schema(paint).validated(arguments)


def test_errors_name_places_inside() -> None:
    """A problem inside of a nested value is named by the way to it."""
    with pytest.raises(ArgumentError, match=r"wall\.corners\.0\.x: Input should be a valid integer"):
        schema(build).validated({**BUILD, "wall": {"title": "n", "corners": [{"x": "far"}]}})


def test_errors_do_not_repeat_what_was_sent() -> None:
    """The message for the model does not hold the value that it sent: that may be long or private."""
    with pytest.raises(ArgumentError) as caught:
        schema(paint).validated({"colour": "red", "coats": "a private number"})
    assert "private" not in str(caught.value)


def test_validation_leaves_the_given_arguments_alone() -> None:
    """The arguments of a model are not changed while they are checked."""
    given = {"colour": "red", "coats": "2"}
    assert schema(paint).validated(given) == {"colour": "red", "coats": 2}
    assert given == {"colour": "red", "coats": "2"}


@pytest.mark.parametrize(
    "name", ["schema", "json", "copy", "_private", "model_config", "validate", "self_", "class_"]
)
def test_names_that_pydantic_uses_itself(name: str) -> None:
    """A parameter may have any name, those that pydantic reserves included."""
    namespace: dict[str, Any] = {}
    exec(f"def look({name}: int) -> int:\n    return {name}\n", namespace)
    look = tool(namespace["look"])
    assert schema(look).parameters["properties"] == {name: {"type": "integer"}}
    assert look(**schema(look).validated({name: "7"})) == 7


def test_parameters_without_annotation_take_anything() -> None:
    """A parameter without annotation is in the schema, and any value fits."""

    @tool
    def look(what, deep=None):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202  (what is tested)
        return what, deep

    assert schema(look).parameters["required"] == ["what"]
    for value in (1, "a", None, [1], {"a": 1}):
        assert schema(look).validated({"what": value}) == {"what": value}


def test_types_local_to_a_function() -> None:
    """Types that are known only inside of a function are described too."""

    @dataclass
    class Local:
        x: int

    @tool
    def look(where: Local) -> int:
        return where.x

    assert schema(look).validated({"where": {"x": "3"}}) == {"where": Local(3)}


def test_a_type_made_later() -> None:
    """A type that its module makes after the tool is described when the schema is first asked for."""
    assert schema(later).validated({"what": {"x": 1}}) == {"what": Later(1)}


@tool
def later(what: Later) -> None:
    """Take something that is made further down."""


@dataclass
class Later:
    """Something that is made after its tool."""

    x: int


def test_a_type_without_schema_is_refused() -> None:
    """A parameter that JSON cannot carry is an error that names the tool and says what to do."""

    class Socket:
        """Nothing that a model could send."""

    @tool
    def listen(on: Socket) -> None: ...

    with pytest.raises(
        TypeError, match=r"tool listen has a parameter that no JSON schema describes: .*annotate"
    ):
        schema(listen)


def test_star_arguments_are_not_told() -> None:
    """`*args` and `**kwargs` are nothing that a model can fill by name."""

    @tool
    def look(a: int, *rest: int, **more: int) -> None: ...

    assert [*schema(look).parameters["properties"]] == ["a"]


def test_a_schema_is_made_once() -> None:
    """The schema of a tool is the same object each time it is asked for."""
    assert schema(paint) is schema(paint)


def test_a_method_has_no_self() -> None:
    """No model is told of `self`."""

    class Desk:
        @tool
        def look(self, what: str) -> str:
            return what

    assert [*schema(Desk().look).parameters["properties"]] == ["what"]
    assert [*schema(Desk.look).parameters["properties"]] == ["what"]


@pytest.mark.parametrize("missing", ["pydantic", "docstring_parser"])
def test_a_missing_extra_is_said(missing: str) -> None:
    """Without the extra the schema cannot be made, and the error says how to install it; calls still work."""
    finished = python(
        f"""
        import sys
        sys.modules[{missing!r}] = None
        import contextcompany as tcc
        from contextcompany.context.tool import spec_of

        @tcc.tool
        def look(what: str) -> str:
            return what

        assert look("pens") == "pens"
        try:
            spec_of(look).schema
        except ImportError as error:
            print(error)
        """
    )
    assert (finished.code, finished.err) == (0, "")
    assert finished.out.strip() == (
        f"the schema of tool look needs {missing}: pip install 'contextcompany-otel[agents]'"
    )
