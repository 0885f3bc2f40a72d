"""A database with runs in it, and the command run in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from contextcompany.cli import main
from contextcompany.local.store.sqlite.store import SqliteRunStore
from contextcompany.semconv import attributes
from tests.local import agent_spans

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RUNS = ("alpha-1", "alpha-2", "beta", "a/b é")


class Ended(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Name the database of this test, which is empty until it is filled; every command works on it."""
    path = tmp_path / "data" / "runs.db"
    monkeypatch.setenv("TCC_LOCAL_DB", str(path))
    return path


@pytest.fixture
def filled(database: Path) -> Path:
    """Fill the database with a few runs, the last of them newest and failed."""
    with SqliteRunStore.open(database) as store:
        for number, run_id in enumerate(RUNS):
            status = ("ERROR", "boom") if number == len(RUNS) - 1 else ("UNSET", "")
            agent = {attributes.TCC_AGENT: "shop"}
            store.add([agent_spans.run(run_id, agent, start_ms=number, status=status)])
    return database


@pytest.fixture
def tcc(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Run a command in this process and return its exit code and what it wrote."""

    def run(*arguments: str) -> Ended:
        capsys.readouterr()
        code = main(arguments)
        return Ended(code, *capsys.readouterr())

    return run
