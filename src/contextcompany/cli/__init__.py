"""The command `tcc`: serve and look at runs, move them, and find out why they do not arrive.

It needs the extra `local`; importing this package does not.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

INSTALL_LINE: Final = "pip install 'contextcompany-otel[local]'"

# What the extra brings, by the names under which Python imports it.
_EXTRA: Final = frozenset(
    {"click", "fastapi", "jinja2", "platformdirs", "pydantic", "rich", "starlette", "typer", "uvicorn"}
)
_USAGE_EXIT: Final = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    Args:
        arguments: what was typed behind `tcc`; None for those of this process.
    """
    try:
        from contextcompany.cli.app import run

        return run(sys.argv[1:] if arguments is None else list(arguments))
    except ImportError as error:
        # The drawing of trees says itself what it needs, and names no module.
        missing = error if error.name is not None else error.__cause__
        name = missing.name if isinstance(missing, ImportError) else None
        if name is None or name.partition(".")[0] not in _EXTRA:
            raise
        sys.stderr.write(f"tcc: {name.partition('.')[0]} is not installed: {INSTALL_LINE}\n")
        return _USAGE_EXIT
