"""The signatures that the documents print are those of this package."""

from __future__ import annotations

import ast
import inspect
import types
import typing
from collections.abc import Mapping
from typing import Any, Dict, Final, Literal, Optional, Self  # noqa: UP035  (the words of the documents)
from uuid import UUID

import pytest

import contextcompany as tcc
from contextcompany.recording.spans.moments import Moment
from tests.seeds.samples import function_head
from tests.seeds.test_samples import SIGNATURES, codes

_PRINTED_TYPES: Final = {
    "Dict": Dict,  # noqa: UP006
    "Literal": Literal,
    "Optional": Optional,
    "Run": tcc.Run,
    "Step": tcc.Step,
    "ToolCall": tcc.ToolCall,
}
_OUR_TYPES: Final = {
    "Mapping": Mapping,
    "Moment": Moment,
    "Run": tcc.Run,
    "Step": tcc.Step,
    "ToolCall": tcc.ToolCall,
    "UUID": UUID,
}


def printed_signature(code: str) -> inspect.Signature:
    """Return the signature that a sample prints; what it says of no type or default is left empty."""
    namespace: dict[str, Any] = dict(_PRINTED_TYPES)
    head = ast.parse(function_head(code)).body[0]
    assert isinstance(head, ast.FunctionDef)
    exec(compile(ast.Module([head], []), "printed", "exec", dont_inherit=True), namespace)
    return inspect.signature(namespace[head.name])


def ours(path: str) -> tuple[inspect.Signature, dict[str, Any], type | None]:
    """Return the signature of a public function or method, its types, and the class of a method."""
    owner, _, name = path.rpartition(".")
    kind: type | None = getattr(tcc, owner) if owner else None
    function = getattr(kind or tcc, name)
    signature = inspect.signature(function)
    if kind is not None:
        signature = signature.replace(parameters=list(signature.parameters.values())[1:])
    return signature, typing.get_type_hints(function, localns=_OUR_TYPES), kind


def members(annotation: Any) -> list[Any]:
    """Return the types that a union or a literal is made of."""
    origin = typing.get_origin(annotation)
    if origin is typing.Union or origin is types.UnionType:
        return [member for part in typing.get_args(annotation) for member in members(part)]
    if origin is Literal:
        return [Literal[value] for value in typing.get_args(annotation)]
    return [annotation]


def accepts(wide: Any, narrow: Any) -> bool:
    """Tell whether every value of the type `narrow` is one of the type `wide`."""
    if wide in (object, Any) or wide == narrow:
        return True
    if len(members(narrow)) > 1:
        return all(accepts(wide, member) for member in members(narrow))
    if len(members(wide)) > 1:
        return any(accepts(member, narrow) for member in members(wide))
    outer, inner = typing.get_origin(wide) or wide, typing.get_origin(narrow) or narrow
    if not isinstance(outer, type) or not isinstance(inner, type) or not issubclass(inner, outer):
        return False
    return all(accepts(*pair) for pair in zip(typing.get_args(wide), typing.get_args(narrow), strict=True))


@pytest.mark.parametrize(("key", "path"), SIGNATURES.items(), ids=[*SIGNATURES])
def test_signature_is_the_printed_one(key: str, path: str) -> None:
    """Parameters have the printed names, order, defaults and types; ours beyond them are keyword-only."""
    printed = printed_signature(codes()[key])
    found, hints, kind = ours(path)
    parameters = list(found.parameters.values())
    is_typed = printed.return_annotation is not inspect.Signature.empty

    common = [item for item in parameters if item.name in printed.parameters]
    assert [(item.name, item.kind) for item in common] == [
        (item.name, item.kind) for item in printed.parameters.values()
    ]
    for item in parameters:
        if item.name not in printed.parameters:
            assert item.kind is inspect.Parameter.KEYWORD_ONLY
            assert item.default is not inspect.Parameter.empty
    for item in printed.parameters.values():
        if is_typed or item.default is not inspect.Parameter.empty:
            assert found.parameters[item.name].default == item.default
        if is_typed:
            assert accepts(hints[item.name], item.annotation), item.name
    if is_typed:
        expected = type(None) if printed.return_annotation is None else printed.return_annotation
        assert (kind if hints["return"] is Self else hints["return"]) is expected


@pytest.mark.parametrize(
    ("wide", "narrow", "expected"),
    [
        (object, str, True),
        (str | UUID | None, Optional[str], True),  # noqa: UP045
        (str, Optional[str], False),  # noqa: UP045
        (Mapping[str, Any] | None, Dict[str, str], True),  # noqa: UP006
        (Mapping[str, int], Dict[str, str], False),  # noqa: UP006
        (Literal["a", "b"], Literal["a"], True),
        (Literal["a"], Literal["a", "b"], False),
        (str, Literal["a"], False),
    ],
)
def test_types_are_compared(wide: Any, narrow: Any, expected: bool) -> None:
    """A type accepts another where it is as wide in every part."""
    assert accepts(wide, narrow) is expected
