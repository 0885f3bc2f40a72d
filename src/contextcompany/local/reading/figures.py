"""Durations, tokens and money as people read them."""

from __future__ import annotations

from typing import Final

_NS_PER_MS: Final = 1_000_000
_MINUTE: Final = 60
_HOUR: Final = 3_600
# Where rounding would reach the next unit, the next unit begins.
_TENTHS_OF_MS_UNTIL: Final = 9.95
_MS_UNTIL: Final = 999.5
_SECONDS_UNTIL: Final = 59.95

_CENT: Final = 0.01
_LEAST_SHOWN: Final = 0.000001
# Halves go up whatever a float has lost of them, so that a sum shows as the same sum made elsewhere.
_HALF_UP: Final = 1 + 1e-9


def duration_text(nanoseconds: int) -> str:
    """Write a duration with the precision that matters: `0.4 ms`, `412 ms`, `3.2 s`, `2 min 05 s`."""
    milliseconds = max(0, nanoseconds) / _NS_PER_MS
    if milliseconds < _TENTHS_OF_MS_UNTIL:
        return f"{milliseconds:.1f} ms"
    if milliseconds < _MS_UNTIL:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if seconds < _SECONDS_UNTIL:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02d} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02d} min"


def token_text(input_tokens: int, cached_tokens: int, output_tokens: int) -> str:
    """Write what went in and out, such as `1,240 in (512 cached), 86 out`; nothing where nothing did."""
    if not input_tokens and not output_tokens:
        return ""
    cached = f" ({cached_tokens:,} cached)" if cached_tokens else ""
    return f"{input_tokens:,} in{cached}, {output_tokens:,} out"


def money_text(dollars: float) -> str:
    """Write an amount in USD with enough digits to tell small ones apart: `$12.30`, `$0.0412`, `$0.00034`."""
    if dollars == 0:
        return "$0"
    dollars *= _HALF_UP
    if dollars >= 1:
        return f"${dollars:,.2f}"
    if dollars < _LEAST_SHOWN:
        return "<$0.000001"
    return f"${dollars:.4f}" if dollars >= _CENT else f"${dollars:.6f}".rstrip("0")
