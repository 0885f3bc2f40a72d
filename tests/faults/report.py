"""The page about reliability, written from what a run of the matrix measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.faults.account import LAST_SECONDS
from tests.faults.behaviours import HEALTHY
from tests.faults.figures import MOST_MEMORY, MOST_RATIO, MOST_THREADS
from tests.faults.matrix import FAULTS, WAYS
from tests.faults.stage import MOST_EXIT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tests.faults.figures import Latency, Memory
    from tests.faults.stage import Outcome

_COMMAND: Final = "python -m tests.faults"
_COLUMNS: Final = (
    "cell",
    "sent",
    "delivered",
    "on disk",
    "dropped",
    "lost in the last second",
    "unaccounted",
    "arrive twice",
    "not delivered by the next process",
    "worst call",
    "exit held",
    "requests",
)


def page(
    cells: Mapping[str, Outcome],
    special: Mapping[str, Outcome],
    *,
    latency: Latency,
    memory: Sequence[Memory],
    skipped: Mapping[str, str],
    machine: str,
) -> str:
    """Return the page in Markdown."""
    everything = [*cells.values(), *special.values()]
    wrong = [outcome for outcome in everything if outcome.problems]
    sent = sum(outcome.account.sent for outcome in everything)
    unaccounted = sum(max(outcome.account.unaccounted, 0) for outcome in everything)
    lines = [
        "# Reliability",
        "",
        "Every fault of a collector against every way a program can end, on real sockets and in processes of",
        f"their own. `{_COMMAND}` runs it again and writes this page; nothing here is written by hand.",
        f"Measured on {machine}.",
        "",
        f"**{len(everything)} cells, {len(wrong)} with a problem.**",
        f"{sent:,} spans were recorded, {unaccounted} are unaccounted for.",
        "",
        *_targets(everything, latency, memory),
        "",
        "## All cells at a glance",
        "",
        "How many spans were delivered, or lie on disk for the next process, when the program had ended; `✗`",
        "marks a cell with a problem. In the last three columns the process ended without warning.",
        "",
        *_glance(cells),
        "",
        "## Special cells",
        "",
        *_table(special.values(), _worst_healthy(cells)),
        *[f"\nNot run here: {name} ({why})." for name, why in skipped.items()],
        "",
        "## Each fault",
        "",
        "A call is one call to the package; its ratio is to the worst one of the same way to end with a",
        "healthy collector. The time that an exit is held is what it takes beyond that of a program without",
        "spans.",
    ]
    for fault in FAULTS:
        chosen = [outcome for name, outcome in cells.items() if name.partition(" / ")[0] == fault]
        if chosen:
            lines += ["", f"### {fault}", "", *_table(chosen, _worst_healthy(cells))]
    if wrong:
        lines += ["", "## Problems", ""]
        lines += [
            f"- **{outcome.name}**: {' '.join(problem.split())}"
            for outcome in wrong
            for problem in outcome.problems
        ]
    return "\n".join([*lines, ""])


def _targets(everything: Sequence[Outcome], latency: Latency, memory: Sequence[Memory]) -> list[str]:
    unaccounted = sum(outcome.account.unaccounted != 0 for outcome in everything)
    oldest = max((outcome.account.oldest_lost for outcome in everything), default=0.0)
    torn = sum("torn" in problem for outcome in everything for problem in outcome.problems)
    behind = sum(outcome.left_behind or 0 for outcome in everything)
    held = max((outcome.held for outcome in everything if outcome.held is not None), default=0.0)
    slower = (
        f"{latency.ratio:.2f} times ({latency.hanging * 1e6:.0f} and {latency.healthy * 1e6:.0f} µs, "
        f"{latency.calls:,} calls each)"
    )
    rows = [
        ("spans unaccounted for", "none in any cell", f"{unaccounted} cells with some", unaccounted == 0),
        (
            "lost where a process is killed without warning",
            f"what ended in the last {LAST_SECONDS:.0f} s",
            f"the oldest had ended {oldest:.2f} s before",
            oldest <= LAST_SECONDS,
        ),
        ("torn files", "none", f"{torn}", torn == 0),
        ("not delivered by the next process", "none", f"{behind}", behind == 0),
        (
            "longest time an exit is held",
            f"{MOST_EXIT_SECONDS} s",
            f"{held:.2f} s",
            held <= MOST_EXIT_SECONDS,
        ),
        (
            "99.9th percentile of calls, hanging to healthy collector",
            f"{MOST_RATIO:.0f} times",
            slower,
            latency.ratio <= MOST_RATIO,
        ),
    ]
    rows += [
        (
            f"memory, {one.recorded / 2**20:.0f} MiB recorded while {one.name}",
            f"{MOST_MEMORY / 2**20:.1f} MiB, {MOST_THREADS} threads",
            f"{one.growth / 2**20:.1f} MiB, {one.threads} threads, {one.dropped} spans dropped and said",
            one.growth <= MOST_MEMORY and one.threads <= MOST_THREADS,
        )
        for one in memory
    ]
    lines = ["| target | at most | measured | met |", "|---|---|---|---|"]
    return lines + [
        f"| {name} | {most} | {found} | {'yes' if is_met else '**no**'} |"
        for name, most, found, is_met in rows
    ]


def _glance(cells: Mapping[str, Outcome]) -> list[str]:
    lines = [
        "| fault | " + " | ".join(way.name for way in WAYS) + " |",
        "|---|" + "---|" * len(WAYS),
    ]
    for fault in FAULTS:
        found = [cells.get(f"{fault} / {way.name}") for way in WAYS]
        if any(found):
            lines.append(f"| {fault} | " + " | ".join(map(_short, found)) + " |")
    return lines


def _short(outcome: Outcome | None) -> str:
    if outcome is None:
        return ""
    account = outcome.account
    mark = " ✗" if outcome.problems else ""
    return f"{account.delivered} + {account.spooled} of {account.sent}{mark}"


def _table(outcomes: Iterable[Outcome], worst_healthy: Mapping[str, float]) -> list[str]:
    lines = ["| " + " | ".join(_COLUMNS) + " |", "|" + "---|" * len(_COLUMNS)]
    lines += [_row(outcome, worst_healthy) for outcome in outcomes]
    return lines


def _row(outcome: Outcome, worst_healthy: Mapping[str, float]) -> str:
    account = outcome.account
    way = outcome.name.rpartition(" / ")[2]
    worst = "" if not outcome.worst else f"{outcome.worst * 1e3:.1f} ms"
    if outcome.worst and worst_healthy.get(way):
        worst += f" ({outcome.worst / worst_healthy[way]:.1f} times)"
    name = f"{outcome.name} ({outcome.note})" if outcome.note else outcome.name
    cells = (
        name + (" ✗" if outcome.problems else ""),
        account.sent,
        account.delivered,
        account.spooled,
        ", ".join(f"{count} {reason}" for reason, count in account.dropped.items()) or 0,
        account.last_second,
        account.unaccounted,
        account.duplicates + account.again,
        "" if outcome.left_behind is None else outcome.left_behind,
        worst,
        "" if outcome.held is None else f"{outcome.held:.2f} s",
        outcome.requests,
    )
    return "| " + " | ".join(map(str, cells)) + " |"


def _worst_healthy(cells: Mapping[str, Outcome]) -> Mapping[str, float]:
    return {
        name.partition(" / ")[2]: outcome.worst
        for name, outcome in cells.items()
        if name.startswith(f"{HEALTHY} / ")
    }
