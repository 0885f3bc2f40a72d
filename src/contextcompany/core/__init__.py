"""Ids as text and aware times in UTC, as the samples of the context system use them."""

from __future__ import annotations

from datetime import UTC, datetime

from contextcompany.propagation.ids import new_id

__all__ = ["generate_id", "now_utc"]


def generate_id() -> str:
    """Return a new random UUID (version 4) as text."""
    return new_id()


def now_utc() -> datetime:
    """Return the current time as an aware datetime in UTC."""
    return datetime.now(tz=UTC)
