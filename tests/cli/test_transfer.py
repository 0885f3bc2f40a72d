"""`tcc export` and `tcc import`: whole files, all or nothing."""

from __future__ import annotations

import errno
import json
import os
import stat
from typing import TYPE_CHECKING, Any

import pytest

from contextcompany.local.store.sqlite.store import SqliteRunStore
from tests.cli.conftest import RUNS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ended


def test_there_and_back(tcc: Callable[..., Ended], filled: Path, tmp_path: Path) -> None:
    """What is exported and imported elsewhere is exported there alike."""
    lines, there = tmp_path / "runs.jsonl", str(tmp_path / "there.db")
    assert tcc("export", str(lines)) == (0, "", f"4 lines written to {lines}.\n")
    assert tcc("import", str(lines), "--db", there) == (0, "", "4 spans taken in.\n")
    first, second = (
        [json.loads(line) for line in tcc("export", "--db", one).out.splitlines()]
        for one in (str(filled), there)
    )
    assert [line["resourceSpans"] for line in first] == [line["resourceSpans"] for line in second]
    assert [line["run"]["address"] for line in second] == [*reversed(RUNS)]
    assert stat.S_IMODE(lines.stat().st_mode) == 0o600


@pytest.mark.usefixtures("filled")
def test_an_export_can_be_filtered(tcc: Callable[..., Ended]) -> None:
    """The filters are those of the page."""
    (line,) = tcc("export", "--status", "failed").out.splitlines()
    assert json.loads(line)["run"]["address"] == RUNS[-1]


@pytest.mark.usefixtures("filled")
def test_no_file_is_overwritten_unasked(tcc: Callable[..., Ended], tmp_path: Path) -> None:
    """A file that is there stays, unless it is to be replaced."""
    file = tmp_path / "runs.jsonl"
    file.write_text("mine")
    code, out, err = tcc("export", str(file))
    assert (code, out) == (2, "")
    assert err == f"tcc: {file} is there already: name another file, or replace it with --force\n"
    assert file.read_text() == "mine"
    assert tcc("export", str(file), "--force").code == 0
    assert len(file.read_text("utf-8").splitlines()) == 4


@pytest.mark.usefixtures("filled")
def test_a_full_disk_leaves_no_half_file(
    tcc: Callable[..., Ended], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be written whole is not there; one line says why."""

    def full(*_: Any) -> Any:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fdopen", full)
    code, _, err = tcc("export", str(tmp_path / "runs.jsonl"))
    assert (code, err) == (2, "tcc: the disk is full: make room, or use another one\n")
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize("bad", ["{", "[]", "{}", '{"resourceSpans": 1}', "\x00"])
def test_an_import_is_all_or_nothing(
    tcc: Callable[..., Ended], filled: Path, tmp_path: Path, bad: str
) -> None:
    """A line that cannot be read is named, and nothing of the others is taken in."""
    good = tcc("export").out
    file, there = tmp_path / "runs.jsonl", tmp_path / "there.db"
    file.write_text(f"{good}{bad}\n{good}", "utf-8")
    code, out, err = tcc("import", str(file), "--db", str(there))
    assert (code, out) == (2, "")
    assert err.startswith("tcc: line 5: ")
    assert err.endswith("; nothing was taken in\n")
    with SqliteRunStore.open(there, read_only=True) as store:
        assert store.stats().spans == 0


def test_a_file_that_is_not_there(tcc: Callable[..., Ended], database: Path, tmp_path: Path) -> None:
    """The line names it, and no database is made."""
    assert tcc("import", str(tmp_path / "none.jsonl")) == (
        2,
        "",
        f"tcc: No such file or directory: {tmp_path / 'none.jsonl'}\n",
    )
    assert not database.exists()
