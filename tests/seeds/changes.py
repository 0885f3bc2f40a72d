"""The samples that cannot run as printed, each with the smallest change that lets it, and the reason."""

from __future__ import annotations

from typing import Final, NamedTuple


class Change(NamedTuple):
    """Give lines of a sample (counted from 1) so many levels of indentation."""

    indentation: dict[int, int]
    reason: str


CHANGES: Final = {
    "001-14": Change(
        {5: 1, 6: 1, 7: 1, 8: 1, 10: 1},
        "the page lost its indentation: the bodies of try and except stand at the margin",
    ),
    "001-15": Change(
        {5: 1, 6: 1, 7: 2, 8: 1, 9: 2, 10: 1, 11: 1, 13: 1},
        "the page lost its indentation: the bodies of try, if, else and except stand at the margin",
    ),
}


def runnable(key: str, code: str) -> str:
    """Return a sample with its change applied, if it has one."""
    change = CHANGES.get(key)
    if change is None:
        return code
    lines = code.splitlines(keepends=True)
    return "".join("    " * change.indentation.get(number, 0) + line for number, line in enumerate(lines, 1))
