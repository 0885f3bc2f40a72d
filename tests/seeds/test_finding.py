"""Samples are found in pages with and without mark-up."""

from __future__ import annotations

from typing import Final

from tests.seeds.samples import function_head, samples_of, unfenced

PAGE: Final = """\
Setting a colour
paint()
The colour of a wall. Call w.paint() before you leave.
w.paint(
colour: str,
coats: int = 1
) -> Wall
Colour
w.paint(colour)
Walls
from walls import Wall
# A red one
w = Wall()
w.paint(
"red"
)
from walls import Wall

try:
    w = Wall()

    # Thinly.
    w.paint("blue")
except OSError:
    w.wait()
w.dry()

The wall is blue.
"""


def test_page_without_mark_up() -> None:
    """Rows of statements are samples, each from its import on; headings and sentences are prose."""
    samples, prose = unfenced(PAGE)
    assert samples == [
        "w.paint(\ncolour: str,\ncoats: int = 1\n) -> Wall\n",
        "w.paint(colour)\n",
        'from walls import Wall\n# A red one\nw = Wall()\nw.paint(\n"red"\n)\n',
        PAGE[PAGE.rindex("from walls") : PAGE.rindex("\nThe wall")],
    ]
    assert prose == [
        "Setting a colour",
        "paint()",
        "The colour of a wall. Call w.paint() before you leave.",
        "Colour",
        "Walls",
        "The wall is blue.",
    ]


def test_markdown() -> None:
    """Python fences are samples, whatever stands behind the word; other text and other fences are not."""
    fence = "```"
    text = f"w.paint()\n\n{fence}python theme={{null}}\nw = Wall()\n{fence}\n\n{fence}sh\nls\n{fence}\n\n"
    text += f"{fence}python\nw.dry()\n\nw.end()\n{fence}\n"
    assert [(sample.key, sample.code) for sample in samples_of("007", text)] == [
        ("007-01", "w = Wall()\n"),
        ("007-02", "w.dry()\n\nw.end()\n"),
    ]


def test_signature() -> None:
    """A printed signature becomes the head of a function, with or without types, after its import."""
    assert function_head("w.paint(colour, coats=1)\n") == "def paint(colour, coats=1): ..."
    assert function_head("from walls import wall\nwall(\nname: str\n) -> Wall\n") == (
        "def wall(\nname: str\n) -> Wall: ..."
    )
