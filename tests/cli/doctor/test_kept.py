"""What the database of `tcc serve` holds, told without touching it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contextcompany.cli.doctor.kept import kept

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_there(filled: Path) -> None:
    """Runs and size, and where."""
    found = kept(filled)
    assert found.state == "ok"
    assert found.text.startswith("4 runs (")
    assert found.text.endswith(f" in {filled}")


def test_nothing_is_there_yet(tmp_path: Path) -> None:
    """That is no problem, and nothing is made."""
    assert kept(tmp_path / "runs.db").state == "note"
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    """Such as a file that is no database."""
    file = tmp_path / "notes.txt"
    file.write_text("notes " * 1_000)
    found = kept(file)
    assert found.state == "problem"
    # The line of the store says where and what to do.
    assert (found.text.count(str(file)), found.text.count("--db"), found.advice) == (1, 1, "")
