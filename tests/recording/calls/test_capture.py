"""What is recorded of a call: all, nothing, or what a function says."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from contextcompany.recording.calls.capture import NOTHING, Capture, or_empty

ARGUMENTS = {"a": 1}


def raising(given: Any) -> Any:
    """Raise for whatever is given."""
    raise LookupError(given)


@pytest.mark.parametrize(
    ("option", "expected"),
    [(True, "all"), (False, NOTHING), (sorted, ["a"]), (lambda _: None, None)],
)
def test_what_is_captured(option: Any, expected: Any) -> None:
    """True is all, False nothing, and a function decides for itself."""
    assert Capture("tool t", args=option).of_args(ARGUMENTS, "all") == expected
    result = Capture("tool t", result=option).of_result(ARGUMENTS)
    assert result == (ARGUMENTS if expected == "all" else expected)


def test_a_function_that_raises(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is recorded, one warning says which option, and nothing of the data."""
    capture = Capture("tool t", raising, raising)
    with caplog.at_level(logging.WARNING):
        assert [capture.of_args(ARGUMENTS, "all") for _ in range(2)] == [NOTHING, NOTHING]
        assert capture.of_result(1) is NOTHING
    assert [record.getMessage() for record in caplog.records] == [
        "capture_args of tool t raised LookupError: nothing is recorded of it",
        "capture_result of tool t raised LookupError: nothing is recorded of it",
    ]


@pytest.mark.parametrize("option", [None, "all", 1])
def test_another_option_is_misuse(option: Any) -> None:
    """What is neither a bool nor a function raises where it is written."""
    with pytest.raises(TypeError, match=r"capture_args of tool t must be True, False or a function: got"):
        Capture("tool t", args=option)
    with pytest.raises(TypeError, match=r"capture_result of tool t must be"):
        Capture("tool t", result=option)


def test_nothing_is_empty_where_there_must_be_something() -> None:
    """A required field counts as set with empty text."""
    assert (or_empty(NOTHING), or_empty(None), or_empty("a")) == ("", None, "a")
