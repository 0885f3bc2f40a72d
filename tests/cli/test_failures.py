"""Errors as one line that says what to do."""

from __future__ import annotations

import errno
import sqlite3

import pytest
import typer

from contextcompany.cli.failures import CommandError, failure_line
from contextcompany.local.server.tokens import TokensError
from contextcompany.local.store.filters import FilterError, RunFilter
from contextcompany.local.store.rows import StoreLockedError


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (CommandError("no such run: try tcc runs"), "no such run: try tcc runs"),
        (StoreLockedError("taken: stop it"), "taken: stop it"),
        (TokensError("no token"), "no token"),
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full: make room, or use another one"),
        (FileNotFoundError(2, "No such file or directory", "a.jsonl"), "No such file or directory: a.jsonl"),
        (OSError("odd"), "odd"),
        (sqlite3.OperationalError("odd"), "the database cannot be used (odd): name another with --db"),
        (typer.BadParameter("must be odd."), "Invalid value: must be odd: see tcc --help"),
        (CommandError("two\nlines \x1b[31mred"), "two lines \\x1b[31mred"),
    ],
)
def test_errors_are_one_line(error: Exception, expected: str) -> None:
    """What a user can do something about is said in one line, without anything a terminal would obey."""
    assert failure_line(error) == expected


@pytest.mark.parametrize(
    ("name", "value", "beginning"),
    [
        ("since", "yesterday", "--since: must be a time"),
        ("status", "odd", "--status: must be one of"),
        ("metadata.plan", "x" * 2_000, "--metadata: must have at most"),
    ],
)
def test_a_bad_filter_is_named_as_an_option(name: str, value: str, beginning: str) -> None:
    """The line begins with what was typed."""
    with pytest.raises(FilterError) as caught:
        RunFilter.of([(name, value)])
    line = failure_line(caught.value)
    assert line is not None
    assert line.startswith(beginning)


@pytest.mark.parametrize("error", [ValueError("x"), RuntimeError("x"), KeyError("x")])
def test_a_bug_of_ours_is_no_line(error: Exception) -> None:
    """It is shown whole, so that it can be reported."""
    assert failure_line(error) is None
