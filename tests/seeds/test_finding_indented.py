"""Samples are found in pages that lost their fences and kept their indentation."""

from __future__ import annotations

from typing import Final

from tests.seeds.indented import indented

PAGE: Final = """\
Walls

Colour
Paint it.

@dataclass(frozen=True)  # once
class Wall(
    Base,
):
    colour: str

    def paint(self) -> None:
        wall = None

# Then:
result = await paint(
    Wall("red"),
)
if result:
    wall = 1
else:
    wall = 2

A wall is a wall.
Wall(colour)
Field Type
wall Wall The wall.

wall.dry()

"""


def test_indented_page() -> None:
    """Statements with what is indented below them are samples; headings, sentences and tables are prose."""
    samples, prose = indented(PAGE)
    assert samples == [
        PAGE[PAGE.index("@dataclass") : PAGE.index("\nA wall is")],
        "Wall(colour)\n",
        "wall.dry()\n",
    ]
    assert prose == [
        "Walls",
        "Colour",
        "Paint it.",
        "A wall is a wall.",
        "Field Type",
        "wall Wall The wall.",
    ]


def test_page_without_code() -> None:
    """A page of prose has no sample, an empty one neither."""
    assert indented("Walls are\nred, most often.\n") == ([], ["Walls are", "red, most often."])
    assert indented("") == ([], [])
