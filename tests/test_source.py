"""Rules for the source text that no linter knows."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "contextcompany"
SEMCONV = SOURCE / "semconv"

ATTRIBUTE_KEY = re.compile(r"(gen_ai|tcc)\.[A-Za-z0-9_.]+")
VAGUE_NAMES = {"common", "helper", "helpers", "misc", "util", "utils"}
# Written as patterns so that this file does not contain what it looks for.
MACHINE_PATH = re.compile(r"(?<![\w.:/~-])/(?:work|root|home|tmp|Users)/")
REGISTRY_HOST = re.compile(r"https?://[^\s/]*(?:pypi|pythonhosted|npmjs|crates|conda|golang)[^\s/]*/")


def tracked_files() -> list[Path]:
    """List the files that are, or would be, committed."""
    # The first option lets a checkout that belongs to another user (as in CI containers) be listed too.
    git = ["git", "-c", "safe.directory=*"]
    listed = subprocess.run(
        [*git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip(f"not a git checkout, so nothing is tracked: {listed.stderr.strip()}")
    files = [ROOT / name for name in sorted(set(listed.stdout.split("\0")) - {""})]
    return [file for file in files if file.is_file()]


def attribute_constants() -> set[str]:
    """Read the values of the generated attribute constants, without importing them."""
    tree = ast.parse((SEMCONV / "attributes.py").read_text(encoding="utf-8"))
    assigned = [node.value for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign)]
    return {
        value.value
        for value in assigned
        if isinstance(value, ast.Constant) and isinstance(value.value, str) and "." in value.value
    }


def literal_keys(code: str, constants: set[str]) -> list[str]:
    """Find string and bytes constants that are attribute keys, parts of f-strings included."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(ast.parse(code)):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str | bytes):
            continue
        text = node.value if isinstance(node.value, str) else node.value.decode("latin-1")
        if ATTRIBUTE_KEY.fullmatch(text) or text in constants:
            found.append((node.lineno, text))
    return [f"line {number}: {text}" for number, text in sorted(found)]


def prints(code: str) -> list[str]:
    """Find calls of the built-in print."""
    return [
        f"line {node.lineno}: print"
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]


def matches(pattern: re.Pattern[str], text: str) -> list[str]:
    """Find the lines of a text that match."""
    lines = enumerate(text.splitlines(), 1)
    return [f"line {number}: {line}" for number, line in lines if pattern.search(line)]


def python_files(folder: Path) -> list[Path]:
    """List the Python files below a folder."""
    return sorted(folder.rglob("*.py"))


def test_attribute_keys_come_from_the_generated_constants() -> None:
    """Outside semconv no source file spells an attribute key."""
    constants = attribute_constants()
    assert constants, "semconv/attributes.py holds no constants"
    offenders = {
        str(file.relative_to(ROOT)): found
        for file in python_files(SOURCE)
        if not file.is_relative_to(SEMCONV)
        and (found := literal_keys(file.read_text(encoding="utf-8"), constants))
    }
    assert offenders == {}


def test_nothing_prints() -> None:
    """Only the command may print; everything else is a guest and logs."""
    offenders = {
        str(file.relative_to(ROOT)): found
        for file in python_files(SOURCE)
        if "cli" not in (file.stem, *file.relative_to(SOURCE).parts[:1])
        and (found := prints(file.read_text(encoding="utf-8")))
    }
    assert offenders == {}


def test_names_of_modules_say_their_job() -> None:
    """No module or folder is called utils, helpers or common."""
    offenders = [
        str(file.relative_to(ROOT))
        for file in tracked_files()
        if file.suffix == ".py"
        and VAGUE_NAMES & {Path(part).stem.strip("_") for part in file.relative_to(ROOT).parts}
    ]
    assert offenders == []


@pytest.mark.parametrize("pattern", [MACHINE_PATH, REGISTRY_HOST], ids=["machine path", "registry host"])
def test_tracked_files_name_no_machine(pattern: re.Pattern[str]) -> None:
    """No file names a place of the machine it was written on, or a package registry's host."""
    offenders = {
        str(file.relative_to(ROOT)): found
        for file in tracked_files()
        if (found := matches(pattern, file.read_text(encoding="utf-8", errors="replace")))
    }
    assert offenders == {}


def test_the_rule_for_keys_sees_every_spelling() -> None:
    """Keys in plain strings, f-strings, bytes and names without our prefix are found; prose is not."""
    code = """
'''Says what tcc.runId is.'''
plain = "gen_ai.request.model"
joined = f"tcc.metadata.{plain}"
raw = b"tcc.runId"
foreign = "user.id"
prose = "tcc.runId is missing"
"""
    assert literal_keys(code, {"user.id"}) == [
        "line 3: gen_ai.request.model",
        "line 4: tcc.metadata.",
        "line 5: tcc.runId",
        "line 6: user.id",
    ]


def test_the_rule_for_prints_sees_calls_only() -> None:
    """A call of print is found; a method or a word of that name is not."""
    assert prints("print('x')\nconsole.print('x')\ntext = 'print(x)'") == ["line 1: print"]


def test_the_rules_for_machines_see_paths_and_hosts() -> None:
    """Absolute paths of a machine and registry hosts are found; parts of addresses are not."""
    path = ",work,main,x.py".replace(",", "/")
    assert matches(MACHINE_PATH, f"see {path}\nhttps://host{path}\n.{path}") == [f"line 1: see {path}"]
    address = "https:,,files.pypi.example,simple".replace(",", "/")
    assert matches(REGISTRY_HOST, f"at {address}\nmypypi.organic") == [f"line 1: at {address}"]
