"""Run the command `tcc` as `python -m contextcompany`."""

from __future__ import annotations

import sys

from contextcompany.cli import main

if __name__ == "__main__":
    sys.exit(main())
