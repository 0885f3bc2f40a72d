"""Time that does not jump while the process lives."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from contextcompany.delivery.spool import clock as clock_module
from contextcompany.delivery.spool.clock import AgeClock


@pytest.fixture
def times(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Let a test set both clocks of the machine."""
    values = SimpleNamespace(wall=1_000_000.0, monotonic=50.0)
    machine = SimpleNamespace(time=lambda: values.wall, monotonic=lambda: values.monotonic)
    monkeypatch.setattr(clock_module, "time", machine)
    return values


@pytest.mark.parametrize("jump", [-1e9, -3_600.0, 3_600.0, 1e9])
def test_a_jump_of_the_wall_clock_changes_nothing(times: SimpleNamespace, jump: float) -> None:
    """After the first look only the seconds that really passed count."""
    clock = AgeClock()
    assert clock.now() == 1_000_000.0
    times.wall += jump
    times.monotonic += 10.0
    assert clock.now() == 1_000_010.0


def test_the_first_look_counts(times: SimpleNamespace) -> None:
    """A clock that is set before the first use is taken as it is then."""
    clock = AgeClock()
    times.wall = 2_000_000.0
    assert clock.now() == 2_000_000.0


def test_ages(times: SimpleNamespace) -> None:
    """A moment has the age that passed since, and a moment in the future has none."""
    clock = AgeClock()
    assert [clock.age(moment) for moment in (999_000.0, 1_000_000.0, 1_000_001.0)] == [1_000.0, 0.0, 0.0]
