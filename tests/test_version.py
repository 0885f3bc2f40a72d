"""The version that spans carry."""

from __future__ import annotations

from importlib.metadata import version

from contextcompany.version import VERSION


def test_it_is_the_one_of_the_distribution() -> None:
    """What spans carry is what the metadata of the installed distribution says."""
    assert version("contextcompany-otel") == VERSION
