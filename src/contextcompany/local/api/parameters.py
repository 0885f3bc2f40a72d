"""Parameters of questions: read strictly, and described for OpenAPI in the same place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from contextcompany.local.api.errors import bad
from contextcompany.local.store.filters import FEEDBACK, METADATA_PREFIX, ORDERS, STATUSES, RunFilter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

GROUP_ORDERS: Final = ("runs", "cost", "failed", "slowest", "recent")
MOST_ITEMS: Final = 500
MOST_VALUES: Final = 100
MOST_BUCKETS: Final = 500

_MOST_CHARACTERS: Final = 1_000
_MOST_CURSOR: Final = 4_000
_NUMBER: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
_AGE: Final = r"^[0-9]{1,6}(s|min|h|d|w)$"
_TEXTS: Final = {
    "text": "Words in prompts, responses and errors of the run and all in it.",
    "agent": "Agent of the run or of one inside it.",
    "user": "Id or name of the user.",
    "org": "Id or name of the organisation.",
    "session": "Session.",
    "model": "Model of one of its steps.",
    "tool": "Tool of one of its tool calls.",
    "error": "Type of an error of the run or of anything in it.",
}


@dataclass(frozen=True, slots=True)
class Listing:
    """What a list was asked for."""

    wanted: RunFilter
    limit: int
    cursor: str | None
    order: str


def listing(request: Request, *, group: bool = False) -> Listing:
    """Read the parameters of a list.

    Args:
        request: The request.
        group: Whether `order` is that of groups.

    Raises:
        ApiError: One of its own parameters cannot be used.
        FilterError: A parameter is not known or cannot be used.
    """
    pairs = _pairs(request)
    limit = _number(pairs, "limit", 50, range(1, MOST_ITEMS + 1))
    cursor = _own(pairs, "cursor", _MOST_CURSOR) or None
    order = ""
    if group:
        order = _own(pairs, "order", _MOST_CHARACTERS) or GROUP_ORDERS[0]
        if order not in GROUP_ORDERS:
            raise bad("order", f"order: must be one of {', '.join(GROUP_ORDERS)}, got {order[:100]!r}")
    return Listing(RunFilter.of(pairs), limit, cursor, order)


def filter_of(request: Request) -> RunFilter:
    """Read a filter alone."""
    return RunFilter.of(_pairs(request))


def filter_and_buckets(request: Request) -> tuple[RunFilter, int]:
    """Read a filter and into how many stretches the time is cut."""
    pairs = _pairs(request)
    buckets = _number(pairs, "buckets", 48, range(1, MOST_BUCKETS + 1))
    return RunFilter.of(pairs), buckets


def prefix_and_limit(request: Request) -> tuple[str, int]:
    """Read how values begin and how many are wanted."""
    pairs = _pairs(request)
    limit = _number(pairs, "limit", 20, range(1, MOST_VALUES + 1))
    prefix = _own(pairs, "prefix", _MOST_CHARACTERS) or ""
    _nothing_else(pairs, ("prefix", "limit"))
    return prefix, limit


def nothing(request: Request) -> None:
    """Refuse parameters where there are none."""
    _nothing_else(_pairs(request), ())


def _pairs(request: Request) -> list[tuple[str, str]]:
    return request.query_params.multi_items()


def _own(pairs: list[tuple[str, str]], name: str, most: int) -> str | None:
    """Take a parameter of ours out of the rest, which is the filter."""
    found = [value for key, value in pairs if key == name]
    pairs[:] = [pair for pair in pairs if pair[0] != name]
    if len(found) > 1:
        raise bad(name, f"{name}: is given twice: give it once")
    if found and len(found[0]) > most:
        raise bad(name, f"{name}: must have at most {most:,} characters, got {len(found[0]):,}")
    return found[0] if found else None


def _number(pairs: list[tuple[str, str]], name: str, default: int, allowed: range) -> int:
    text = _own(pairs, name, _MOST_CHARACTERS)
    if text is None:
        return default
    if not _NUMBER.fullmatch(text) or int(text) not in allowed:
        raise bad(
            name, f"{name}: must be a whole number from {allowed[0]} to {allowed[-1]}, got {text[:100]!r}"
        )
    return int(text)


def _nothing_else(pairs: list[tuple[str, str]], known: Sequence[str]) -> None:
    for name, _ in pairs:
        raise bad(name, f"{name[:100]}: is no parameter here: {_known(known)}")


def _known(known: Sequence[str]) -> str:
    return f"use one of {', '.join(known)}" if known else "there are none"


def _query(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}


def _text(most: int = _MOST_CHARACTERS) -> dict[str, Any]:
    return {"type": "string", "maxLength": most}


def _choice(values: Sequence[str], default: str | None = None) -> dict[str, Any]:
    # Empty text sets nothing, as a form sends what was not filled in.
    found: dict[str, Any] = {"type": "string", "enum": [*values, ""]}
    return found if default is None else found | {"default": default}


def _whole(default: int, most: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": 1, "maximum": most, "default": default}


def _moment(edge: str) -> dict[str, Any]:
    return _query(
        edge,
        f"{'Earliest' if edge == 'since' else 'Latest'} start: a time of ISO 8601, in the zone of the "
        "server unless it names an offset, or an age such as 90min, 24h or 7d.",
        {
            "anyOf": [
                {"type": "string", "format": "date-time"},
                {"type": "string", "format": "date"},
                {"type": "string", "pattern": _AGE},
                {"type": "string", "maxLength": 0},
            ]
        },
    )


_METADATA: Final[dict[str, Any]] = {
    "name": "metadata",
    "in": "query",
    "required": False,
    "description": f"Metadata of the run, each key as a parameter: {METADATA_PREFIX}<key>=<value>.",
    "style": "form",
    "explode": True,
    "schema": {
        "type": "object",
        "propertyNames": {"pattern": r"^metadata\..{1,200}$"},
        "additionalProperties": _text(),
        "maxProperties": 20,
        "example": {},
    },
}
_ORDER: Final = _query("order", "What comes first.", _choice(ORDERS, "newest"))
_FILTER: Final[list[dict[str, Any]]] = [
    *(_query(name, description, _text()) for name, description in _TEXTS.items()),
    _query("status", "How the run went; open while its own span has not arrived.", _choice(STATUSES)),
    _query("feedback", "Which feedback it got.", _choice(FEEDBACK)),
    _moment("since"),
    _moment("until"),
    _METADATA,
]
_PAGE: Final = [
    _query("limit", "How many to return.", _whole(50, MOST_ITEMS)),
    _query("cursor", "Where to go on: the cursor of the answer before.", _text(_MOST_CURSOR)),
]

FILTER: Final = {"parameters": [*_FILTER, _ORDER]}
"""Of what takes a filter alone."""

LIST: Final = {"parameters": [*_FILTER, _ORDER, *_PAGE]}
"""Of a list of runs or of feedback."""

GROUPS: Final = {
    "parameters": [
        *_FILTER,
        _query("order", "What comes first: most, or newest.", _choice(GROUP_ORDERS, GROUP_ORDERS[0])),
        *_PAGE,
    ]
}
"""Of a list of groups."""

OVERVIEW: Final = {
    "parameters": [
        *_FILTER,
        _ORDER,
        _query("buckets", "Into about how many stretches the time is cut.", _whole(48, MOST_BUCKETS)),
    ]
}
"""Of the overview."""

VALUES: Final = {
    "parameters": [
        _query("prefix", "What they begin with, without regard to case.", _text()),
        _query("limit", "How many to return.", _whole(20, MOST_VALUES)),
    ]
}
"""Of the values that a filter can take."""
