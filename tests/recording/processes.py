"""Python in another process, for what must hold between processes and at their end."""

from __future__ import annotations

import os
import subprocess
import sys
from textwrap import dedent


def run_python(script: str, **environment: str) -> str:
    """Run a script with more environment variables and return what it printed; it must succeed in silence."""
    completed = subprocess.run(
        [sys.executable, "-c", dedent(script)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert completed.returncode == 0, completed.stderr
    return completed.stdout.strip()
