"""W3C baggage as text: read members out of it, and write members of ours beside those of others.

Members of others stay as they are written, with their properties: reading them into OpenTelemetry's
context and writing them again would lose these.

Source: W3C Baggage, https://www.w3.org/TR/baggage/.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

MOST_BYTES: Final = 8_192
MOST_MEMBERS: Final = 180
# OpenTelemetry's propagator drops longer members on their way through a process.
MOST_MEMBER_BYTES: Final = 4_096
# Far beyond the bounds, for members of ours that stand behind too many of others.
_MOST_READ: Final = 65_536


def member(name: str, value: str) -> str:
    """Return a member with a percent-encoded value. The value must hold no lone surrogates."""
    return f"{name}={quote(value, safe='')}"


def found(text: str, wanted: Iterable[str]) -> dict[str, str]:
    """Return the values of the wanted members, decoded; the first of a name counts.

    What is malformed, too long or far beyond the bounds of the specification is passed over.
    """
    names = frozenset(wanted)
    values: dict[str, str] = {}
    if len(text) > _MOST_READ:
        text = text[:_MOST_READ].rpartition(",")[0]
    for part in _parts(text):
        name, equals, rest = part.partition("=")
        name = name.strip(" \t")
        if not equals or name not in names or name in values or len(part) > MOST_MEMBER_BYTES:
            continue
        # OpenTelemetry for Python writes a space as a plus; a plus of ours is always percent-encoded.
        values[name] = unquote_plus(rest.partition(";")[0].strip(" \t"))
    return values


def merged(text: str, ours: Mapping[str, str], known: frozenset[str]) -> tuple[str, list[str]]:
    """Return baggage with our members behind those of others, and the names that did not fit.

    Args:
        text: the baggage so far; members of it with a known name are replaced.
        ours: members by name, the most important one first.
        known: all names of ours.
    """
    kept = [part for part in _parts(text) if part.partition("=")[0].strip(" \t") not in known]
    size = sum(len(part.encode("utf-8", "surrogatepass")) + 1 for part in kept) - 1
    left_out: list[str] = []
    for name, value in ours.items():
        written = member(name, value)
        fits = size + 1 + len(written) <= MOST_BYTES and len(kept) < MOST_MEMBERS
        if fits and len(written) <= MOST_MEMBER_BYTES:
            kept.append(written)
            size += 1 + len(written)
        else:
            left_out.append(name)
    return ",".join(kept), left_out


def _parts(text: str) -> Iterator[str]:
    return (part for part in (piece.strip(" \t") for piece in text.split(",")) if part)
