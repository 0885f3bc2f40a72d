"""Contexts of every kind, at module level so that they can be pickled."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from contextcompany import Agent, FrozenRunContext, RunContext
from contextcompany.agents import ScriptedModel

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass
class Plain(RunContext):
    """A required field and one with a default."""

    user_id: str
    tags: list[str] = field(default_factory=list[str])


@dataclass
class Below(Plain):
    """A subclass of a subclass."""

    tenant_id: str = "acme"


@dataclass(frozen=True)
class Frozen(FrozenRunContext):
    """A context that nobody can change."""

    user_id: str


@dataclass(frozen=True)
class FrozenBelow(Frozen):
    """A frozen subclass of a frozen subclass."""

    tenant_id: str = "acme"


@dataclass(slots=True)
class Slotted(RunContext):
    """A context with slots."""

    user_id: str


@dataclass(frozen=True, slots=True)
class FrozenSlotted(FrozenRunContext):
    """A frozen context with slots."""

    user_id: str


@dataclass(kw_only=True)
class ByKeyword(RunContext):
    """A context whose fields go by keyword only."""

    user_id: str


class HandMade(RunContext):
    """A context with a constructor of its own."""

    def __init__(self, user_id: str) -> None:
        self.user_id = user_id


class Calling(RunContext):
    """A context whose constructor calls that of the base."""

    def __init__(self, user_id: str, **more: Any) -> None:
        super().__init__(**more)
        self.user_id = user_id


class Undecorated(RunContext):
    """A context of plain class attributes."""

    user_id = "123"


SUBCLASSES: Mapping[str, Any] = {
    "plain": Plain,
    "below": Below,
    "frozen": Frozen,
    "frozen below": FrozenBelow,
    "slots": Slotted,
    "frozen slots": FrozenSlotted,
    "keywords": ByKeyword,
    "calling": Calling,
}
"""The classes that take `user_id`, `query` and `metadata` by keyword."""


def agent(*replies: Any, name: str = "assistant", **more: Any) -> Agent:
    """Return an agent whose model plays a script."""
    return Agent(name=name, model=ScriptedModel(replies), **more)
