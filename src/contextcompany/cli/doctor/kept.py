"""Where `tcc serve` keeps runs on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contextcompany.cli.amounts import counted, size_text
from contextcompany.cli.doctor.findings import Finding
from contextcompany.local.store.rows import StoreError

if TYPE_CHECKING:
    from pathlib import Path

TOPIC: Final = "database"


def kept(path: Path) -> Finding:
    """Tell what the database of `tcc serve` holds."""
    try:
        if not path.exists():
            return Finding(TOPIC, "note", f"no runs are kept on this machine yet: {path}")
        from contextcompany.local.store.sqlite.store import SqliteRunStore

        store = SqliteRunStore.open(path, read_only=True)
        try:
            found = store.stats()
        finally:
            store.close()
    except StoreError as error:
        return Finding(TOPIC, "problem", str(error))
    except OSError as error:
        return Finding(TOPIC, "problem", f"{path}: {error}", "name another with --db or TCC_LOCAL_DB")
    return Finding(TOPIC, "ok", f"{counted(found.runs, 'run')} ({size_text(found.bytes)}) in {path}")
