"""`tcc show`: which run is meant, and what is told of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ended


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    ("named", "found"),
    [("beta", "beta"), ("b", "beta"), ("alpha-2", "alpha-2"), ("last", "a/b é"), ("a/", "a/b é")],
)
def test_a_run_is_found(tcc: Callable[..., Ended], named: str, found: str) -> None:
    """By its id, by a beginning that no other has, or as the last one."""
    code, out, err = tcc("show", named)
    assert (code, err) == (0, "")
    assert out.startswith("run  shop  ")
    assert out.splitlines()[1].split(maxsplit=1) == ["id", found]


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    ("named", "line"),
    [
        ("alpha", "several runs begin with alpha: alpha-1, alpha-2; type more of it"),
        ("alpha-3", "there is no run alpha-3: did you mean alpha-2?"),
        ("betta", "there is no run betta: did you mean beta?"),
        ("quite different", "there is no run quite different: tcc runs lists them"),
        ("", "there is no run : tcc runs lists them"),
        ("\x1b[31m", "there is no run \\x1b[31m: tcc runs lists them"),
        ("\udc80", "there is no run \\udc80: tcc runs lists them"),
        ("x" * 10_000, f"there is no run {'x' * 199}…: tcc runs lists them"),
    ],
)
def test_a_run_that_is_not_there(tcc: Callable[..., Ended], named: str, line: str) -> None:
    """One line says what to type instead."""
    assert tcc("show", named) == (2, "", f"tcc: {line}\n")


@pytest.mark.usefixtures("filled")
def test_json_is_a_line_of_an_export(tcc: Callable[..., Ended]) -> None:
    """The run with its spans in OTLP/JSON."""
    shown = json.loads(tcc("show", "beta", "--json").out)
    exported = [json.loads(line) for line in tcc("export").out.splitlines()]
    assert shown in exported
    assert shown["run"]["address"] == "beta"


def test_no_database_and_no_runs(tcc: Callable[..., Ended], database: Path) -> None:
    """Who has sent nothing yet is told how to begin."""
    assert tcc("show", "last") == (
        2,
        "",
        f"tcc: there is no database at {database}: start tcc serve, or name one with --db\n",
    )
    tcc("import", "/dev/null")
    assert tcc("show", "last").err == "tcc: there are no runs yet: send some, then ask again\n"
