"""The filters of the dashboard as options."""

from __future__ import annotations

from dataclasses import fields

import pytest
import typer
from typer.testing import CliRunner

from contextcompany.cli.filtering import with_filters
from contextcompany.local.store.filters import RunFilter


def asked(*arguments: str) -> RunFilter:
    """Return the filter that a command with these arguments gets."""
    got: list[RunFilter] = []
    app = typer.Typer(pretty_exceptions_enable=False)

    @app.command()
    @with_filters
    def command(name: str, *, wanted: RunFilter, limit: int = 3) -> None:
        assert (name, limit) == ("first", 7)
        got.append(wanted)

    result = CliRunner().invoke(app, ["first", "--limit", "7", *arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return got[0]


def test_nothing_set_is_every_run() -> None:
    """Without options the filter is that of the page without a query."""
    assert asked() == RunFilter()


def test_every_filter_has_an_option() -> None:
    """Each filter of the page can be set, metadata more than once."""
    values = {
        "text": '"two words" more',
        "agent": "shop",
        "user": "u-1",
        "org": "o-1",
        "session": "s-1",
        "status": "failed",
        "model": "gpt-5",
        "tool": "search",
        "error": "ValueError",
        "feedback": "down",
        "since": "7d",
        "until": "1h",
        "order": "slowest",
    }
    assert {*values, "metadata"} == {field.name for field in fields(RunFilter)}
    typed = [part for name, value in values.items() for part in (f"--{name}", value)]
    wanted = asked(*typed, "--metadata", "plan=pro", "--metadata", "a.b=c=d")
    assert wanted == RunFilter(**values, metadata=(("a.b", "c=d"), ("plan", "pro")))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--status", "odd"), "status: must be one of"),
        (("--metadata", "plan"), "--metadata: must be key=value, got 'plan'"),
        (("--metadata", "=pro"), "--metadata: must be key=value"),
        (("--metadata", "a=1", "--metadata", "a=2"), "given twice"),
    ],
)
def test_what_cannot_be_used_is_named(arguments: tuple[str, ...], message: str) -> None:
    """The error says which option, and what it takes."""
    with pytest.raises(Exception, match=message):
        asked(*arguments)
