"""A fresh Python process, for promises about imports, exits and forks."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from textwrap import dedent


@dataclass(frozen=True)
class Finished:
    """What a process left behind."""

    code: int
    out: str
    err: str


def python(script: str, *arguments: str, path: str | None = None, **environment: str) -> Finished:
    """Run a script in a new interpreter and wait for its end.

    Args:
        script: the program; common indentation is taken off.
        *arguments: `sys.argv[1:]`.
        path: a folder to put in front of the module search path.
        **environment: further environment variables.
    """
    variables = {**os.environ, **environment}
    if path is not None:
        variables["PYTHONPATH"] = os.pathsep.join(filter(None, (path, variables.get("PYTHONPATH"))))
    completed = subprocess.run(
        [sys.executable, "-c", dedent(script), *arguments],
        env=variables,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    return Finished(completed.returncode, completed.stdout, completed.stderr)
