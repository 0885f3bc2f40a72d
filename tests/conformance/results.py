"""What was found, kept as JSON beside this file: a run of one package leaves the others as they are."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.conformance.adapter import Adapter
    from tests.conformance.program import Check, Program

FOLDER: Final = Path(__file__).with_name("results")


@dataclass(frozen=True)
class Results:
    """What all programs gave with one package.

    Attributes:
        version: the version of the package.
        python: the version of Python.
        opentelemetry: the version of the OpenTelemetry SDK.
        found: what each check of each program found, by their names.
    """

    version: str
    python: str
    opentelemetry: str
    found: Mapping[str, Mapping[str, str]]

    def passed(self, program: Program, check: Check) -> bool | None:
        """Tell whether a check passed; None where it has not been run."""
        found = self.found.get(program.name, {}).get(check.name)
        return None if found is None else found == check.expected


def path(adapter: type[Adapter]) -> Path:
    """Return the file that keeps the results of a package."""
    return FOLDER / f"{adapter.distribution}.json"


def save(adapter: type[Adapter], results: Results) -> None:
    """Keep results, in place of earlier ones of the same package."""
    FOLDER.mkdir(exist_ok=True)
    text = json.dumps(asdict(results), indent=2, ensure_ascii=False)
    path(adapter).write_text(f"{text}\n", encoding="utf-8")


def load(adapter: type[Adapter]) -> Results | None:
    """Return the kept results of a package, None where there are none."""
    file = path(adapter)
    return Results(**json.loads(file.read_text(encoding="utf-8"))) if file.exists() else None
