"""A database is made for its owner alone, and a foreign or damaged one is refused with what to do."""

from __future__ import annotations

import os
import sqlite3
import stat
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from contextcompany.local.store.rows import StoreError
from contextcompany.local.store.sqlite.tables.database import Readers, connect, create
from contextcompany.local.store.sqlite.tables.schema import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    """The folder that is made, the file, and what SQLite puts beside it are the owner's alone."""
    before = os.umask(0)
    try:
        path = tmp_path / "new" / "runs.db"
        create(path)
        with closing(connect(path, "rw")) as connection:
            connection.execute("INSERT INTO counter VALUES ('change', 1)")
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert modes == {"runs.db": 0o600, "runs.db-wal": 0o600, "runs.db-shm": 0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    """An empty file of any mode becomes a database of its owner alone."""
    path = tmp_path / "runs.db"
    path.touch(mode=0o644)
    create(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_a_database_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    """A copy that was made with another mode is the owner's alone again."""
    path = tmp_path / "runs.db"
    create(path)
    path.chmod(0o644)
    create(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"notes of somebody", None])
def test_a_file_that_is_not_ours_stays_as_it_is(tmp_path: Path, content: bytes | None) -> None:
    """A file that is named by mistake keeps its content and its mode."""
    path = tmp_path / "theirs"
    if content is None:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE theirs (a)")
    else:
        path.write_bytes(content)
    path.chmod(0o644)
    before = path.read_bytes(), path.stat().st_mode
    with pytest.raises(StoreError, match="use another one with --db"):
        create(path)
    assert (path.read_bytes(), path.stat().st_mode) == before


def test_it_is_made_once(tmp_path: Path) -> None:
    """Opening it again keeps what is there, in a file that gives room back and is read while written."""
    path = tmp_path / "runs.db"
    create(path)
    with closing(connect(path, "rw")) as connection:
        connection.execute("INSERT INTO counter VALUES ('change', 7)")
    create(path)
    with closing(connect(path, "ro")) as connection:
        assert connection.execute("SELECT value FROM counter").fetchone()[0] == 7
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert connection.execute("PRAGMA auto_vacuum").fetchone()[0] == 2


def _foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE photos (name TEXT)")


def _of_another_version(path: Path) -> None:
    create(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")


def _text(path: Path) -> None:
    path.write_bytes(b"Dear diary, " * 1000)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (_foreign, "another application"),
        (_of_another_version, "another version"),
        (_text, "damaged"),
    ],
)
def test_what_is_not_ours_is_refused_and_left_alone(
    tmp_path: Path, make: Callable[[Path], None], reason: str
) -> None:
    """The message says why and what to do, and not a byte of the file has changed."""
    path = tmp_path / "runs.db"
    make(path)
    before = path.read_bytes()
    with pytest.raises(StoreError, match=reason) as caught:
        create(path)
    assert "--db" in str(caught.value)
    assert path.read_bytes() == before


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A file where a folder must be is an error of the store, with what to do."""
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="--db"):
        create(tmp_path / "file" / "runs.db")


def test_a_reader_sees_one_moment_and_writes_nothing(tmp_path: Path) -> None:
    """What is committed while it reads shows the next time; writing is refused."""
    path = tmp_path / "runs.db"
    create(path)
    readers = Readers(path)
    query = "SELECT count(*) FROM counter"
    with closing(connect(path, "rw")) as writer:
        with readers.reading() as reader:
            assert reader.execute(query).fetchone()[0] == 0
            writer.execute("INSERT INTO counter VALUES ('change', 1)")
            assert reader.execute(query).fetchone()[0] == 0
        with readers.reading() as reader:
            assert reader.execute(query).fetchone()[0] == 1
        with pytest.raises(StoreError, match="readonly"), readers.reading() as reader:
            reader.execute("DELETE FROM counter")
    readers.close()
    with pytest.raises(StoreError, match="closed"), readers.reading():
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such owners")
@pytest.mark.parametrize("name", ["runs.db", "runs.db-wal"])
def test_files_of_another_user_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Who lays a database into a folder of all before its owner does would read along."""
    path = tmp_path / "runs.db"
    create(path)
    other = path.with_name(name)
    other.touch()
    me = os.geteuid()
    if me == 0:
        os.chown(other, 4_321, -1)
    # Root may read all there is, and containers run as root over the files of users.
    monkeypatch.setattr(os, "geteuid", lambda: 54_321)
    with pytest.raises(StoreError, match="belongs to another user"):
        create(path)
