"""A server with a store in memory for the tests of intake."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.local.intake.serving import Kept, served

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def store() -> Kept:
    """Keep what arrives during one test."""
    return Kept()


@pytest.fixture
def port(store: Kept) -> Iterator[int]:
    """Serve the routes of intake during one test, on the port that this is."""
    with served(store) as serving:
        yield serving
