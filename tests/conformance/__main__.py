"""Run the programs and write the page: python -m tests.conformance [--peers] [--only DISTRIBUTION]."""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from tests.conformance.adapters import OURS, PEERS, adapter
from tests.conformance.page import PAGE, page
from tests.conformance.programs import PROGRAMS
from tests.conformance.results import Results, load, save
from tests.conformance.running import ROOT, judge, play

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.conformance.adapter import Adapter
    from tests.conformance.program import Program


def main(arguments: Sequence[str]) -> int:
    """Run what the arguments say; return 1 where this package fails a check, else 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("--peers", action="store_true", help="the other packages too")
    parser.add_argument("--only", metavar="DISTRIBUTION", help="one package")
    parser.add_argument("--jobs", type=int, default=2, help="programs at once")
    options = parser.parse_args(arguments)
    chosen = [OURS, *PEERS] if options.peers else [OURS]
    if options.only is not None:
        chosen = [adapter(options.only)]
    for one in chosen:
        save(one, _run(one, options.jobs))
    PAGE.write_text(page({one: load(one) for one in (OURS, *PEERS)}), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")
    ours = load(OURS)
    return int(ours is None or any(not ours.passed(one, check) for one in PROGRAMS for check in one.checks))


def interpreter(one: type[Adapter]) -> Path:
    """Return the interpreter of the environment of a package: this one for ours."""
    if one is OURS:
        return Path(sys.executable)
    python = ROOT / ".venvs" / f"peer-{one.distribution}" / "bin" / "python"
    if not python.exists():
        raise SystemExit(f"{python.relative_to(ROOT)} does not exist: run make conformance-peers")
    return python


def _run(one: type[Adapter], jobs: int) -> Results:
    python = interpreter(one)
    found: dict[str, dict[str, str]] = {}
    about: dict[str, str] = {}

    def run(program: Program) -> None:
        outcome = play(program, one, python)
        if "package" not in outcome.facts:
            said = outcome.facts.get("stderr", "")
            raise SystemExit(f"{one.distribution}: the program {program.name} did not start\n{said}")
        about.update({name: str(outcome.facts[name]) for name in ("package", "python", "opentelemetry")})
        verdicts = judge(program, outcome)
        found[program.name] = {verdict.check: verdict.found for verdict in verdicts}
        marks = "".join("✓" if verdict.passed else "✗" for verdict in verdicts)
        print(f"{one.distribution}: {program.name} {marks}", flush=True)

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(run, PROGRAMS))
    ordered = {program.name: found[program.name] for program in PROGRAMS}
    return Results(about["package"], about["python"], about["opentelemetry"], ordered)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
