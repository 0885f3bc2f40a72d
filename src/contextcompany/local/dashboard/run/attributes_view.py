"""Raw attributes of a span, an event or a resource as rows of a table."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from contextcompany.local.dashboard.run.message_view import indented
from contextcompany.local.dashboard.run.plain_text import Folded, code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contextcompany.local.otlp.spans import AttributeValue

ATTRIBUTE: Final = "attribute."
"""What a `source` begins with that names an attribute by its key."""

_MOST_ROWS: Final = 500
_MOST_CHARACTERS: Final = 4_000
_TYPES: Final[dict[type, str]] = {
    str: "text",
    bool: "boolean",
    int: "integer",
    float: "number",
    bytes: "bytes",
    tuple: "list",
    dict: "map",
}


@dataclass(frozen=True, slots=True)
class AttributeRow:
    """One attribute; `source` names it where its value is too long for the page."""

    key: str
    kind: str
    value: Folded
    source: str


@dataclass(frozen=True, slots=True)
class AttributeTable:
    """Attributes in the order of their keys; `left_out` counts those for which there was no room."""

    rows: tuple[AttributeRow, ...]
    left_out: int


def attribute_table(found: Mapping[str, AttributeValue]) -> AttributeTable:
    """Show attributes, each value as JSON or as it stands."""
    keys = sorted(found)
    rows = tuple(_row(key, found[key]) for key in keys[:_MOST_ROWS])
    return AttributeTable(rows, max(0, len(keys) - _MOST_ROWS))


def attribute_text(value: AttributeValue) -> str:
    """Write the value of an attribute: text as it stands, bytes as base64, others as indented JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    try:
        return json.dumps(value, ensure_ascii=False, indent=2, default=_plain)
    except (ValueError, RecursionError):
        return "[nested too deep to show]"


def _row(key: str, value: AttributeValue) -> AttributeRow:
    text = attribute_text(value)
    shown = indented(text) if isinstance(value, str) else None
    folded = code(text if shown is None else shown, _MOST_CHARACTERS)
    return AttributeRow(key, _TYPES.get(type(value), "empty"), folded, ATTRIBUTE + key)


def _plain(value: object) -> object:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else repr(value)
