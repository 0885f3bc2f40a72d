"""Ages and sizes as people type them: `30d`, `2GB`."""

from __future__ import annotations

import re
from typing import Final

from contextcompany.cli.failures import CommandError

_AGE: Final = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)\s*(min|h|d|w|y)", re.ASCII | re.IGNORECASE)
_DAYS: Final = {"min": 1 / 1_440, "h": 1 / 24, "d": 1.0, "w": 7.0, "y": 365.0}
_SIZE: Final = re.compile(r"(\d{1,12}(?:\.\d{1,3})?)\s*([kmgt]?)(i?)b?", re.ASCII | re.IGNORECASE)
_POWERS: Final = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_LEAST_BYTES: Final = 1_000_000


def days(option: str, text: str) -> float:
    """Read an age such as `30d`, `12h` or `2w` as days.

    Args:
        option: what it was given with, for the error message.
        text: what was typed.

    Raises:
        CommandError: It is none, or zero.
    """
    found = _AGE.fullmatch(text.strip())
    amount = 0.0 if found is None else float(found[1]) * _DAYS[found[2].lower()]
    if amount <= 0:
        raise CommandError(f"{option}: must be an age such as 12h, 30d or 8w, got {text[:100]!r}")
    return amount


def size(option: str, text: str) -> int:
    """Read a size such as `500MB` or `2GB` as bytes, thousands unless `GiB` is said.

    Args:
        option: what it was given with, for the error message.
        text: what was typed.

    Raises:
        CommandError: It is none, or less than 1 MB.
    """
    found = _SIZE.fullmatch(text.strip())
    base = 1_024 if found is not None and found[3] else 1_000
    amount = 0 if found is None else round(float(found[1]) * base ** _POWERS[found[2].lower()])
    if amount < _LEAST_BYTES:
        raise CommandError(f"{option}: must be a size such as 500MB or 2GB, at least 1MB, got {text[:100]!r}")
    return amount


def counted(number: int, what: str) -> str:
    """Write how many there are: `1 run`, `1,204 runs`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def size_text(amount: int) -> str:
    """Write a number of bytes with the precision that matters: `312 kB`, `4.2 MB`, `1.3 GB`."""
    step = 1_000.0
    value, unit = float(amount), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        # Where rounding would reach the next unit, the next unit begins.
        if value < step - 0.5 or unit == "TB":
            break
        value /= step
    ten = 10
    return f"{value:.0f} {unit}" if unit == "B" or value >= ten else f"{value:.1f} {unit}"
