"""Where a list goes on: opaque text that fits the one question it was given for."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
from typing import TYPE_CHECKING, Final, cast

from contextcompany.local.store.rows import BadCursorError

if TYPE_CHECKING:
    from collections.abc import Sequence

_LONGEST: Final = 512
_LARGEST: Final = 2**63 - 1


def question(*parts: object) -> str:
    """Make a short name for a question; another question has another one."""
    return hashlib.blake2b(repr(parts).encode("utf-8", "replace"), digest_size=9).hexdigest()


def write(asked: str, place: Sequence[float]) -> str:
    """Write a cursor for the place after which the list of a question goes on."""
    text = json.dumps([asked, *place], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read(asked: str, cursor: str, kinds: Sequence[type[int | float]]) -> list[float]:
    """Read where the list of a question goes on.

    Args:
        asked: The name of the question, as the cursor was written with.
        cursor: What was given out, or anything else.
        kinds: What each number of the place must be; a float may also be written as an integer.

    Raises:
        BadCursorError: It is no cursor, or one for another question.
    """
    found = _decoded(cursor)
    if found is None or not isinstance(found, list):
        raise BadCursorError("the cursor is none of this list: leave it out to begin at the top")
    parts = cast("list[object]", found)
    if len(parts) != len(kinds) + 1 or parts[0] != asked:
        raise BadCursorError("the cursor is for another filter or order: leave it out to begin at the top")
    place: list[float] = []
    for part, kind in zip(parts[1:], kinds, strict=True):
        is_whole = isinstance(part, int) and not isinstance(part, bool) and abs(part) <= _LARGEST
        is_broken = kind is float and isinstance(part, float) and not math.isnan(part)
        if not (is_whole or is_broken):
            raise BadCursorError("the cursor is none of this list: leave it out to begin at the top")
        place.append(cast("float", part))
    return place


def _decoded(cursor: str) -> object:
    if len(cursor) > _LONGEST or not cursor.isascii():
        return None
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return json.loads(raw)
    except (binascii.Error, ValueError, RecursionError):
        return None
