"""The end of a program: what arrives without a flush, and how long the end takes."""

from __future__ import annotations

import socket
import sys
import time
from typing import TYPE_CHECKING, Final

from tests.conformance.program import Check, Program, Stage, fact, package_tree

if TYPE_CHECKING:
    from tests.conformance.program import Outcome

TITLE: Final = "The end of a program"
TEXT: Final = """\
Nobody flushes. The last two programs send to an address where nobody listens, and to a server that takes
the connection and never answers; what counts is the time from the last line of the program to the end of
its process. Ten seconds is what `docker stop` grants before it kills."""

_PATIENCE: Final = 10.0
"""Seconds that an exit may take without a collector: so long `docker stop` waits before it kills."""


def _record(stage: Stage) -> None:
    with stage.package.run("run"), stage.package.step("step"):
        pass


def _returns(stage: Stage) -> None:
    stage.set_up_package()
    _record(stage)


def _raises(stage: Stage) -> None:
    stage.set_up_package()
    with stage.package.run("run"), stage.package.step("step"):
        raise SystemExit(3)


def _exits(stage: Stage) -> None:
    stage.set_up_package()
    _record(stage)
    sys.exit("an error of the application")


def _next(stage: Stage) -> None:
    stage.set_up_package()
    stage.package.recover()


def _refused(stage: Stage) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        stage.package.setup(f"http://127.0.0.1:{unused.getsockname()[1]}")
    _record(stage)
    stage.note("done", time.time())


def _hanging(stage: Stage) -> None:
    silent = socket.create_server(("127.0.0.1", 0), backlog=16)
    stage.package.setup(f"http://127.0.0.1:{silent.getsockname()[1]}")
    silent.detach()  # open until the process has ended: closed earlier, it would refuse
    _record(stage)
    stage.note("done", time.time())


def _held(outcome: Outcome) -> str:
    if "done" not in outcome.facts:
        return "not reached"
    seconds = outcome.facts["ended"] - outcome.facts["done"]
    return f"at most {_PATIENCE:.0f} s" if seconds <= _PATIENCE else f"{seconds:.1f} s"


def _exit_time(title: str) -> tuple[Check, ...]:
    return (Check("held", title, f"at most {_PATIENCE:.0f} s", _held),)


NEXT: Final = Program("next-process", _next, ())
"""No program of its own: it delivers what another one left on disk."""

PROGRAMS: Final = (
    Program("returns", _returns, (package_tree("run(step)", "The program returns: everything arrives"),)),
    Program(
        "sys-exit",
        _exits,
        (
            package_tree("run(step)", "`sys.exit()` with an error: everything arrives"),
            fact("code", "1", "`sys.exit()` with an error: the exit code is the program's"),
        ),
        code=1,
    ),
    Program(
        "exit-inside",
        _raises,
        (
            package_tree("run(step)", "`SystemExit` inside of a step: everything arrives"),
            fact("code", "3", "`SystemExit` inside of a step: the exit code is the program's"),
        ),
        code=3,
    ),
    Program("refused", _refused, _exit_time("Nobody listens: the exit takes at most ten seconds")),
    Program("hanging", _hanging, _exit_time("A silent collector: the exit takes at most ten seconds")),
)
