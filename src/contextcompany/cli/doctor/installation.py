"""What is installed: versions, and the namesake that takes our import name."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from contextcompany.cli.doctor.findings import Finding

TOPIC: Final = "installation"

OURS: Final = "contextcompany-otel"
NAMESAKE: Final = "contextcompany"
_OTHERS: Final = (
    "opentelemetry-api",
    "opentelemetry-sdk",
    "opentelemetry-exporter-otlp-proto-http",
    "genai-prices",
    "fastapi",
    "uvicorn",
    "typer",
)


def versions() -> dict[str, str]:
    """Return the versions of Python, this package and what it stands on, as far as it is there."""
    found = {"python": platform.python_version()}
    for name in (OURS, *_OTHERS):
        known = _version(name)
        if known is not None:
            found[name] = known
    return found


def installation() -> tuple[Finding, ...]:
    """Tell what is installed, and warn where two distributions share the import name."""
    found = versions()
    findings = [
        Finding(TOPIC, "ok", f"{OURS} {found.get(OURS, 'from a checkout')}, Python {found['python']}"),
    ]
    if _version(NAMESAKE) is not None:
        findings.append(
            Finding(
                TOPIC,
                "problem",
                f"{NAMESAKE} and {OURS} are both installed, and which one is imported is chance",
                f"pip uninstall both, then pip install '{OURS}[local]'",
            )
        )
    if "genai-prices" not in found:
        findings.append(
            Finding(TOPIC, "note", f"steps get no cost: pip install '{OURS}[cost]' adds the prices")
        )
    return tuple(findings)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
