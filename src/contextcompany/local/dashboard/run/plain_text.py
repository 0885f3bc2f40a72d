"""Text from spans as a page may show it: escaped, its invisible characters visible, long ones folded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Controls (the escape of terminals among them), formats that turn the direction of text or hide in it (tags
# that spell out words nobody sees among them), separators, halves of surrogate pairs. The joiners of scripts
# and emoji stay.
_UNSEEN: Final = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f\xad"
    "\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e"
    "\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0001\U000e0020-\U000e007f"
    "\ud800-\udfff"
    "]"
)
_LINE_ENDS: Final = re.compile("\r\n?")
# Nothing is tried twice: a line of a span may be made to take long.
_FENCE: Final = re.compile(r"^ {0,3}(`{3,}+|~{3,}+)[ \t]*+([\w+#.-]{0,30}+)[^\n`]*+$", re.MULTILINE)
_JSON_PIECE: Final = re.compile(
    r"""(?P<string>"(?:[^"\\]|\\.)*"?)(?P<colon>\s*:)?"""
    r"""|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<word>\b(?:true|false|null)\b)"""
)

MOST_SHOWN: Final = 20_000
"""So many characters of one text are in a page; the rest is a link away."""

MOST_OPEN_LINES: Final = 28
"""So many lines of one text are seen before it is unfolded."""

_MOST_OPEN_CHARACTERS: Final = 2_400
# A fold that hides less than this is more to look at than what it hides.
_LEAST_FOLDED: Final = 6
_MOST_PIECES: Final = 200


@dataclass(frozen=True, slots=True)
class Folded:
    """A text for a page: `head` is seen at once, `rest` on demand, `left_out` characters are not there.

    `lines` counts those of the rest, `length` the characters of the whole text.
    """

    head: Markup
    rest: Markup
    lines: int
    left_out: int
    length: int


def visible(text: str) -> Markup:
    """Escape a text; what cannot be seen, or changes how the rest is seen, becomes a visible escape."""
    return Markup(  # noqa: S704  # Every piece is escaped.
        _UNSEEN.sub(_escape_sequence, str(escape(_LINE_ENDS.sub("\n", text))))
    )


def prose(text: str, most: int = MOST_SHOWN, lines: int = MOST_OPEN_LINES) -> Folded:
    """Show words: as they stand, fenced code set apart, nothing else of their markup obeyed.

    Args:
        text: Any text.
        most: How many of its characters to show at all.
        lines: How many of its lines to show at once.
    """
    return _folded(text, most, lines, _blocks)


def code(text: str, most: int = MOST_SHOWN, lines: int = MOST_OPEN_LINES) -> Folded:
    """Show JSON with its keys, texts, numbers and words told apart, and anything else as it stands.

    Args:
        text: Any text.
        most: How many of its characters to show at all.
        lines: How many of its lines to show at once.
    """
    is_json = text.lstrip()[:1] in {"{", "["}
    return _folded(text, most, lines, _json_blocks if is_json else _lines_as_they_are)


def _escape_sequence(found: re.Match[str]) -> str:
    return f'<span class="unseen">{ascii(found[0])[1:-1]}</span>'


def _folded(text: str, most: int, lines: int, draw: Callable[[str], Markup]) -> Folded:
    shown = _LINE_ENDS.sub("\n", text[:most])
    if len(text) <= most:
        shown = shown.rstrip("\n")
    cut = _fold_at(shown, lines)
    head, rest = shown[:cut], shown[cut:]
    fences = list(_FENCE.finditer(head)) if draw is _blocks and rest else []
    if len(fences) % 2:
        # Both halves of code that is cut in two are code.
        rest = f"{fences[-1][1]}{fences[-1][2]}\n{rest}"
    return Folded(
        head=draw(head),
        rest=draw(rest) if rest else Markup(),
        lines=rest.count("\n") + 1 if rest else 0,
        left_out=max(0, len(text) - most),
        length=len(text),
    )


def _fold_at(text: str, lines: int) -> int:
    """Find where to fold: after a line, or a word where lines are long; at the end if little is left."""
    end = len(text)
    position = -1
    for _ in range(lines):
        position = text.find("\n", position + 1)
        if position < 0:
            break
    else:
        end = position + 1
    if end > _MOST_OPEN_CHARACTERS:
        line = text.rfind("\n", _MOST_OPEN_CHARACTERS // 2, _MOST_OPEN_CHARACTERS)
        word = text.rfind(" ", _MOST_OPEN_CHARACTERS // 2, _MOST_OPEN_CHARACTERS)
        end = max(line, word) + 1 or _MOST_OPEN_CHARACTERS
    is_little = len(text) - end < _MOST_OPEN_CHARACTERS // 4 and text.count("\n", end) < _LEAST_FOLDED
    return len(text) if is_little else end


def _blocks(text: str) -> Markup:
    drawn = Markup()
    for is_code, language, block in _split_at_fences(text):
        if is_code:
            drawn += Markup('<pre class="fence" data-language="{}"><code>{}</code></pre>').format(
                language, _json_or_text(block) if language.lower() == "json" else visible(block)
            )
        elif block.strip("\n"):
            drawn += Markup('<p dir="auto">{}</p>').format(visible(block.strip("\n")))
    return drawn


def _split_at_fences(text: str) -> Iterator[tuple[bool, str, str]]:
    fences = list(_FENCE.finditer(text))[:_MOST_PIECES]
    if not fences:
        yield False, "", text
        return
    yield False, "", text[: fences[0].start()]
    opening: re.Match[str] | None = None
    ends = [*(fence.start() for fence in fences[1:]), len(text)]
    for fence, end in zip(fences, ends, strict=True):
        is_end = opening is not None and fence[1].startswith(opening[1]) and not fence[2]
        between = text[fence.end() + 1 : end]
        if opening is None:
            opening = fence
            yield True, fence[2], between.removesuffix("\n")
        elif is_end:
            opening = None
            yield False, "", between
        else:
            yield True, opening[2], text[fence.start() : end].removesuffix("\n")


def _json_or_text(text: str) -> Markup:
    drawn: list[str] = []
    end = 0
    for piece in _JSON_PIECE.finditer(text):
        drawn.append(str(visible(text[end : piece.start()])))
        end = piece.end()
        if piece["string"]:
            kind = "key" if piece["colon"] else "string"
            drawn += [f'<span class="j-{kind}">{visible(piece["string"])}</span>', piece["colon"] or ""]
        else:
            drawn.append(f'<span class="j-{"number" if piece["number"] else "word"}">{piece[0]}</span>')
    drawn.append(str(visible(text[end:])))
    return Markup("".join(drawn))  # noqa: S704  # Every piece is escaped or made of digits and letters.


def _json_blocks(text: str) -> Markup:
    return Markup('<pre class="code"><code>{}</code></pre>').format(_json_or_text(text))


def _lines_as_they_are(text: str) -> Markup:
    return Markup('<pre class="code" dir="auto"><code>{}</code></pre>').format(visible(text))
