"""Where a spool is: asked late, made later."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from contextcompany.delivery.spool.place import Place

if TYPE_CHECKING:
    from pathlib import Path


class Asked:
    """A folder that is found by asking, and what was asked."""

    def __init__(self, *answers: Path | OSError | None) -> None:
        self.answers = list(answers)
        self.asked: list[bool] = []

    def __call__(self, *, create: bool) -> Path | None:
        """Give the next answer; the last one stays."""
        self.asked.append(create)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, OSError):
            raise answer
        return answer


def test_asked_late_and_once(tmp_path: Path) -> None:
    """Nothing is asked before the first use, and what is known is not asked again."""
    asked = Asked(tmp_path)
    place = Place(asked)
    assert asked.asked == []
    assert [place.existing(), place.existing(), place.made(), place.made()] == [tmp_path] * 4
    assert asked.asked == [False, True]


def test_asked_again_until_it_is_known(tmp_path: Path) -> None:
    """A folder that does not exist yet is looked for again."""
    place = Place(Asked(None, tmp_path))
    assert [place.existing(), place.existing()] == [None, tmp_path]


def test_made_again_when_it_was_lost(tmp_path: Path) -> None:
    """A folder that somebody removed is made again."""
    place = Place(tmp_path / "outside" / "folder")
    assert place.existing() == tmp_path / "outside" / "folder"
    assert list(tmp_path.iterdir()) == []
    folder = place.made()
    assert [path.name for path in folder.iterdir()] == ["lock"]
    (folder / "lock").unlink()
    folder.rmdir()
    place.lost()
    assert place.made() == folder
    assert [path.name for path in folder.iterdir()] == ["lock"]


def test_no_home() -> None:
    """Without a place an attempt to write says what to do."""
    with pytest.raises(OSError, match="this user has no home folder; name a folder with TCC_SPOOL_DIR"):
        Place(Asked(None)).made()


def test_a_folder_that_cannot_be_used(caplog: pytest.LogCaptureFixture) -> None:
    """A folder that is refused counts as none for those who read, and that is said once."""
    place = Place(Asked(OSError("refuse to use it")))
    with caplog.at_level(logging.WARNING):
        assert [place.existing(), place.existing()] == [None, None]
    assert caplog.messages == ["the spool cannot be used, so what waits there is not sent (refuse to use it)"]
    with pytest.raises(OSError, match="refuse to use it"):
        place.made()
