"""What of a span has passed the redaction already, before it was written onto the span."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple, cast

if TYPE_CHECKING:
    from opentelemetry.util.types import AnyValue

NOTHING: Final[Mapping[str, AnyValue]] = MappingProxyType({})


class Written(NamedTuple):
    """The attributes, the status text and the exception event that a handle wrote, redacted."""

    attributes: Mapping[str, AnyValue] = NOTHING
    description: str | None = None
    event: Mapping[str, AnyValue] = NOTHING


def has_passed(key: str, value: AnyValue, passed: Mapping[str, AnyValue]) -> bool:
    """Return whether a value is one that passed, or what the attribute limit of a provider left of it."""
    if key not in passed:
        return False
    known = passed[key]
    if isinstance(value, str):
        return isinstance(known, str) and known.startswith(value)
    if isinstance(value, Sequence) and isinstance(known, Sequence):
        return list(cast("Sequence[object]", value)) == list(cast("Sequence[object]", known))
    return value == known
