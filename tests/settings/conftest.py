"""Fixtures for the settings room: an environment in which nothing of ours is set."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _no_spool_folder(_clean_process: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take back the folder that every other test gets: here the defaults are looked at."""
    monkeypatch.delenv("TCC_SPOOL_DIR", raising=False)
