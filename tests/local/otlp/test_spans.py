"""The rules that span records keep."""

from __future__ import annotations

import pytest

from contextcompany.local.otlp.spans import (
    MalformedBodyError,
    kind_name,
    parent_id_text,
    span_id_text,
    status_code_name,
    trace_id_text,
)


def test_ids_are_lower_case_hexadecimal_text() -> None:
    """Ids are written as the hexadecimal text that other tools show."""
    assert trace_id_text(bytes(range(0xA0, 0xB0))) == "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"
    assert span_id_text(b"\x00" * 7 + b"\x0f") == "000000000000000f"
    assert parent_id_text(b"\x00" * 7 + b"\x0f") == "000000000000000f"


@pytest.mark.parametrize("raw", [b"", b"\x00" * 16, b"\x01" * 15, b"\x01" * 17])
def test_an_invalid_trace_id_is_refused_with_its_value(raw: bytes) -> None:
    """A trace id of another length or of zeros is refused, and the message shows it."""
    with pytest.raises(MalformedBodyError) as caught:
        trace_id_text(raw)
    assert str(caught.value) == f"traceId must be 16 bytes, not all zero, got {raw.hex()!r}"


def test_a_missing_parent_and_one_of_zeros_are_none() -> None:
    """A root is a root, however its sender writes the missing parent."""
    assert parent_id_text(b"") is None
    assert parent_id_text(b"\x00" * 8) is None
    with pytest.raises(MalformedBodyError, match="parentSpanId must be 8 bytes"):
        parent_id_text(b"\x01")


def test_enums_have_names_and_unknown_numbers_the_first() -> None:
    """Kinds and status codes are words; a number from the future or below zero is the unset one."""
    assert [kind_name(number) for number in range(-1, 7)] == [
        "UNSPECIFIED",
        "UNSPECIFIED",
        "INTERNAL",
        "SERVER",
        "CLIENT",
        "PRODUCER",
        "CONSUMER",
        "UNSPECIFIED",
    ]
    assert [status_code_name(number) for number in range(-1, 4)] == ["UNSET", "UNSET", "OK", "ERROR", "UNSET"]
