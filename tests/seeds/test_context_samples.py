"""Every code sample of document 003 runs, and what it records, returns and prints is what it should be."""

from __future__ import annotations

import ast
import asyncio
import dataclasses
import inspect
import json
import os
import re
import subprocess
import sys
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import pytest

import contextcompany as tcc
from contextcompany.context.current import using_context
from contextcompany.context.tool import spec_of
from contextcompany.interceptors import InterceptContext, Phase
from tests.recording.rows import parsed
from tests.seeds.context_changes import CHANGES, runnable
from tests.seeds.context_usage import DEFINITION, SCENES, TEST_FILE, ContextScene
from tests.seeds.indented import indented
from tests.seeds.samples import document_text

if TYPE_CHECKING:
    from pathlib import Path

    from opentelemetry.sdk.trace import ReadableSpan

    from contextcompany.testing import Captured

DOCUMENT: Final = "003"

# Counted by hand.
NUMBER_OF_SAMPLES: Final = 20

_ELAPSED: Final = re.compile(r"elapsed: \d+\.\d")

DEFINING: Final = {"dataclass": dataclasses.dataclass, "field": dataclasses.field, "Any": Any}
"""What the printed class takes from elsewhere."""


@cache
def page() -> tuple[dict[str, str], list[str]]:
    """Return all samples by key, and the lines of prose; skip where the document is missing."""
    text = document_text(DOCUMENT)
    if text is None:
        pytest.skip(f"NOT RUN: the document {DOCUMENT} is missing in ../shared/seeds")
    samples, prose = indented(text)
    return {f"{DOCUMENT}-{number:02}": code for number, code in enumerate(samples, 1)}, prose


def execute(code: str, name: str, namespace: dict[str, Any]) -> None:
    """Run code; in an event loop where it awaits something, and without one where it does not."""
    compiled = compile(code, name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    waiting = eval(compiled, namespace)
    if inspect.iscoroutine(waiting):
        asyncio.run(waiting)


def told(spans: tuple[ReadableSpan, ...]) -> list[str]:
    """Return spans as the lines of a tree: name, prompt or arguments, response or result, status."""
    ids = {span.context.span_id for span in spans if span.context is not None}
    lines: list[str] = []

    def tell(parent: int | None, indent: str) -> None:
        for span in sorted(spans, key=lambda one: one.start_time or 0):
            above = None if span.parent is None else span.parent.span_id
            assert above is None or above in ids
            if above == parent and span.context is not None:
                lines.append(indent + _line(span))
                tell(span.context.span_id, f"{indent}  ")

    tell(None, "")
    assert len({span.context.trace_id for span in spans if span.context is not None}) <= 1
    return lines


def _line(span: ReadableSpan) -> str:
    found = parsed(span)
    line = span.name
    if "gen_ai.tool.name" in found:
        line += f" {found['gen_ai.tool.call.arguments']} -> {found['gen_ai.tool.call.result']}"
    elif found["gen_ai.operation.name"] == "invoke_agent":
        line += f" {_text(found, 'input')!r} -> {_text(found, 'output')!r}"
    code = found["tcc.statusCode"]
    line = _ELAPSED.sub("elapsed: 0.0", line)
    return f"{line} ({code}: {found['tcc.statusMessage']})" if code else line


def _text(found: dict[str, Any], side: str) -> str:
    ((message,), (part,)) = (found[f"gen_ai.{side}.messages"], found[f"gen_ai.{side}.messages"][0]["parts"])
    assert message["role"] == {"input": "user", "output": "assistant"}[side]
    return str(part["content"])


@pytest.mark.parametrize("scene", SCENES, ids=[f"{scene.sample} {scene.title}" for scene in SCENES])
def test_sample_runs(scene: ContextScene, captured: Captured, capsys: pytest.CaptureFixture[str]) -> None:
    """A sample runs, with its change where it has one, and its whole tree of spans is recorded."""
    namespace = scene.namespace()
    execute(scene.before, "before", namespace)
    execute(runnable(scene.sample, page()[0][scene.sample]), f"sample {scene.sample}", namespace)
    execute(scene.after, "after", namespace)
    recorded = captured.spans

    lines = [line.replace("{output}", str(namespace.get("output"))) for line in scene.spans]
    assert told(recorded) == lines
    for expression, expected in scene.values.items():
        value = eval(expression, namespace)
        assert (repr(value) if isinstance(value, tcc.RunContext) else value) == expected
    # Expressions that call tools outside of a run record nothing.
    assert len(captured.spans) == len(recorded)
    assert capsys.readouterr().out == scene.printed
    assert "sk-private" not in json.dumps([parsed(span) for span in recorded])


@pytest.mark.parametrize("key", TEST_FILE)
def test_sample_is_a_test(key: str, tmp_path: Path) -> None:
    """The sample that tests a tool passes under pytest."""
    file = tmp_path / "test_sample.py"
    file.write_text(TEST_FILE[key] + runnable(key, page()[0][key]), encoding="utf-8")
    options = ["-q", "-p", "no:cacheprovider", "-o", "asyncio_mode=auto", "--rootdir", str(tmp_path)]
    finished = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(file)],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (finished.returncode, "1 passed" in finished.stdout) == (0, True), finished.stdout


