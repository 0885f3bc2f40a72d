"""One small database for all questions to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.local.store.sqlite.filled import filled
from tests.local.store.sqlite.reference import Whole, wholes

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator


class Known(NamedTuple):
    """A database, and what it holds."""

    connection: sqlite3.Connection
    wholes: list[Whole]


@pytest.fixture(scope="session")
def known(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Known]:
    """Fill a database with 400 top-level runs."""
    texts: dict[int, str] = {}
    connection = filled(tmp_path_factory.mktemp("store") / "runs.db", 400, texts)
    yield Known(connection, wholes(connection, texts))
    connection.close()
