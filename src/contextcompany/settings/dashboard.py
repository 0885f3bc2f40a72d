"""Where people look at runs: the address of a dashboard, and of one run on it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit, urlunsplit

from contextcompany.settings.destination import is_loopback, traces_url

if TYPE_CHECKING:
    from contextcompany.settings.destination import Destination

_DOTS: Final = re.compile(r"~*\.{1,2}")


def dashboard_address(value: str, *, name: str = "dashboard_url") -> str:
    """Check the address of a dashboard.

    Args:
        value: an http or https URL, with a path or without.
        name: the argument or variable, for the error message.

    Returns:
        The URL without what may be a secret: user, password, query and fragment; no slash at its end.

    Raises:
        ValueError: for a text that is no http(s) URL with a host.
    """
    parts = urlsplit(traces_url(value, name=name, verbatim=True)[0])
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))


def dashboard_beside(destination: Destination) -> str | None:
    """Return the dashboard at a destination on this machine, where the local collector has one; else None."""
    if not is_loopback(destination.url):
        return None
    parts = urlsplit(destination.url)
    return urlunsplit((parts.scheme, parts.netloc, "", "", ""))


def run_address(dashboard: str, run_id: str) -> str:
    """Return the address of a run on a dashboard."""
    # No id may reach out of its place in the path, and browsers resolve segments of dots whatever their form.
    segment = f"~{run_id}" if _DOTS.fullmatch(run_id) else run_id
    return f"{dashboard}/runs/{quote(segment, safe='', errors='replace')}"
