"""The command `tcc doctor`: look at everything, tell it in lines, end with 0 if all is well."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from contextcompany.cli.database import DatabaseOption, database_path
from contextcompany.cli.doctor.findings import Finding, SettingLine
from contextcompany.cli.records import print_record
from contextcompany.cli.screens import screen
from contextcompany.local.reading.preview import one_line
from contextcompany.local.terminal.trimming import Trimmed

_MARKS: Final = {"ok": ("ok", "green"), "note": ("note", "yellow"), "problem": ("problem", "bold red")}
_MOST_CHARACTERS: Final = 600


def doctor(
    *,
    test_run: Annotated[bool, typer.Option(help="Send a run, as an application would.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    database: DatabaseOption = None,
) -> None:
    """Find out why runs do not arrive: settings in force, the way to the destination, a test run.

    Ends with 0 if all is well, else with 1.
    """
    # The whole recording side, which no other command needs.
    from contextcompany.cli.doctor.examination import examine

    lines, findings = examine(test_run=test_run, database=database_path(database))
    if as_json:
        from contextcompany.cli.doctor.installation import versions

        print_record(
            {
                "settings": [asdict(line) for line in lines],
                "versions": versions(),
                "findings": [asdict(finding) for finding in findings],
            },
            indent=2,
        )
    else:
        _draw(screen(), lines, findings)
    if any(finding.state == "problem" for finding in findings):
        raise typer.Exit(1)


def _draw(console: Console, lines: Sequence[SettingLine], findings: Sequence[Finding]) -> None:
    settings = _grid()
    for line in lines:
        style = "dim" if line.source.startswith("default") else ""
        settings.add_row(line.name, Text(_line(line.value), style), Text(line.source, "dim"))
    console.print(Text("Settings", "bold"), Trimmed(settings), Text(), sep="\n")
    found = _grid()
    for finding in findings:
        mark, style = _MARKS[finding.state]
        text = Text(_line(finding.text))
        if finding.advice:
            text.append(f": {finding.advice}", "bold")
        found.add_row(Text(mark, style), finding.topic, text)
    console.print(Text("Findings", "bold"), Trimmed(found), sep="\n")


def _grid() -> Table:
    return Table.grid(padding=(0, 2, 0, 0), pad_edge=False)


def _line(text: str) -> str:
    return one_line(text, _MOST_CHARACTERS)
