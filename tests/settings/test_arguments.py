"""Arguments: what each kind may be, and what the error says."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from contextcompany.settings import arguments

if TYPE_CHECKING:
    from collections.abc import Callable


class Sample:
    """Be a class with a method to call."""

    def mask(self, text: str, name: str) -> str:
        """Return a text as it is."""
        return text

    async def later(self, text: str, name: str) -> str:
        """Return a text too late."""
        return text


@pytest.mark.parametrize("value", [None, Sample().mask, lambda text, name: text, str])
def test_functions(value: Callable[..., object] | None) -> None:
    """Whatever can be called is a function, and None is none."""
    arguments.check_function("redact", value, "(text) -> text")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (1, "redact must be a function (text) -> text: got int; pass one or None"),
        (
            Sample().later,
            "redact must be a function (text) -> text: got one that has to be awaited; pass a plain one",
        ),
    ],
)
def test_what_is_no_function(value: object, said: str) -> None:
    """What cannot be called, or only awaited, is refused with words that say what to pass."""
    with pytest.raises(TypeError) as caught:
        arguments.check_function("redact", value, "(text) -> text")
    assert str(caught.value) == said


@pytest.mark.parametrize("value", ["three", "ONE", "", None, 1])
def test_what_is_no_word(value: object) -> None:
    """Anything but one of the words is refused, and the message lists them."""
    arguments.check_word("sort", "one", ("one", "two"))
    with pytest.raises(ValueError, match=r"^sort must be 'one' or 'two': got .*; choose one$"):
        arguments.check_word("sort", value, ("one", "two"))


def test_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder is absolute text, whether it was text or a path, and whether it exists or not."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", f"{tmp_path}/ann")
    given: list[Any] = [None, "a", Path("a"), "~/a", "/a/../b", tmp_path]
    found = [arguments.path("spool_dir", value) for value in given]
    assert found == [None, f"{tmp_path}/a", f"{tmp_path}/a", f"{tmp_path}/ann/a", "/b", str(tmp_path)]


def test_a_folder_below_a_lost_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where the working directory is gone a relative folder stays as it is, and nothing raises."""
    lost = tmp_path / "lost"
    lost.mkdir()
    monkeypatch.chdir(lost)
    lost.rmdir()
    assert arguments.path("spool_dir", "a") == "a"
    os.chdir(tmp_path)


@pytest.mark.parametrize("value", [1, b"a", ["a"]])
def test_what_is_no_folder(value: Any) -> None:
    """Anything but text or a path is refused."""
    with pytest.raises(TypeError, match=r"^spool_dir must be text or a path: got "):
        arguments.path("spool_dir", value)
