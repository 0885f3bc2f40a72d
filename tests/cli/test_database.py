"""Which database a command works on."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from contextcompany.cli.database import database_path, reading
from contextcompany.cli.failures import CommandError
from contextcompany.local.store.rows import StoreError
from contextcompany.local.store.sqlite.store import SqliteRunStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Ended


def test_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The one that is given, else that of the environment, else one in the user's data directory."""
    monkeypatch.delenv("TCC_LOCAL_DB", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    by_default = database_path(None)
    assert by_default.is_relative_to(tmp_path)
    assert by_default.parts[-2:] == ("contextcompany", "local.db")
    monkeypatch.setenv("TCC_LOCAL_DB", " ~/runs.db ")
    assert database_path(None) == tmp_path / "runs.db"
    monkeypatch.chdir(tmp_path)
    assert database_path(Path("here.db")) == tmp_path / "here.db"
    monkeypatch.setenv("TCC_LOCAL_DB", "")
    assert database_path(None) == by_default


def test_reading_makes_nothing(tmp_path: Path) -> None:
    """A database that is not there is not made by looking for it."""
    with pytest.raises(CommandError, match="start tcc serve"), reading(tmp_path / "runs.db"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_reading_beside_a_writer(tmp_path: Path) -> None:
    """Whoever serves the database keeps nobody from reading it."""
    with SqliteRunStore.open(tmp_path / "runs.db"), reading(tmp_path / "runs.db") as store:
        assert store.stats().runs == 0


@pytest.mark.parametrize(
    "command", [("runs",), ("show", "x"), ("export",), ("serve", "--port", "0"), ("import", "/dev/null")]
)
def test_a_database_of_another_version(
    tcc: Callable[..., Ended], filled: Path, command: tuple[str, ...]
) -> None:
    """Every command refuses it in one line and leaves it as it was."""
    with sqlite3.connect(filled) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    code, out, err = tcc(*command)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "another version" in err
    assert "--db" in err
    with pytest.raises(StoreError, match="another version"):
        SqliteRunStore.open(filled)
