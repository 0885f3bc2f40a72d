"""Find the code samples in the documents that this package was built from.

The documents lie beside the checkout, in `shared/seeds`, and are no part of it. They are read when the tests
run; document 000 is Markdown, 001 and 002 are pages whose mark-up is lost.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = ROOT.parent / "shared" / "seeds"
DOCUMENTS: Final = ("000", "001", "002")

_FENCED: Final = re.compile(r"^```python\b[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_DECLARED: Final = re.compile(r"(?:\w+\.)?(\w+\(.*\) -> \w+)", re.DOTALL)
_HEAD_OF_A_BLOCK: Final = re.compile(r"(try|else|finally|(if|elif|for|while|with|except)\b.*):")
_MOST_LINES_OF_A_STATEMENT: Final = 12


@dataclass(frozen=True, slots=True)
class Sample:
    """One code sample: its document, its place among the document's samples (from 1 on), its text."""

    document: str
    number: int
    code: str

    @property
    def key(self) -> str:
        """Return the name of the sample in the tables of the tests."""
        return f"{self.document}-{self.number:02}"


def document_text(document: str) -> str | None:
    """Return the text of a document, or None where it does not lie beside the checkout."""
    found = sorted(FOLDER.glob(f"{document}_*.txt"))
    return found[0].read_text(encoding="utf-8") if found else None


def samples_of(document: str, text: str) -> list[Sample]:
    """Return the code samples of a document in the order in which it prints them."""
    codes = _FENCED.findall(text) if "```" in text else unfenced(text)[0]
    return [Sample(document, number, code) for number, code in enumerate(codes, 1)]


def unfenced(text: str) -> tuple[list[str], list[str]]:
    """Part a page without mark-up into its code samples and its lines of prose.

    A sample is a row of Python statements, comments and blank lines. It ends where prose begins, and where an
    import follows other statements.
    """
    lines = text.splitlines()
    samples: list[str] = []
    prose: list[str] = []
    block: list[str] = []
    only_imports = True
    position = 0
    while position < len(lines):
        length = _statement_length(lines, position)
        line = lines[position]
        is_import = line.startswith(("import ", "from "))
        if block and (is_import and not only_imports if length else not _may_continue(line)):
            samples.append(_text(block))
            block = []
        if length:
            only_imports = is_import and (only_imports or not block)
            block += lines[position : position + length]
        elif block:
            block.append(line)
        elif line.strip():
            prose.append(line)
        position += max(length, 1)
    if block:
        samples.append(_text(block))
    return samples, prose


def function_head(code: str) -> str:
    """Return the head of a function for a sample that prints a signature, with or without types."""
    statements = [line for line in code.strip().splitlines() if not line.startswith(("import ", "from "))]
    return "def " + re.sub(r"\A\w+\.", "", "\n".join(statements)) + ": ..."


def _text(block: list[str]) -> str:
    return "\n".join(block).rstrip() + "\n"


def _may_continue(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def _statement_length(lines: list[str], start: int) -> int:
    """Return how many lines the statement takes that begins here; 0 where none does."""
    if _HEAD_OF_A_BLOCK.fullmatch(lines[start].strip()):
        return 1
    for length in range(1, _MOST_LINES_OF_A_STATEMENT + 1):
        if _is_statement("\n".join(lines[start : start + length]).strip()):
            return length
    return 0


def _is_statement(code: str) -> bool:
    if _DECLARED.fullmatch(code):
        code = function_head(code)
    try:
        (node,) = ast.parse(code).body
    except (SyntaxError, ValueError):
        return False
    match node:
        case ast.Expr(ast.Call(ast.Name(), [], [])):
            return False  # a heading, such as the name of a method with its brackets
        case ast.Expr(ast.Call()) | ast.Import() | ast.ImportFrom() | ast.Assign() | ast.FunctionDef():
            return True
        case _:
            return False
