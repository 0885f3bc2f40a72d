"""Send runs to Arize Phoenix and MLflow and read them back: python tests/receivers/run.py [--only NAME].

The checks are the package `tests.receivers`; this file lets it be started by its path from any folder.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    runpy.run_module("tests.receivers", run_name="__main__")
