"""A clock that shows the same on every machine."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

BERLIN: Final = "CET-1CEST,M3.5.0,M10.5.0/3"
"""A zone with summer time, told whole: not every machine has the names of zones."""


@pytest.fixture(autouse=True)
def _clock_of_utc(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have this machine stand in UTC, or in the zone that the marker `zone` names."""
    mark = request.node.get_closest_marker("zone")
    monkeypatch.setenv("TZ", mark.args[0] if mark else "UTC")
    if hasattr(time, "tzset"):
        time.tzset()
    yield
    monkeypatch.undo()
    if hasattr(time, "tzset"):
        time.tzset()
