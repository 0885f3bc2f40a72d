"""Runs as lines of a table for a terminal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from contextcompany.local.reading.figures import duration_text, money_text
from contextcompany.local.reading.preview import one_line
from contextcompany.local.terminal.trimming import Trimmed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from contextcompany.local.store.rows import RunRow

_NS_PER_SECOND: Final = 1_000_000_000
_THOUSAND: Final = 1_000
_STYLES: Final = {"ok": "green", "partial": "yellow", "failed": "bold red", "open": "cyan"}
_ID_CHARACTERS: Final = 12
# Name, width, and from which width of the terminal on it is shown; the prompt takes what is left.
_COLUMNS: Final = (
    ("run", _ID_CHARACTERS, 0),
    ("began", 12, 70),
    ("status", 7, 0),
    ("agent", 16, 90),
    ("took", 8, 60),
    ("tokens", 6, 120),
    ("cost", 9, 100),
    ("said", 4, 110),
)
_RIGHT: Final = frozenset({"took", "tokens", "cost"})
_GAP: Final = 2
_LEAST_PROMPT: Final = 16
_WIDE_PROMPT: Final = 50


def runs_table(rows: Sequence[RunRow], *, width: int, has_head: bool = True) -> RenderableType:
    """Draw runs, a line each.

    Tables of one width have columns of the same widths, so that one without a head continues another.

    Args:
        rows: The runs, in the order of the lines.
        width: Of the terminal, in columns.
        has_head: Whether the columns are named.
    """
    shown = [(name, columns) for name, columns, least in _COLUMNS if width >= least]
    taken = sum(columns + _GAP for _, columns in shown)
    table = Table(box=None, show_header=has_head, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="dim")
    for name, columns in shown:
        table.add_column(
            name,
            width=columns,
            no_wrap=True,
            justify="right" if name in _RIGHT else "left",
            overflow="ellipsis",
        )
    prompt = max(_LEAST_PROMPT, width - taken)
    table.add_column("prompt", width=prompt, no_wrap=True, overflow="ellipsis")
    now = datetime.now(UTC).astimezone()
    for row in rows:
        cells = _cells(row, now)
        table.add_row(*(cells[name] for name, _ in shown), _prompt(row, prompt))
    return Trimmed(table)


def _cells(row: RunRow, now: datetime) -> dict[str, Text]:
    took = "" if row.status == "open" else duration_text(row.end_ns - row.start_ns)
    tokens = row.input_tokens + row.output_tokens
    score = "up" if row.thumbs_up > row.thumbs_down else "down" if row.thumbs_down else ""
    return {
        # The beginning alone, as `tcc show` takes it.
        "run": Text(one_line(row.address, _THOUSAND)[:_ID_CHARACTERS], "bold"),
        "began": Text(_began(row.start_ns, now), "dim"),
        "status": Text(row.status, _STYLES.get(row.status, "")),
        "agent": Text(one_line(row.agent or row.name, _THOUSAND)),
        "took": Text(took),
        "tokens": Text(_count(tokens) if tokens else "", "cyan"),
        "cost": Text("" if row.cost is None else money_text(row.cost), "magenta"),
        "said": Text(score, "red" if score == "down" else "green"),
    }


def _prompt(row: RunRow, width: int) -> Text:
    if row.status == "failed" and (row.error or row.error_type):
        words = ": ".join(filter(None, (row.error_type, row.error)))
        # Where there is little room, what went wrong is what people look for.
        asked = row.prompt if width >= _WIDE_PROMPT else ""
        text = Text(one_line(asked, width // 2))
        return text.append("  " if asked else "").append(one_line(words, _THOUSAND), "red")
    return Text(one_line(row.prompt, _THOUSAND))


def _began(start_ns: int, now: datetime) -> str:
    try:
        # Not the zone of now, which has another offset in another half of the year.
        began = datetime.fromtimestamp(start_ns // _NS_PER_SECOND, UTC).astimezone()
    except (OverflowError, ValueError, OSError):
        return "?"
    if began.date() == now.date():
        return began.strftime("%H:%M:%S")
    return began.strftime("%d %b %H:%M" if began.year == now.year else "%d %b %Y")


def _count(number: int) -> str:
    if number < _THOUSAND:
        return str(number)
    value, unit = number / _THOUSAND, "k"
    if value >= _THOUSAND - 0.5:
        value, unit = value / _THOUSAND, "M"
    ten = 10
    return f"{value:.1f}{unit}" if value < ten else f"{value:.0f}{unit}"
