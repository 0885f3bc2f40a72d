"""Every code sample of the documents runs, and what arrives at a collector is what it should be."""

from __future__ import annotations

import ast
import re
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import pytest

import contextcompany as tcc
from contextcompany.local.embedded.collector import Collector
from tests.seeds import run_reference, run_usage, step_usage
from tests.seeds.changes import CHANGES, runnable
from tests.seeds.samples import DOCUMENTS, document_text, samples_of, unfenced
from tests.seeds.scenes import NO_VALUE, Scene
from tests.wire import arrived

if TYPE_CHECKING:
    from collections.abc import Iterator

SCENES: Final = [*run_usage.SCENES, *run_reference.SCENES, *step_usage.SCENES]
SIGNATURES: Final = {**run_usage.SIGNATURES, **run_reference.SIGNATURES, **step_usage.SIGNATURES}

# Counted by hand.
NUMBER_OF_SAMPLES: Final = {"000": 18, "001": 15, "002": 20}

_CALL_WITH_ARGUMENTS_OR_ASSIGNMENT: Final = re.compile(r"\w\.\w+\([^)]|^\s*[\w.]+ = ", re.MULTILINE)


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """Run a collector and name it in the environment."""
    with Collector() as running:
        monkeypatch.setenv("TCC_URL", running.url)
        yield running


@cache
def codes() -> dict[str, str]:
    """Return all samples by key; skip where the documents are missing."""
    texts = {document: document_text(document) for document in DOCUMENTS}
    missing = [document for document, text in texts.items() if text is None]
    if missing:
        pytest.skip(f"NOT RUN: the documents {', '.join(missing)} are missing in ../shared/seeds")
    return {
        sample.key: sample.code
        for document, text in texts.items()
        for sample in samples_of(document, text or "")
    }


def execute(code: str, name: str, namespace: dict[str, Any]) -> Any:
    """Run code and return the value of its last line, or NO_VALUE where that is no expression."""
    tree = ast.parse(code, name)
    last = tree.body[-1] if tree.body else None
    if not isinstance(last, ast.Expr):
        exec(compile(tree, name, "exec", dont_inherit=True), namespace)
        return NO_VALUE
    tree.body.pop()
    exec(compile(tree, name, "exec", dont_inherit=True), namespace)
    return eval(compile(ast.Expression(last.value), name, "eval", dont_inherit=True), namespace)


@pytest.mark.parametrize("scene", SCENES, ids=[f"{scene.sample} {scene.title}" for scene in SCENES])
def test_sample_arrives(scene: Scene, collector: Collector) -> None:
    """A sample runs as it is printed, and exactly its spans arrive at the collector that TCC_URL names."""
    namespace = dict(scene.given)
    code = runnable(scene.sample, codes()[scene.sample])
    execute(scene.before, "before", namespace)
    value = execute(code, f"sample {scene.sample}", namespace)
    execute(scene.after, "after", namespace)

    # Handles that the sample leaves open are closed as at the end of a process.
    assert tcc.shutdown(timeout=10)
    assert arrived(collector.store.spans()) == scene.spans
    if scene.value is not NO_VALUE:
        assert value is (namespace[scene.value] if isinstance(scene.value, str) else scene.value)


def test_all_samples_are_covered() -> None:
    """Every sample of the three documents is either run or held against a signature."""
    run = {scene.sample for scene in SCENES}
    assert run & SIGNATURES.keys() == set()
    assert sorted(run | SIGNATURES.keys()) == sorted(codes())
    assert set(CHANGES) <= run


def test_all_samples_are_found() -> None:
    """The documents have as many samples as were counted by hand, and no code stands outside of them."""
    assert Counter(key.partition("-")[0] for key in codes()) == NUMBER_OF_SAMPLES
    fenced = document_text("000") or ""
    assert fenced.count("```") == 2 * NUMBER_OF_SAMPLES["000"]
    for document in ("001", "002"):
        _, prose = unfenced(document_text(document) or "")
        assert _CALL_WITH_ARGUMENTS_OR_ASSIGNMENT.findall("\n".join(prose)) == []


def test_changes_are_needed() -> None:
    """A sample that is changed before it runs is none that could run as it is printed."""
    for key in CHANGES:
        with pytest.raises(SyntaxError):
            compile(codes()[key], key, "exec", dont_inherit=True)


def test_changes_touch_white_space_only() -> None:
    """A change leaves every word of its sample as it is printed."""
    for key in CHANGES:
        assert runnable(key, codes()[key]).split() == codes()[key].split()
