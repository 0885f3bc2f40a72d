"""Whether the process that wrote a file is still there."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contextcompany.delivery.spool.segment import Names, part_of, word_of
from contextcompany.delivery.spool.writers import is_running

needs_signals = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows is not asked: each one counts as running"
)


def name_by(writer: int) -> str:
    """Return the name of a file that a process wrote."""
    return f"001800000000000-00000000-{writer:x}-0123456789abcdef.otlp"


def test_this_process_is_running() -> None:
    """A file of this process has a writer that runs."""
    assert is_running(Names().new(1_800_000_000.0))
    assert is_running(name_by(os.getpid()))


def test_another_process_that_runs() -> None:
    """The process that started this one is running, and so is the first of all, whoever's it is."""
    assert is_running(name_by(os.getppid()))
    assert is_running(name_by(1))


@needs_signals
def test_a_process_that_has_ended() -> None:
    """A process that has ended is not running, from the moment that somebody took note of its end."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert is_running(name_by(process.pid))
        process.communicate(b"\n")
    assert not is_running(name_by(process.pid))


@needs_signals
@given(st.integers(0, 16**16 - 1))
@example(0)
@example(2**31 - 1)
@example(2**31)
@example(2**63)
@example(16**16 - 1)
def test_whatever_number_is_in_the_name(writer: int) -> None:
    """Any name of the right form gets an answer, also one with a number that no process can have."""
    assert is_running(name_by(writer)) in (True, False)
    if writer >= 2**31:
        assert not is_running(name_by(writer))


@pytest.mark.parametrize(
    "name",
    ["", "lock", "salt", name_by(1).upper(), part_of(name_by(1)), word_of(name_by(1)), "../" + name_by(1)],
)
def test_a_name_of_another_form(name: str) -> None:
    """A name that is not one of ours is a mistake of the caller."""
    with pytest.raises(ValueError, match="not a file of the spool"):
        is_running(name)
