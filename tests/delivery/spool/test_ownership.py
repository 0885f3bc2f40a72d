"""Folders and files that nobody else may look into."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from contextcompany.delivery.spool.ownership import check_private, make_private, open_private, write_private

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to another user")


def mode_of(path: Path) -> str:
    """Return the mode of a file or folder, in octal."""
    return f"{stat.S_IMODE(path.stat().st_mode):o}"


@pytest.fixture(params=[0o000, 0o022, 0o077, 0o777], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """Run a test under several umasks."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_modes_under_any_umask(tmp_path: Path, umask: int) -> None:
    """Folders are 0700 and files 0600, whatever the umask takes away or leaves."""
    make_private(tmp_path / "folder")
    write_private(tmp_path / "folder" / "file", b"content")
    os.close(open_private(tmp_path / "folder" / "lock", os.O_RDWR))
    assert mode_of(tmp_path / "folder") == "700"
    assert (mode_of(tmp_path / "folder" / "file"), mode_of(tmp_path / "folder" / "lock")) == ("600", "600")
    assert (tmp_path / "folder" / "file").read_bytes() == b"content"


def test_an_open_folder_is_closed(tmp_path: Path) -> None:
    """A folder of ours that others may read is closed to them; making it again is harmless."""
    folder = tmp_path / "folder"
    folder.mkdir()
    folder.chmod(0o755)
    make_private(folder)
    make_private(folder)
    assert mode_of(folder) == "700"


def test_a_link_that_only_we_can_place(tmp_path: Path) -> None:
    """In a folder of our own a link to another disk is welcome."""
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to("elsewhere")
    tmp_path.chmod(0o700)
    make_private(tmp_path / "link")
    check_private(tmp_path / "link")


def test_a_link_that_others_can_place(tmp_path: Path) -> None:
    """Where others may write a link is refused, even to a folder of our own."""
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    (shared / "link").symlink_to("../elsewhere")
    with pytest.raises(OSError, match=r"refuse to follow the link \S+link: .+; remove it"):
        make_private(shared / "link")


@as_root
def test_a_folder_of_another_user(tmp_path: Path) -> None:
    """A folder that belongs to another user is refused and left as it is."""
    folder = tmp_path / "folder"
    folder.mkdir()
    os.chown(folder, 65534, 65534)
    folder.chmod(0o777)
    with pytest.raises(OSError, match="it belongs to user 65534 and this process is user 0; remove it, or"):
        make_private(folder)
    assert mode_of(folder) == "777"


def test_a_file_in_the_place_of_a_folder(tmp_path: Path) -> None:
    """A file where the folder should be is refused with a word on what to do."""
    (tmp_path / "folder").write_bytes(b"")
    with pytest.raises(OSError, match="is no folder: remove it, or name another place"):
        make_private(tmp_path / "folder")


def test_a_file_is_not_written_through_a_link(tmp_path: Path) -> None:
    """A link in the place of a file is not followed."""
    (tmp_path / "target").write_bytes(b"precious")
    (tmp_path / "file").symlink_to("target")
    with pytest.raises(OSError, match="symbolic links"):
        write_private(tmp_path / "file", b"content")
    assert (tmp_path / "target").read_bytes() == b"precious"


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    """What was in a file before is gone when it is written again."""
    write_private(tmp_path / "file", b"longer than the next")
    write_private(tmp_path / "file", b"short")
    assert (tmp_path / "file").read_bytes() == b"short"


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that takes a few bytes at a time still gets them all."""
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, bytes(data[:3])))
    write_private(tmp_path / "file", b"0123456789")
    assert (tmp_path / "file").read_bytes() == b"0123456789"


def test_programs_that_are_started_inherit_nothing(tmp_path: Path) -> None:
    """A descriptor of ours is closed in programs that the application starts."""
    descriptor = open_private(tmp_path / "lock", os.O_RDWR)
    inheritable = os.get_inheritable(descriptor)
    os.close(descriptor)
    assert not inheritable