def test_printed_class_is_ours() -> None:
    """The printed class has our fields, with our defaults, and our methods, with our parameters."""
    namespace: dict[str, Any] = dict(DEFINING)
    execute(runnable(DEFINITION, page()[0][DEFINITION]), f"sample {DEFINITION}", namespace)
    printed = namespace["RunContext"]

    def fields(made: Any) -> list[tuple[Any, ...]]:
        return [(one.name, one.init, one.repr, getattr(made, one.name)) for one in dataclasses.fields(made)]

    assert fields(tcc.RunContext()) == fields(printed())
    assert repr(tcc.RunContext(query="q", metadata={"a": 1})) == repr(printed(query="q", metadata={"a": 1}))
    for name in ("get", "with_metadata"):
        theirs, ours = (inspect.signature(getattr(kind, name)) for kind in (printed, tcc.RunContext))
        assert [(one.name, one.kind, one.default) for one in ours.parameters.values()] == [
            (one.name, one.kind, one.default) for one in theirs.parameters.values()
        ]


def _defined(head: str) -> Any:
    namespace: dict[str, Any] = {"RunContext": tcc.RunContext}
    execute(f"{head}: return ctx", "pattern", namespace)
    return tcc.tool(namespace["my_tool"])


def _derived(head: str) -> Any:
    namespace: dict[str, Any] = {"RunContext": tcc.RunContext, "dataclass": dataclasses.dataclass}
    execute(f"@dataclass\n{head}: user_id: str", "pattern", namespace)
    return namespace["MyContext"]


def test_usage_patterns() -> None:
    """Each line of the table of patterns does what it says."""
    _, prose = page()
    table = prose[prose.index("Pattern Description") + 1 :]
    codes = {" ".join(line.split()[:2]): " ".join(line.split()[2:]) for line in table}
    assert [*codes] == [
        "Tool injection",
        "Optional context",
        "Interceptor access",
        "Metadata access",
        "Extend context",
        "Subclass context",
    ]
    ctx = tcc.RunContext(metadata={"key": "value"})
    injected, optional = _defined(codes["Tool injection"]), _defined(codes["Optional context"])
    with using_context(ctx):
        assert injected() is ctx
        assert optional("a") is ctx
    assert optional("a") is None
    spec = spec_of(optional)
    assert spec is not None
    assert [*spec.schema.parameters["properties"]] == ["arg"]
    context = InterceptContext(agent=None, phase=Phase.PRE_RUN, task="t", run_context=ctx)
    assert eval(codes["Interceptor access"], {"context": context}) is ctx
    assert eval(codes["Metadata access"], {"ctx": ctx}) == "value"
    assert eval("ctx.metadata['key']", {"ctx": ctx}) == "value"
    assert eval(codes["Extend context"], {"ctx": tcc.RunContext()}).metadata == {"key": "value"}
    assert _derived(codes["Subclass context"])(user_id="1").user_id == "1"


def test_built_in_fields() -> None:
    """The table of built-in fields names our fields; the agent is none of them, and None outside of a run."""
    _, prose = page()
    start = prose.index("Field Type Description") + 1
    assert [line.split()[0] for line in prose[start : start + 3]] == ["query", "metadata", "agent"]
    made = tcc.RunContext()
    assert (made.query, made.metadata, made.agent) == ("", {}, None)


def test_all_samples_are_covered() -> None:
    """Every sample of the document is run, once at least, and there are as many as were counted by hand."""
    codes, _ = page()
    run = {scene.sample for scene in SCENES}
    assert sorted(run | TEST_FILE.keys() | {DEFINITION}) == sorted(codes)
    assert len(codes) == NUMBER_OF_SAMPLES
    assert set(CHANGES) <= {*run, DEFINITION}


def test_no_code_is_left_in_the_prose() -> None:
    """What is no sample has no statement in it: sentences, headings, and the lines of two tables."""
    _, prose = page()
    with_code = [line for line in prose if any(mark in line for mark in ("(", "=", "@", "import "))]
    table = prose[prose.index("Pattern Description") + 1 :]
    assert [line for line in with_code if line not in table] == [
        "query str Original user query that initiated execution. Auto-populated on first agent.run()."
    ]


@pytest.mark.parametrize("key", CHANGES)
def test_changes_are_needed(key: str) -> None:
    """A sample that is changed before it runs is none that could run as it is printed."""
    scene = next((scene for scene in SCENES if scene.sample == key), None)
    namespace = scene.namespace() if scene is not None else dict(DEFINING)
    # What stands before this sample imports for itself what the sample forgets to import.
    if scene is not None and key != "003-18":
        execute(scene.before, "before", namespace)
    with pytest.raises((NameError, TypeError)):
        execute(runnable(key, page()[0][key], changed=False), key, namespace)


@pytest.mark.parametrize("key", CHANGES)
def test_changes_have_a_reason(key: str) -> None:
    """A change says why, and keeps every word of what it replaces but the dots of an ellipsis."""
    change = CHANGES[key]
    assert change.reason
    kept = change.printed.replace("...", "").replace("[]", "").split()
    assert [word for word in kept if word.strip("(),:") not in change.instead] == []
