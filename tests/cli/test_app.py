"""The command's frame: help, version, and how it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.cli.commands import command, environment, ran
from tests.loopback import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ended


def test_the_version(tcc: Callable[..., Ended]) -> None:
    """It names the distribution."""
    code, out, _ = tcc("--version")
    assert code == 0
    assert out.startswith("contextcompany-otel ")


@pytest.mark.parametrize("name", ["serve", "runs", "show", "export", "import", "doctor", "tokens"])
def test_every_command_has_help(tcc: Callable[..., Ended], name: str) -> None:
    """It says in a sentence what the command does."""
    code, out, err = tcc(name, "--help")
    assert (code, err) == (0, "")
    assert f"tcc {name}" in out
    assert name in tcc("--help").out


@pytest.mark.parametrize("arguments", [(), ("tokens",)])
def test_nothing_typed_is_the_help(tcc: Callable[..., Ended], arguments: tuple[str, ...]) -> None:
    """All of it and no more."""
    code, out, err = tcc(*arguments)
    assert (code, err) == (2, tcc(*arguments, "--help").out if not out else "")
    assert "tcc: " not in err


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("rums",), "see tcc --help"),
        (("runs", "--limitt", "3"), "see tcc runs --help"),
        (("runs", "--limit", "many"), "see tcc runs --help"),
        (("show",), "see tcc show --help"),
        (("runs", "--status", "odd"), "--status: must be one of ok, partial, failed, open, got 'odd'"),
        (("runs", "--since", "soon"), "--since: must be a time such as"),
    ],
)
def test_what_was_mistyped_is_one_line(
    tcc: Callable[..., Ended], arguments: tuple[str, ...], line: str
) -> None:
    """Exit code 2, nothing on the standard output, no traceback."""
    code, out, err = tcc(*arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert line in err


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"not a database at all, and long enough to be one" * 100, "--db"), (b"", "--db")],
)
def test_a_file_that_is_no_database(
    tcc: Callable[..., Ended], tmp_path: Path, content: bytes, words: str
) -> None:
    """It is refused in one line and left as it was."""
    file = tmp_path / "notes.txt"
    file.write_bytes(content)
    code, out, err = tcc("runs", "--db", str(file))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert words in err
    assert file.read_bytes() == content


@pytest.mark.usefixtures("filled")
def test_who_reads_no_further_ends_it_quietly() -> None:
    """As in `tcc export | head -1`: no traceback, no complaint at the end of the interpreter."""
    with subprocess.Popen(
        command("export"), env=environment(**_database()), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


@pytest.mark.usefixtures("filled")
@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell who reads a pipe")
def test_following_ends_when_nobody_reads_on() -> None:
    """As in `tcc runs --follow | head -1`: also where no further run comes."""
    with subprocess.Popen(
        command("runs", "--follow"), env=environment(**_database()), stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(PATIENCE) == 141


@pytest.mark.usefixtures("filled")
def test_an_interrupt_stays_one_whatever_it_breaks(
    tcc: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in the middle of cleaning up leads to other errors; it ends quietly all the same."""

    def interrupted(*_: object, **__: object) -> None:
        try:
            raise KeyboardInterrupt
        finally:
            raise RuntimeError("cannot release un-acquired lock")

    monkeypatch.setattr("contextcompany.cli.runs.newest", interrupted)
    assert tcc("runs") == (130, "", "")


@pytest.mark.usefixtures("filled")
def test_a_terminal_without_unicode() -> None:
    """What it cannot show comes as escapes."""
    shown = ran("show", "last", PYTHONIOENCODING="ascii", PYTHONUTF8="0", **_database())
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "a/b \\xe9" in shown.stdout


def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    """Whatever of it is missing; the package itself works."""
    for missing in ("typer", "rich", "platformdirs", "fastapi"):
        (tmp_path / f"{missing}.py").write_text(
            f"raise ModuleNotFoundError(\"No module named '{missing}'\", name='{missing}')"
        )
        ended = subprocess.run(
            [
                sys.executable,
                "-m",
                "contextcompany",
                "serve",
                "--port",
                "0",
                "--db",
                str(tmp_path / "runs.db"),
            ],
            env=environment(PYTHONPATH=str(tmp_path)),
            capture_output=True,
            encoding="utf-8",
            timeout=50,
            check=False,
        )
        assert (ended.returncode, ended.stdout) == (2, "")
        assert ended.stderr == (
            f"tcc: {missing} is not installed: pip install 'contextcompany-otel[local]'\n"
        )
        (tmp_path / f"{missing}.py").unlink()


def _database() -> dict[str, str]:
    return {"TCC_LOCAL_DB": os.environ["TCC_LOCAL_DB"]}
