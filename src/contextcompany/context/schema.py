"""The JSON schema of a tool's arguments, and their validation, by pydantic.

Pydantic and docstring-parser come with the extra `agents`; a tool that no agent calls needs neither.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from contextcompany.context.annotations import signature_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic import BaseModel

_INSTALL = "pip install 'contextcompany-otel[agents]'"


class ArgumentError(ValueError):
    """The model's arguments do not fit the tool; the message says where, for the model to read."""


class Schema(NamedTuple):
    """What a model needs to know of a tool, and the check of what it sends back.

    Attributes:
        name: the tool's name.
        description: what it does.
        parameters: the JSON schema of its arguments.
        model: what checks arguments.
        aliases: the parameter of the tool for each field of the model.
    """

    name: str
    description: str
    parameters: dict[str, Any]
    model: type[BaseModel]
    aliases: dict[str, str]

    def openai(self) -> dict[str, Any]:
        """Return the tool in the shape that OpenAI's chat completions take."""
        function = {"name": self.name, "description": self.description, "parameters": self.parameters}
        return {"type": "function", "function": function}

    def anthropic(self) -> dict[str, Any]:
        """Return the tool in the shape that Anthropic's messages take."""
        return {"name": self.name, "description": self.description, "input_schema": self.parameters}

    def validated(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments converted to the annotated types.

        Raises:
            ArgumentError: where one is missing, unknown or of another type.
        """
        from pydantic import ValidationError

        try:
            checked = self.model.model_validate(dict(arguments))
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(str(step) for step in one['loc']) or 'arguments'}: {one['msg']}"
                for one in error.errors(include_url=False, include_input=False)
            )
            raise ArgumentError(f"the arguments do not fit {self.name}: {problems}") from None
        return {self.aliases[field]: getattr(checked, field) for field in checked.model_fields_set}


def schema_of(
    function: Callable[..., Any],
    hints: Mapping[str, Any],
    *,
    name: str,
    description: str | None,
    hidden: str | None,
) -> Schema:
    """Derive the schema of a function from its signature, annotations and docstring.

    Args:
        function: the plain function.
        hints: its annotations, see `Annotations`.
        name: the tool's name.
        description: the tool's description, or None for the docstring's own.
        hidden: the parameter that takes the context, which no model is told of.

    Raises:
        ImportError: without the extra `agents`.
        TypeError: for a parameter whose type has no JSON schema.
    """
    try:
        import pydantic
        from docstring_parser import parse
        from pydantic.json_schema import GenerateJsonSchema
    except ImportError as error:
        raise ImportError(f"the schema of tool {name} needs {error.name}: {_INSTALL}") from error

    class Plain(GenerateJsonSchema):
        """Make no titles of names, and say nothing of a default that JSON cannot carry."""

        ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012  (pydantic's own type)

        def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002  (the name of the base)
            return False

    documented = parse(inspect.getdoc(function) or "")
    told = {one.arg_name: one.description or "" for one in documented.params}
    fields: dict[str, Any] = {}
    for number, (parameter_name, parameter) in enumerate(_visible(function, hidden)):
        default = ... if parameter.default is parameter.empty else parameter.default
        about = {"description": told[parameter_name]} if told.get(parameter_name) else {}
        # By alias, because pydantic reserves some names (`schema`, `_private`) for itself.
        hint = hints.get(parameter_name, parameter.annotation)
        if isinstance(hint, str):
            # It may be a context: then a model must not be asked to fill it.
            raise TypeError(
                f"tool {name} has an annotation that cannot be read: got {parameter_name}: {hint}; "
                "import what it names at run time, not for type checkers only"
            )
        fields[f"p{number}"] = (
            _annotation(hint),
            pydantic.Field(default, alias=parameter_name, title=None, **cast("dict[str, Any]", about)),
        )
    config = pydantic.ConfigDict(extra="forbid", arbitrary_types_allowed=False)
    try:
        model = pydantic.create_model(name, __config__=config, **fields)
        parameters = _tidy(model.model_json_schema(by_alias=True, schema_generator=Plain))
    except pydantic.errors.PydanticUserError as error:
        raise TypeError(
            f"tool {name} has a parameter that no JSON schema describes: {_first_line(error)}; "
            "annotate it with a plain type, a dataclass or a pydantic model"
        ) from error
    text = description if description is not None else _prose(documented)
    aliases = {field: about.alias or field for field, about in model.model_fields.items()}
    return Schema(name, text, parameters, model, aliases)


def task_schema(name: str, description: str) -> Schema:
    """Return the schema of a callable that takes one text, `task`; needs the extra `agents`."""

    def call(task: str) -> None:
        """Take a task.

        Args:
            task: what to do, with all that is needed to do it.
        """

    return schema_of(call, {"task": str}, name=name, description=description, hidden=None)


def _visible(function: Callable[..., Any], hidden: str | None) -> list[tuple[str, inspect.Parameter]]:
    """Return the parameters that a model fills: not the context, not `self` or `cls`, no `*args`."""
    return [
        (name, parameter)
        for position, (name, parameter) in enumerate(signature_of(function).parameters.items())
        if name != hidden
        and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        and not (position == 0 and name in ("self", "cls"))
    ]


def _annotation(annotation: Any) -> Any:
    return Any if annotation is inspect.Parameter.empty or isinstance(annotation, str) else annotation


def _prose(documented: Any) -> str:
    parts = (documented.short_description, documented.long_description)
    return "\n\n".join(part for part in parts if part)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _tidy(schema: dict[str, Any]) -> dict[str, Any]:
    """Leave out the titles that pydantic makes from its own names; models need none."""
    kept = {key: value for key, value in schema.items() if key != "title"}
    for group in ("properties", "$defs"):
        if group in kept:
            kept[group] = {
                name: {key: value for key, value in one.items() if key != "title"}
                for name, one in kept[group].items()
            }
    kept.setdefault("properties", {})
    return kept
