"""Everything the doctor looks at, in order."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from contextcompany.cli.doctor.findings import Finding
from contextcompany.cli.doctor.installation import installation
from contextcompany.cli.doctor.kept import kept
from contextcompany.cli.doctor.reaching import is_local, origin_url, reach
from contextcompany.cli.doctor.settings_in_force import settings_in_force
from contextcompany.cli.doctor.spooled import spooled
from contextcompany.cli.doctor.trial import TOPIC as TRIAL
from contextcompany.cli.doctor.trial import trial
from contextcompany.diagnostics import LOGGER_NAME

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from contextcompany.cli.doctor.findings import SettingLine


def examine(*, test_run: bool, database: Path) -> tuple[tuple[SettingLine, ...], tuple[Finding, ...]]:
    """Look at everything, and return the settings in force and what was found.

    Args:
        test_run: whether a run is sent.
        database: the one of `tcc serve`.
    """
    with _warnings() as said:
        settings, lines = settings_in_force()
        # Says whether credentials are kept back, as they are in clear text to another machine.
        settings.destination.wire_headers()
        unreadable = [Finding("settings", "problem", one) for one in said]
        del said[:]
        way = reach(settings)
        findings = [*installation(), *unreadable, *spooled(settings), kept(database), *way]
        if test_run and way[-1].state == "problem":
            findings.append(
                Finding(TRIAL, "note", "no run is sent as long as the destination is out of reach")
            )
        elif test_run:
            arrived = trial(settings, origin_url(settings) if is_local(way) else None)
            findings += arrived
            # Of a run that was not taken they say the same again.
            if arrived[-1].state != "problem":
                findings += [Finding("delivery", "problem", one) for one in said]
    return lines, tuple(findings)


@contextmanager
def _warnings() -> Generator[list[str]]:
    """Collect what this package would log as warnings; they are findings here."""
    said: list[str] = []

    class _Collecting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    logger, handler = logging.getLogger(LOGGER_NAME), _Collecting(logging.WARNING)
    propagated = logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield said
    finally:
        logger.propagate = propagated
        logger.removeHandler(handler)
