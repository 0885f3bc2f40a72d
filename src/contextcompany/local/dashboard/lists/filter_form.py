"""The form that says which runs a page shows: its fields, the conditions in force, and what is wrong."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from contextcompany.local.dashboard.frame.addresses import page_path
from contextcompany.local.dashboard.frame.rendering import query_pairs
from contextcompany.local.store.filters import (
    FEEDBACK,
    METADATA_PREFIX,
    ORDERS,
    STATUSES,
    FilterError,
    RunFilter,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from fastapi import Request

RANGES: Final = (("1h", "1 hour"), ("24h", "24 hours"), ("7d", "7 days"), ("30d", "30 days"))
"""Stretches of time that are offered, as `since` takes them."""

_KEY_FIELD: Final = "metadata-key"
_VALUE_FIELD: Final = "metadata-value"

_LABELS: Final = {
    "text": "Text",
    "agent": "Agent",
    "user": "User",
    "org": "Organisation",
    "session": "Session",
    "status": "Status",
    "model": "Model",
    "tool": "Tool",
    "error": "Error",
    "feedback": "Feedback",
    "since": "Since",
    "until": "Until",
    "order": "Order",
}
_SUGGESTED: Final = frozenset({"agent", "user", "org", "session", "model", "tool", "error"})
_TYPED: Final = ("agent", "user", "org", "session", "model", "tool", "error", "since", "until")
_HINTS: Final = {"since": "7d, or 2026-05-01T12:00", "until": "1h, or 2026-05-01T12:00"}
_STATUS_NAMES: Final = {"ok": "OK", "partial": "Partial", "failed": "Failed", "open": "Running"}
_FEEDBACK_NAMES: Final = {
    "up": "Thumbs up",
    "down": "Thumbs down",
    "text": "With text",
    "any": "Any feedback",
    "none": "No feedback",
}
_ORDER_NAMES: Final = {
    "newest": "Newest first",
    "oldest": "Oldest first",
    "slowest": "Slowest first",
    "costliest": "Costliest first",
    "most-tokens": "Most tokens first",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field to type into; `suggest` names what it is completed from."""

    name: str
    label: str
    value: str
    hint: str = ""
    suggest: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """One field with a few values; each option is a value and what it is called."""

    name: str
    label: str
    value: str
    options: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Chip:
    """One condition in force, and the address of the page without it."""

    label: str
    value: str
    without: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What a page was asked for.

    Args:
        path: The path of the page.
        wanted: The filter that holds; an empty one where `error` is set.
        typed: What stands in the fields, right or wrong.
        more: Parameters of the page that are no filter.
        agent: The agent that the page is of, if it is.
        error: What is wrong with the filter.
        redirect: Where the same question has a tidy address, if this one is not.
    """

    path: str
    wanted: RunFilter
    typed: Mapping[str, str]
    more: Mapping[str, str] = field(default_factory=dict[str, str])
    agent: str = ""
    error: FilterError | None = None
    redirect: str | None = None

    @property
    def status(self) -> int:
        """The status that the page is answered with."""
        return 200 if self.error is None else 400

    def at(self, path: str | None = None, **changes: str) -> str:
        """Return the address of this page, or another, with some conditions changed."""
        return page_path(path or self.path, self._own(self.wanted.but(**changes)), self._kept())

    def going_on(self, cursor: str) -> str:
        """Return the address of this page from a cursor on."""
        return page_path(self.path, self._own(self.wanted), [*self._kept(), ("cursor", cursor)])

    def without_metadata(self, key: str) -> str:
        """Return the address of this page without the condition on a key of metadata."""
        kept = tuple(pair for pair in self.wanted.metadata if pair[0] != key)
        return page_path(self.path, self._own(replace(self.wanted, metadata=kept)), self._kept())

    def _own(self, wanted: RunFilter) -> RunFilter:
        """Leave out what the path of the page says already."""
        return wanted.but(agent="") if self.agent else wanted

    def _kept(self) -> list[tuple[str, str]]:
        return [(name, value) for name, value in self.more.items() if name != "cursor"]


@dataclass(frozen=True, slots=True)
class FilterForm:
    """Everything that the template of the form shows."""

    asked: Asked
    text: str
    choices: tuple[Choice, ...]
    fields: tuple[Field, ...]
    chips: tuple[Chip, ...]
    hidden: tuple[tuple[str, str], ...]
    error_name: str
    error_text: str
    open: bool


def read_question(request: Request, path: str, more: Sequence[str] = (), *, agent: str = "") -> Asked:
    """Read what a page is asked for from the parameters of a request.

    Args:
        request: The request.
        path: The path of the page.
        more: The names of its parameters that are no filter.
        agent: The agent that the page is of; its path says so, not a parameter.
    """
    pairs = query_pairs(request)
    others = {name: value for name, value in pairs if name in more and value}
    given = _tidied(pairs, more)
    try:
        wanted = RunFilter.of([*given, ("agent", agent)])
    except FilterError as error:
        return Asked(path, RunFilter(agent=agent), dict(given), others, agent, error)
    untidy = any(not value or name in {_KEY_FIELD, _VALUE_FIELD} for name, value in pairs)
    asked = Asked(path, wanted, dict(given), others, agent)
    return replace(asked, redirect=asked.at()) if untidy else asked


def range_links(asked: Asked) -> tuple[tuple[str, str, bool], ...]:
    """Return the stretches of time to choose from: what each is called, where it leads, whether it is on."""
    wanted = asked.wanted
    chosen = [
        (label, asked.at(since=since, until=""), wanted.since == since and not wanted.until)
        for since, label in RANGES
    ]
    return (*chosen, ("All time", asked.at(since="", until=""), not wanted.since and not wanted.until))


def filter_form(asked: Asked, *, leave_out: Iterable[str] = ()) -> FilterForm:
    """Make the form of a page.

    Args:
        asked: What the page was asked for.
        leave_out: Conditions that the page sets itself, or that mean nothing on it.
    """
    left_out = frozenset(leave_out)
    typed = asked.typed
    choices = tuple(
        choice
        for choice in (
            Choice(
                "status", "Status", typed.get("status", ""), _options("Any status", STATUSES, _STATUS_NAMES)
            ),
            Choice(
                "feedback",
                "Feedback",
                typed.get("feedback", ""),
                _options("Feedback", FEEDBACK, _FEEDBACK_NAMES),
            ),
            Choice("order", "Order", typed.get("order", ""), _options("", ORDERS, _ORDER_NAMES)),
        )
        if choice.name not in left_out
    )
    own = tuple(
        Field(
            name, _LABELS[name], typed.get(name, ""), _HINTS.get(name, ""), name if name in _SUGGESTED else ""
        )
        for name in _TYPED
        if name not in left_out
    )
    metadata = tuple(
        Field(name, name.removeprefix(METADATA_PREFIX), value, "", name)
        for name, value in typed.items()
        if name.startswith(METADATA_PREFIX)
    )
    error_name = "" if asked.error is None else asked.error.name
    shown = {item.name for item in own + metadata}
    return FilterForm(
        asked,
        typed.get("text", ""),
        choices,
        own + metadata,
        _chips(asked, left_out),
        tuple(pair for pair in asked.more.items() if pair[0] != "cursor"),
        error_name,
        "" if asked.error is None else str(asked.error),
        error_name in shown,
    )


def _chips(asked: Asked, left_out: frozenset[str]) -> tuple[Chip, ...]:
    wanted = asked.wanted
    names = {"status": _STATUS_NAMES, "feedback": _FEEDBACK_NAMES, "order": _ORDER_NAMES}
    found: list[Chip] = []
    for name, value in wanted.pairs():
        # A stretch of time that is offered is marked where it is offered.
        if name in left_out or (name == "since" and value in dict(RANGES) and not wanted.until):
            continue
        if name.startswith(METADATA_PREFIX):
            key = name.removeprefix(METADATA_PREFIX)
            found.append(Chip(key, value, asked.without_metadata(key)))
        else:
            cleared = "newest" if name == "order" else ""
            found.append(
                Chip(_LABELS[name], names.get(name, {}).get(value, value), asked.at(**{name: cleared}))
            )
    return tuple(found)


def _options(nothing: str, values: Iterable[str], names: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    own = tuple((value, names[value]) for value in values)
    return (("", nothing), *own) if nothing else own


def _tidied(pairs: Iterable[tuple[str, str]], more: Sequence[str]) -> list[tuple[str, str]]:
    """Leave out what is no filter, and put the two fields of a new condition on metadata together."""
    kept: list[tuple[str, str]] = []
    key = value = ""
    for name, given in pairs:
        if name == _KEY_FIELD:
            key = given
        elif name == _VALUE_FIELD:
            value = given
        elif given and name not in more:
            kept.append((name, given))
    if key and value:
        kept.append((METADATA_PREFIX + key, value))
    return kept
