"""All programs, in the order of the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.conformance.programs import crossings, exits, generator_protocols, generators, providers, sampling

if TYPE_CHECKING:
    from tests.conformance.program import Program


@dataclass(frozen=True)
class Group:
    """Programs that belong together.

    Attributes:
        title: the heading on the page.
        text: what the reader needs to know about them.
        programs: the programs.
    """

    title: str
    text: str
    programs: tuple[Program, ...]


GROUPS: Final = (
    Group(providers.TITLE, providers.TEXT, providers.PROGRAMS),
    Group(sampling.TITLE, sampling.TEXT, sampling.PROGRAMS),
    Group(generators.TITLE, generators.TEXT, (*generators.PROGRAMS, *generator_protocols.PROGRAMS)),
    Group(crossings.TITLE, crossings.TEXT, crossings.PROGRAMS),
    Group(exits.TITLE, exits.TEXT, exits.PROGRAMS),
)
NEXT: Final = exits.NEXT
PROGRAMS: Final = tuple(program for group in GROUPS for program in group.programs)


def program(name: str) -> Program:
    """Return the program with a name; ValueError where there is none."""
    for candidate in (*PROGRAMS, NEXT):
        if candidate.name == name:
            return candidate
    known = ", ".join(candidate.name for candidate in PROGRAMS)
    raise ValueError(f"there is no program {name!r}: choose one of {known}")
