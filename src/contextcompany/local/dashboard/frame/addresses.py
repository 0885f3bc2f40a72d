"""The addresses of pages, for names that may be any text."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from contextcompany.local.paths import segment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contextcompany.local.store.filters import RunFilter


def run_path(address: str) -> str:
    """Return the address of the page of a run."""
    return named_path("/runs", address)


def session_path(session_id: str) -> str:
    """Return the address of the page of a session."""
    return named_path("/sessions", session_id)


def agent_path(agent: str) -> str:
    """Return the address of the page of an agent."""
    return named_path("/agents", agent)


def named_path(folder: str, name: str) -> str:
    """Put a name of any text under a folder."""
    return f"{folder}/{segment(name)}"


def page_path(path: str, wanted: RunFilter, more: Iterable[tuple[str, str]] = ()) -> str:
    """Return the address of a page for the runs that are wanted, with more parameters where they are set."""
    pairs = [*wanted.pairs(), *((name, value) for name, value in more if value)]
    return f"{path}?{urlencode(pairs, errors='replace')}" if pairs else path
