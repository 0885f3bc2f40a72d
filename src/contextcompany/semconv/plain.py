"""The JSON types that recorded values are reduced to, and the bounds they are held within."""

from __future__ import annotations

from typing import Final, TypeAlias

Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[str, Plain] | None"
"""What JSON can say: every float in it is finite, every int fits 64 bits, every text is valid UTF-8."""

MAX_VALUE_BYTES: Final = 1 << 20
"""Most bytes of one recorded value."""

MAX_SPAN_BYTES: Final = 4 << 20
"""Most bytes of all recorded values of one span."""

MAX_DEPTH: Final = 20
"""Most containers inside each other in one recorded value."""

SMALLEST_INT: Final = -(1 << 63)
LARGEST_INT: Final = (1 << 63) - 1
