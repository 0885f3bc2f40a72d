"""The process of a program, which `running` starts.

Its arguments: the distribution, the name of the program, the URLs of the package's and of the application's
backend, and the file for notes.
"""

from __future__ import annotations

import platform
import sys
from importlib.metadata import version
from pathlib import Path

from tests.conformance.adapters import adapter
from tests.conformance.program import Stage
from tests.conformance.programs import program


def main(distribution: str, name: str, package_url: str, application_url: str, notes: str) -> None:
    """Run a program with a package in this process."""
    stage = Stage(adapter(distribution)(), package_url, application_url, Path(notes))
    stage.note("package", version(distribution))
    stage.note("python", platform.python_version())
    stage.note("opentelemetry", version("opentelemetry-sdk"))
    try:
        program(name).play(stage)
    except Exception as error:
        stage.note("crash", f"{type(error).__name__}: {error}")
        raise


if __name__ == "__main__":
    main(*sys.argv[1:])
