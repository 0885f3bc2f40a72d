"""The matrix is made of forks and signals, which not every platform has."""

from __future__ import annotations

import sys

collect_ignore = ["test_account.py", "test_faults.py"] if sys.platform == "win32" else []
