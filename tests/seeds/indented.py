"""Find the code samples in a page that lost its fences and kept its indentation, as document 003."""

from __future__ import annotations

import ast
import re
from typing import Final

_MOST_PARTS: Final = 12
"""How many lines at the margin one statement has at most: decorators, brackets, what follows them."""

_BRANCH: Final = re.compile(r"(else|elif|except|finally)\b")


def indented(text: str) -> tuple[list[str], list[str]]:
    """Part a page into its code samples and its lines of prose.

    A sample is a row of statements and comments that begin at the margin, with the indented lines below
    them. It ends where prose begins.
    """
    lines = text.splitlines()
    samples: list[str] = []
    prose: list[str] = []
    block: list[str] = []
    position = 0
    while position < len(lines):
        line = lines[position]
        length = 0
        if not line.strip():
            block += [line] if block else []
        elif length := 1 if line.startswith("#") else _statement_length(lines, position):
            block += lines[position : position + length]
        else:
            samples += [_text(block)] if block else []
            block = []
            prose.append(line)
        position += max(length, 1)
    return samples + ([_text(block)] if block else []), prose


def _text(block: list[str]) -> str:
    return "\n".join(block).rstrip() + "\n"


def _statement_length(lines: list[str], start: int) -> int:
    """Return how many lines the statement takes that begins here; 0 where none does."""
    end = start
    for _ in range(_MOST_PARTS):
        end = _end_of_part(lines, end)
        goes_on = end < len(lines) and _BRANCH.match(lines[end])
        if not goes_on and _is_statement("\n".join(lines[start:end])):
            return end - start
        if end == len(lines):
            break
    return 0


def _end_of_part(lines: list[str], start: int) -> int:
    """Return where the next line at the margin stands."""
    for position in range(start + 1, len(lines)):
        if lines[position].strip() and not lines[position].startswith(" "):
            return position
    return len(lines)


def _is_statement(code: str) -> bool:
    try:
        (node,) = ast.parse(code).body
    except (SyntaxError, ValueError):
        return False
    match node:
        case ast.Expr(ast.Call() | ast.Await()):
            return True
        case ast.Expr():
            return False  # a heading of one word
        case _:
            return True
