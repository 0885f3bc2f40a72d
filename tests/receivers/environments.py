"""One virtual environment per receiver, below `.venvs` in the checkout."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from tests.receivers.processes import ROOT, run_program

if TYPE_CHECKING:
    from pathlib import Path

INSTALL_TIMEOUT = 1800.0
"""Seconds; a receiver brings up to 850 MB."""


def environment(name: str, requirement: str) -> Path:
    """Return the folder of an environment that holds `requirement`, created when it is not there yet.

    A file in the environment names what it was made for, and where: the scripts in it do not survive a move.
    It is written last, so an interrupted installation is made anew, like one for another requirement.
    """
    folder = ROOT / ".venvs" / name
    stamp = folder / ".installed"
    made_for = f"{requirement} in {folder}"
    python = folder / "bin" / "python"
    if python.exists() and stamp.is_file() and stamp.read_text(encoding="utf-8") == made_for:
        return folder
    where = folder.relative_to(ROOT)
    print(f"installing {requirement} into {where} (a large download, once) ...", flush=True)
    started = time.monotonic()
    run_program([sys.executable, "-m", "venv", "--clear", str(folder)], timeout=INSTALL_TIMEOUT)
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--quiet"]
    run_program([*pip, "install", requirement], timeout=INSTALL_TIMEOUT, clean=False)
    stamp.write_text(made_for, encoding="utf-8")
    print(f"installed in {time.monotonic() - started:.0f} s", flush=True)
    return folder


def version(folder: Path, distribution: str) -> str:
    """Return the version of a distribution that is installed in an environment."""
    code = f"import importlib.metadata; print(importlib.metadata.version({distribution!r}))"
    return run_program([str(folder / "bin" / "python"), "-c", code], timeout=60.0).strip()
