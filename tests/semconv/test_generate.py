"""Tests of the generator in `semconv/generate.py`, run as its users run it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULE = Path("src", "contextcompany", "semconv", "attributes.py")
PAGE = Path("semconv", "README.md")


def generate(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the generator of a checkout."""
    # Without PYTHONPATH, and writing no bytecode into the checkout, nothing but the checkout itself counts.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    return subprocess.run(
        [sys.executable, "-B", "semconv/generate.py", *arguments],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Copy the registry, the generator and what it wrote."""
    shutil.copytree(ROOT / "semconv", tmp_path / "semconv", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / MODULE).parent.mkdir(parents=True)
    shutil.copy(ROOT / MODULE, tmp_path / MODULE)
    return tmp_path


def replace(path: Path, old: str, new: str) -> None:
    """Replace a text that occurs in a file."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


class TestCheck:
    """`--check` compares and writes nothing."""

    def test_checkout_is_up_to_date(self) -> None:
        """The constants and the page of this checkout are what the registry says."""
        done = generate(ROOT, "--check")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    def test_changed_key_is_noticed(self, checkout: Path) -> None:
        """A key that changes in the YAML makes both outputs stale, by name, and neither is touched."""
        for name in ("attributes.yaml", "spans.yaml"):
            replace(checkout / "semconv" / name, "tcc.stepId", "tcc.stepNumber")
        before = [(checkout / name).read_bytes() for name in (MODULE, PAGE)]
        done = generate(checkout, "--check")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.splitlines() == [
            "src/contextcompany/semconv/attributes.py is out of date; run python semconv/generate.py",
            "semconv/README.md is out of date; run python semconv/generate.py",
        ]
        assert [(checkout / name).read_bytes() for name in (MODULE, PAGE)] == before

    @pytest.mark.parametrize("output", [MODULE, PAGE], ids=["module", "page"])
    def test_edited_output_is_noticed(self, checkout: Path, output: Path) -> None:
        """An output edited by hand is stale, and only that one is named."""
        replace(checkout / output, "tcc.runId", "tcc.runID")
        done = generate(checkout, "--check")
        assert done.returncode == 1
        assert done.stderr == f"{output.as_posix()} is out of date; run python semconv/generate.py\n"

    @pytest.mark.parametrize("output", [MODULE, PAGE], ids=["module", "page"])
    def test_missing_output_is_noticed(self, checkout: Path, output: Path) -> None:
        """An output that was removed is stale."""
        (checkout / output).unlink()
        done = generate(checkout, "--check")
        assert done.returncode == 1
        assert done.stderr == f"{output.as_posix()} is out of date; run python semconv/generate.py\n"


class TestWrite:
    """Without an argument the outputs are written."""

    def test_changed_key_is_written(self, checkout: Path) -> None:
        """A key that changes in the YAML changes in both outputs, and then they are up to date."""
        for name in ("attributes.yaml", "spans.yaml"):
            replace(checkout / "semconv" / name, "tcc.stepId", "tcc.stepNumber")
        done = generate(checkout)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == "wrote src/contextcompany/semconv/attributes.py\nwrote semconv/README.md\n"
        module = (checkout / MODULE).read_text(encoding="utf-8")
        assert 'TCC_STEP_NUMBER: Final = "tcc.stepNumber"\n"""Identifier of the step."""\n' in module
        assert "TCC_STEP_ID" not in module
        assert "`tcc.stepNumber`" in (checkout / PAGE).read_text(encoding="utf-8")
        assert generate(checkout, "--check").returncode == 0

    def test_up_to_date_outputs_are_left_alone(self, checkout: Path) -> None:
        """Files that are right are not written again."""
        done = generate(checkout)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    def test_unknown_reference_is_refused(self, checkout: Path) -> None:
        """A span that refers to a key nobody defined stops the generator, and the key is named."""
        replace(checkout / "semconv" / "spans.yaml", "ref: tcc.stepId", "ref: tcc.stepName")
        done = generate(checkout)
        assert done.returncode == 1
        assert "KeyError: 'tcc.stepName'" in done.stderr

    def test_key_defined_twice_is_refused(self, checkout: Path) -> None:
        """A key with two definitions stops the generator, and the key is named."""
        replace(checkout / "semconv" / "attributes.yaml", "key: tcc.orgName", "key: tcc.orgId")
        done = generate(checkout)
        assert done.returncode == 1
        assert "ValueError: attributes.yaml defines tcc.orgId twice; keep one definition" in done.stderr

    def test_too_long_line_is_refused(self, checkout: Path) -> None:
        """A brief that does not fit its line in the module stops the generator, and the constant is named."""
        brief = "Identifier of the step."
        replace(checkout / "semconv" / "attributes.yaml", brief, brief * 6)
        done = generate(checkout)
        assert done.returncode == 1
        assert "ValueError: TCC_STEP_ID: 144 characters in a line, 110 fit; shorten its brief" in done.stderr
