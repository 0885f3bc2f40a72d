"""Every program, with this package: whatever happens around it, the application notices nothing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.conformance.adapters import OURS
from tests.conformance.programs import PROGRAMS
from tests.conformance.running import judge, play


@pytest.mark.parametrize("name", [program.name for program in PROGRAMS])
def test_program(name: str) -> None:
    """The program leaves at both backends what it is expected to leave."""
    (program,) = (program for program in PROGRAMS if program.name == name)
    verdicts = judge(program, play(program, OURS, Path(sys.executable)))
    assert {verdict.check: verdict.found for verdict in verdicts} == {
        check.name: check.expected for check in program.checks
    }
