"""Every example of the context system runs as a program of its own, and what arrives is what it says."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

import pytest

from contextcompany.local.embedded.collector import Collector
from tests.examples.expected_context import EXPECTED
from tests.examples.test_examples import FOLDER, as_sdk_span, run_example
from tests.registry import check_span
from tests.wire import Matching, arrived

if TYPE_CHECKING:
    from pathlib import Path

CONTEXT: Final = FOLDER / "context"
FILES: Final = sorted(CONTEXT.glob("*.py"))

_MOST_LINES: Final = 75
_LINK: Final = re.compile(r"\[[^\]]*\]\(([^)\s#]+)\)")


@pytest.mark.parametrize("name", [file.name for file in FILES])
def test_example_does_what_it_says(name: str, tmp_path: Path) -> None:
    """An example ends by itself, and exactly its spans arrive at the collector that TCC_URL names."""
    expected = EXPECTED[name]
    with Collector() as collector:
        ended = run_example(f"context/{name}", tmp_path, TCC_URL=collector.url)
        records = collector.store.spans()

    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == Matching(expected.warns)
    assert ended.stdout == Matching(expected.prints)
    # Runs may go on at the same time: only inside of one trace is the order certain.
    seen = sorted(arrived(records), key=lambda span: span.trace)
    assert len(seen) == len(expected.spans), [span.name for span in seen]
    assert [
        replace(
            span,
            attributes={key: span.attributes.get(key) for key in wanted.attributes},
            events=[(event, {}) for event, _ in span.events],
        )
        for span, wanted in zip(seen, expected.spans, strict=True)
    ] == expected.spans
    problems = [(span.name, check_span(as_sdk_span(span))) for span in records]
    assert [problem for problem in problems if problem[1]] == []
    if expected.never is not None:
        assert expected.never not in repr(records)


def test_every_example_has_its_expectation() -> None:
    """No example is without a statement of what it does, and no statement without its example."""
    assert sorted(EXPECTED) == [file.name for file in FILES]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_example_is_short_and_explains_itself(file: Path) -> None:
    """An example has at most 75 lines and begins with a docstring."""
    text = file.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= _MOST_LINES
    assert ast.get_docstring(ast.parse(text))


def test_readme_lists_every_example() -> None:
    """The folder's README has one line for each example, and for nothing that is none."""
    text = (CONTEXT / "README.md").read_text("utf-8")
    assert sorted(re.findall(r"^\| \[(\w+\.py)\]\(\1\) \|", text, re.MULTILINE)) == [
        file.name for file in FILES
    ]


def test_links_of_readme_lead_somewhere() -> None:
    """A link of the folder's README names a file that exists."""
    text = (CONTEXT / "README.md").read_text("utf-8")
    assert [link for link in _LINK.findall(text) if not (CONTEXT / unquote(link)).exists()] == []
