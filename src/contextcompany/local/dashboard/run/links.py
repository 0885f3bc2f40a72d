"""Addresses that the page of a run and that of a session need beside those of pages."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from contextcompany.local.dashboard.frame.addresses import run_path

if TYPE_CHECKING:
    from collections.abc import Callable


def query_path(path: str, **parameters: object) -> str:
    """Write a path with parameters, each of any text."""
    pairs = [(name, str(value)) for name, value in parameters.items()]
    return f"{path}?{urlencode(pairs, errors='replace')}" if pairs else path


def below(address: str) -> Callable[..., str]:
    """Return a function that writes the addresses below that of a run: an action, and parameters."""
    path = run_path(address)

    def at(action: str = "", **parameters: object) -> str:
        return query_path(f"{path}/{action}" if action else path, **parameters)

    return at
