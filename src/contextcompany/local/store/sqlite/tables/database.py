"""A file with our tables in it: opened with care, one connection that writes, a few that read."""

from __future__ import annotations

import errno
import os
import queue
import sqlite3
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, Literal

from contextcompany.local.store.rows import StoreError, StoreFullError, StoreLockedError
from contextcompany.local.store.sqlite.tables.schema import APPLICATION_ID, PAGE_BYTES, TABLES, VERSION

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

_BUSY_SECONDS: Final = 10.0
# SQLite takes a negative size for KiB. The whole server stays below 100 MB, so the caches stay small: the
# pages are in the cache of the system as well.
_WRITER_CACHE: Final = -4_096
_READER_CACHE: Final = -2_048
_MOST_READERS: Final = 4
_CHECKPOINT_PAGES: Final = 2_000
_MOST_WAL_BYTES: Final = 64 * 1024 * 1024

_FULL: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE})
_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_PRIMARY: Final = 0xFF


@contextmanager
def explained(path: Path) -> Generator[None]:
    """Turn an error of SQLite into one of the store that says what to do.

    Raises:
        StoreFullError: The disk is full.
        StoreLockedError: Another process writes to the database.
        StoreError: Any other.
    """
    try:
        yield
    except (sqlite3.DataError, sqlite3.IntegrityError):
        # A value that does not fit; the same again would end the same.
        raise
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        if code in _FULL or code & _PRIMARY in _FULL:
            raise StoreFullError(
                f"the disk that holds {path} is full: make room, or keep less with a lower limit"
            ) from error
        if code & _PRIMARY in _DAMAGED:
            raise StoreError(
                f"{path} is no database of this collector or is damaged: "
                f"move it away, or use another one with --db"
            ) from error
        if code & _PRIMARY in _BUSY:
            raise StoreLockedError(
                f"{path} is written to by another process: stop it, or use another database with --db"
            ) from error
        raise StoreError(f"{path} cannot be used: {error}") from error


@contextmanager
def reached(path: Path) -> Generator[None]:
    """Turn an error of the file system into one of the store that says what to do.

    Raises:
        StoreFullError: The disk is full.
        StoreError: Any other.
    """
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise StoreFullError(f"the disk that holds {path} is full: make room") from error
        raise StoreError(
            f"{path} cannot be written to ({error.strerror}): use another database with --db"
        ) from error


def make_folder(path: Path) -> None:
    """Make the folder of a database, for its owner alone."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)


def create(path: Path) -> None:
    """Make sure that a database is there, which its owner alone can read, with our tables in it.

    Raises:
        StoreError: It is one of another version or of another application, damaged, or out of reach.
    """
    with reached(path):
        make_folder(path)
        # SQLite gives the files beside it the same mode.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        _check_privacy(path)
        if not path.stat().st_size:
            _close_to_others(path)
    with explained(path):
        connection = connect(path, "rw")
        try:
            if _is_empty(connection):
                _fill(connection)
            check(connection, path)
        finally:
            connection.close()
    # Not before it is known to be ours: a file that was named by mistake stays as it is.
    _close_to_others(path)


def _close_to_others(path: Path) -> None:
    with suppress(PermissionError):
        path.chmod(0o600)


def _check_privacy(path: Path) -> None:
    """Refuse files that somebody else has put there: in a folder of all, such as /tmp, they would read along.

    Raises:
        StoreError: The database or a file beside it is another user's.
    """
    if os.name != "posix" or os.geteuid() == 0:
        return
    for suffix in ("", "-wal", "-shm", "-journal"):
        try:
            owner = path.with_name(path.name + suffix).stat().st_uid
        except FileNotFoundError:
            continue
        if owner not in {0, os.geteuid()}:
            raise StoreError(
                f"{path}{suffix} belongs to another user: use a database in a folder of your own with --db"
            )


def check(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a database that is not ours.

    Raises:
        StoreError: It is one of another version or of another application.
    """
    application: int = connection.execute("PRAGMA application_id").fetchone()[0]
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION_ID:
        raise StoreError(
            f"{path} is a database of another application: use another one with --db"
            if application or not _is_empty(connection)
            else f"{path} is empty: start `tcc serve` once, or name another database with --db"
        )
    if version != VERSION:
        raise StoreError(
            f"{path} was made by another version of this package (format {version}, this one reads "
            f"{VERSION}): move it away, or use another one with --db"
        )


def connect(path: Path, mode: Literal["ro", "rw"]) -> sqlite3.Connection:
    """Open a connection that any thread may use, one at a time; transactions are begun by hand."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=_BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )
    try:
        connection.execute(f"PRAGMA cache_size = {_READER_CACHE if mode == 'ro' else _WRITER_CACHE}")
        connection.execute("PRAGMA temp_store = MEMORY")
        # A database may come from anyone: what is stored in its schema must not run.
        connection.execute("PRAGMA trusted_schema = OFF")
        if mode == "ro":
            connection.row_factory = sqlite3.Row
        else:
            # What is committed survives the end of the process; a power cut may take the last moments.
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
            connection.execute(f"PRAGMA journal_size_limit = {_MOST_WAL_BYTES}")
    except BaseException:
        connection.close()
        raise
    return connection


def _is_empty(connection: sqlite3.Connection) -> bool:
    found: int = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    return not found


def _fill(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    # All of it or nothing, also when the process ends in the middle.
    connection.executescript(
        f"BEGIN IMMEDIATE;\n{TABLES}\n"
        f"PRAGMA application_id = {APPLICATION_ID};\nPRAGMA user_version = {VERSION};\nCOMMIT;"
    )


class Readers:
    """A few connections that read, lent to one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._is_closed = False
        self._idle: queue.LifoQueue[sqlite3.Connection | None] = queue.LifoQueue()
        for _ in range(_MOST_READERS):
            self._idle.put(None)

    @contextmanager
    def reading(self) -> Generator[sqlite3.Connection]:
        """Lend a connection on which everything that is read is of one moment.

        Raises:
            StoreError: The database cannot be read, or is closed.
        """
        connection = self._idle.get()
        try:
            if self._is_closed:
                raise StoreError(f"{self._path} is closed")
            with explained(self._path):
                if connection is None:
                    connection = connect(self._path, "ro")
                connection.execute("BEGIN")
                try:
                    yield connection
                finally:
                    # An error of the disk has ended it already.
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
        finally:
            if self._is_closed and connection is not None:
                connection.close()
                connection = None
            self._idle.put(connection)

    def close(self) -> None:
        """Close what is not lent out now; what is lent out is closed when it comes back."""
        self._is_closed = True
        idle: list[sqlite3.Connection | None] = []
        while True:
            try:
                idle.append(self._idle.get_nowait())
            except queue.Empty:
                break
        for connection in idle:
            if connection is not None:
                connection.close()
            self._idle.put(None)
