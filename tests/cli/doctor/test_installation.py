"""What is installed, and the namesake."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING

from contextcompany.cli.doctor import installation as module
from contextcompany.cli.doctor.installation import NAMESAKE, installation, versions

if TYPE_CHECKING:
    import pytest


def test_versions_of_what_matters() -> None:
    """Python, this package and the SDK are told; what is absent is left out."""
    found = versions()
    assert {"python", "contextcompany-otel", "opentelemetry-sdk"} <= found.keys()
    assert all(found.values())


def test_the_namesake_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry's original distribution takes the same import name."""
    assert [one.state for one in installation() if one.state == "problem"] == []

    def version(name: str) -> str:
        return "0.3.2" if name == NAMESAKE else metadata.version(name)

    monkeypatch.setattr(module, "version", version)
    (problem,) = [one for one in installation() if one.state == "problem"]
    assert "both installed" in problem.text
    assert "pip uninstall" in problem.advice


def test_no_prices_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps get no cost then, and the line says what to install."""

    def version(name: str) -> str:
        if name == "genai-prices":
            raise metadata.PackageNotFoundError(name)
        return metadata.version(name)

    monkeypatch.setattr(module, "version", version)
    assert [one.text for one in installation() if one.state == "note"] == [
        "steps get no cost: pip install 'contextcompany-otel[cost]' adds the prices"
    ]
