"""Read the registry beside this file: attributes, span types and events, groups and references resolved."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).resolve().parent
TEMPLATE = re.compile(r"template\[(.+)\]")


@dataclass(frozen=True, slots=True)
class Value:
    """Hold one known value of an attribute."""

    id: str
    value: str | float | bool
    brief: str


@dataclass(frozen=True, slots=True)
class Attribute:
    """Hold one entry of `attributes.yaml`; its head says what each annotation means."""

    key: str
    type: str
    brief: str
    note: str
    stability: str
    examples: tuple[object, ...]
    values: tuple[Value, ...]
    constants: str
    closed: bool
    content: bool
    json_schema: str
    minimum: int | None
    same_as: str

    @property
    def is_enum(self) -> bool:
        """Say whether the known values stand in the type itself."""
        return self.type.startswith("enum[")

    @property
    def is_template(self) -> bool:
        """Say whether the key is the prefix of a family of keys."""
        return TEMPLATE.fullmatch(self.type) is not None


@dataclass(frozen=True, slots=True)
class Reference:
    """Hold the place of an attribute on a span type or an event."""

    attribute: Attribute
    brief: str
    level: str
    condition: str
    examples: tuple[object, ...]
    violation: str


@dataclass(frozen=True, slots=True)
class Signal:
    """Hold one span type or event of `spans.yaml`; its head says what each annotation means.

    An event has no kind, no operation and no attribute in its name; its fixed name is its own.
    """

    type: str
    kind: str
    name_note: str
    fixed_name: str
    operation: str
    name_attribute: str
    official: str
    brief: str
    note: str
    references: tuple[Reference, ...]


@dataclass(frozen=True, slots=True)
class Registry:
    """Hold the whole registry."""

    attributes: tuple[Attribute, ...]
    spans: tuple[Signal, ...]
    events: tuple[Signal, ...]


def read_registry(folder: Path = FOLDER) -> Registry:
    """Read `attributes.yaml` and `spans.yaml` of a folder.

    A reference to a key or a group that is not defined raises KeyError, a key defined twice ValueError.
    """
    described = yaml.safe_load((folder / "attributes.yaml").read_text(encoding="utf-8"))
    placed = yaml.safe_load((folder / "spans.yaml").read_text(encoding="utf-8"))
    attributes: dict[str, Attribute] = {}
    for entry in described["attributes"]:
        attribute = _read_attribute(entry)
        if attribute.key in attributes:
            raise ValueError(f"attributes.yaml defines {attribute.key} twice; keep one definition")
        attributes[attribute.key] = attribute
    groups = {group["id"]: group["attributes"] for group in placed["attribute_groups"]}
    return Registry(
        attributes=tuple(attributes.values()),
        spans=tuple(_read_span(entry, attributes, groups) for entry in placed["spans"]),
        events=tuple(_read_event(entry, attributes, groups) for entry in placed["events"]),
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _annotations(entry: dict[str, Any]) -> dict[str, Any]:
    ours: dict[str, Any] = entry.get("annotations", {}).get("tcc", {})
    return ours


def _read_attribute(entry: dict[str, Any]) -> Attribute:
    ours = _annotations(entry)
    kind = entry["type"]
    members = ours.get("values", []) if isinstance(kind, str) else kind["members"]
    values = tuple(Value(member["id"], member["value"], _one_line(member["brief"])) for member in members)
    if not isinstance(kind, str):
        kind = "enum[int]" if isinstance(values[0].value, int) else "enum[string]"
    return Attribute(
        key=entry["key"],
        type=kind,
        brief=_one_line(entry["brief"]),
        note=_one_line(entry.get("note", "")),
        stability=entry["stability"],
        examples=tuple(entry.get("examples", [item.value for item in values])),
        values=values,
        constants=ours.get("constants", ""),
        closed=ours.get("closed", False),
        content=ours.get("content", False),
        json_schema=ours.get("json_schema", ""),
        minimum=ours.get("minimum"),
        same_as=ours.get("same_as", ""),
    )


def _read_references(
    entries: list[dict[str, Any]], attributes: dict[str, Attribute], groups: dict[str, list[dict[str, Any]]]
) -> tuple[Reference, ...]:
    references: list[Reference] = []
    for entry in entries:
        for ref in groups[entry["ref_group"]] if "ref_group" in entry else [entry]:
            attribute = attributes[ref["ref"]]
            level = ref["requirement_level"]
            name, condition = (level, "") if isinstance(level, str) else next(iter(level.items()))
            references.append(
                Reference(
                    attribute=attribute,
                    brief=_one_line(ref.get("brief", attribute.brief)),
                    level=name,
                    condition=_one_line(condition),
                    examples=tuple(ref.get("examples", attribute.examples)),
                    violation=_annotations(ref).get("violation", ""),
                )
            )
    return tuple(references)


def _read_span(
    entry: dict[str, Any], attributes: dict[str, Attribute], groups: dict[str, list[dict[str, Any]]]
) -> Signal:
    ours = _annotations(entry)
    return Signal(
        type=entry["type"],
        kind=entry["kind"],
        name_note=_one_line(entry["name"]["note"]),
        fixed_name=ours.get("name", ""),
        operation=ours.get("operation", ""),
        name_attribute=ours.get("attribute", ""),
        official=ours.get("official", ""),
        brief=_one_line(entry["brief"]),
        note=_one_line(entry.get("note", "")),
        references=_read_references(entry["attributes"], attributes, groups),
    )


def _read_event(
    entry: dict[str, Any], attributes: dict[str, Attribute], groups: dict[str, list[dict[str, Any]]]
) -> Signal:
    return Signal(
        type=entry["name"],
        kind="",
        name_note=f"`{entry['name']}`",
        fixed_name=entry["name"],
        operation="",
        name_attribute="",
        official="",
        brief=_one_line(entry["brief"]),
        note=_one_line(entry.get("note", "")),
        references=_read_references(entry["attributes"], attributes, groups),
    )
