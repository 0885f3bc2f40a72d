"""Where a spool lies, and that its name tells nothing."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import replace
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

import pytest

from contextcompany.delivery.spool import location
from contextcompany.delivery.spool.location import FOLDER_NAME, folder_of, state_folder
from contextcompany.settings.destination import Destination, Source
from tests.interpreter import python

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY = "key-that-nobody-may-see-0123456789"
PLATFORM = Destination("https://api.example.com/v1/traces?team=secret-team", Source.OURS, key=KEY)
USER = str(os.geteuid())


def tree(folder: Path) -> dict[str, str]:
    """Return the mode of everything below a folder, by its path."""
    return {
        str(path.relative_to(folder)): f"{stat.S_IMODE(path.stat().st_mode):o}"
        for path in sorted(folder.rglob("*"))
    }


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the user an empty home folder."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    return tmp_path


def made(destination: Destination, spool_dir: Path) -> Path:
    """Return the folder of a destination below a spool folder, which must exist."""
    folder = folder_of(destination, spool_dir=str(spool_dir))
    assert folder is not None
    return folder


def test_in_the_state_folder_of_the_user(home: Path) -> None:
    """By default all lies in the user's state folder, and nobody else may enter."""
    folder = folder_of(PLATFORM, spool_dir=None)
    assert folder is not None
    state = home / ".local/state"
    assert folder.parent == state / "contextcompany/spool"
    assert tree(state) == {
        "contextcompany": "700",
        "contextcompany/spool": "700",
        f"contextcompany/spool/{folder.name}": "700",
        "contextcompany/spool/salt": "600",
    }


def test_below_a_folder_that_users_share(tmp_path: Path) -> None:
    """In a named folder each user gets one of their own."""
    folder = made(PLATFORM, tmp_path / "new" / "shared")
    assert folder.parent == tmp_path / "new" / "shared" / f"contextcompany-{USER}"
    assert tree(tmp_path / "new" / "shared") == {
        f"contextcompany-{USER}": "700",
        f"contextcompany-{USER}/{folder.name}": "700",
        f"contextcompany-{USER}/salt": "600",
    }


def test_looking_makes_nothing(home: Path) -> None:
    """Without `create` nothing is written, and before the first write there is no folder to name."""
    assert folder_of(PLATFORM, spool_dir=None, create=False) is None
    assert folder_of(PLATFORM, spool_dir=str(home / "shared"), create=False) is None
    assert tree(home) == {}
    folder = folder_of(PLATFORM, spool_dir=None)
    assert folder_of(PLATFORM, spool_dir=None, create=False) == folder


def test_the_name_is_stable_and_its_own(tmp_path: Path) -> None:
    """The same destination finds its folder again; another URL, key or header has another one."""
    others = [
        replace(PLATFORM, key="another-key"),
        replace(PLATFORM, key=None),
        replace(PLATFORM, headers=(("x-team", "a"),)),
        replace(PLATFORM, headers=(("x-team", "b"),)),
        replace(PLATFORM, url="https://api.example.com/v1/traces?team=another"),
        replace(PLATFORM, url="https://api.example.com/other/v1/traces"),
    ]
    folders = [made(destination, tmp_path) for destination in (PLATFORM, *others)]
    assert len(set(folders)) == 7
    assert made(PLATFORM, tmp_path) == folders[0]
    assert {folder.name.rpartition("-")[0] for folder in folders} == {"api.example.com"}


def test_the_order_of_headers_means_nothing(tmp_path: Path) -> None:
    """The same headers in another order are the same destination."""
    headers = (("a", "1"), ("b", "2"))
    one, other = (replace(PLATFORM, headers=order) for order in (headers, headers[::-1]))
    assert made(one, tmp_path) == made(other, tmp_path)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://API.Example.com:8443/v1/traces", "api.example.com-8443"),
        ("http://localhost:4318/v1/traces", "localhost-4318"),
        ("http://[::1]:4318/v1/traces", "1-4318"),
        ("http://" + "a" * 200 + ".com/v1/traces", "a" * 60),
        ("http://bücher_.example/v1/traces", "b-cher-.example"),
        ("http://../v1/traces", "host"),
    ],
)
def test_the_host_is_readable(tmp_path: Path, url: str, shown: str) -> None:
    """A name begins with the host and port, without characters that a file system may refuse."""
    name = made(Destination(url, Source.OURS), tmp_path).name
    assert name.rpartition("-")[0] == shown
    assert FOLDER_NAME.fullmatch(name)


def test_no_secret_on_disk(tmp_path: Path) -> None:
    """Neither a name nor a file holds the key, the path or the query."""
    made(replace(PLATFORM, headers=(("authorization", "Basic c2VjcmV0"),)), tmp_path)
    written = b"".join(
        os.fsencode(path) + (path.read_bytes() if path.is_file() else b"") for path in tmp_path.rglob("*")
    )
    for secret in (KEY, "secret-team", "v1/traces", "c2VjcmV0"):
        assert secret.encode() not in written


def test_the_salt_decides(tmp_path: Path) -> None:
    """With other random bytes the same destination has another name, so that keys cannot be tried out."""
    assert made(PLATFORM, tmp_path / "one").name != made(PLATFORM, tmp_path / "two").name


@pytest.mark.parametrize("torn", [b"", b"short", bytes(33)])
def test_a_torn_salt_is_made_anew(tmp_path: Path, torn: bytes) -> None:
    """Random bytes that a power failure tore are replaced; they are nobody's name before."""
    salt = made(PLATFORM, tmp_path).parent / "salt"
    salt.write_bytes(torn)
    assert folder_of(PLATFORM, spool_dir=str(tmp_path), create=False) is None
    folder = made(PLATFORM, tmp_path)
    assert len(salt.read_bytes()) == 32
    assert made(PLATFORM, tmp_path) == folder
    assert [path.name for path in folder.parent.glob("salt*")] == ["salt"]


def test_a_file_system_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where files cannot be linked the salt gets its name by a rename."""

    def refuse(*arguments: object) -> None:
        raise PermissionError("links are unknown here")

    monkeypatch.setattr(os, "link", refuse)
    folder = made(PLATFORM, tmp_path)
    assert made(PLATFORM, tmp_path) == folder
    assert sorted(tree(folder.parent)) == sorted([folder.name, "salt"])


def test_processes_that_start_at_once_agree(tmp_path: Path) -> None:
    """Of processes that make the salt at the same moment one wins, and all find the same folder."""
    script = """
        import os, sys
        from contextcompany.delivery.spool.location import folder_of
        from contextcompany.settings.destination import Destination, Source

        destination = Destination("http://localhost:4318/v1/traces", Source.OURS)
        for attempt in range(50):
            go, wait = os.pipe()
            children = []
            read, write = os.pipe()
            for _ in range(4):
                child = os.fork()
                if not child:
                    os.close(wait)
                    os.read(go, 1)  # all at once, when the parent closes its end
                    folder = folder_of(destination, spool_dir=os.path.join(sys.argv[1], str(attempt)))
                    os.write(write, (folder.name + "\\n").encode())
                    os._exit(0)
                children.append(child)
            os.close(wait)
            os.close(write)
            assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
            with open(read) as answers:
                names = answers.read().split()
            assert len(names) == 4 and len(set(names)) == 1, names
            os.close(go)
            left = os.listdir(os.path.join(sys.argv[1], str(attempt), f"contextcompany-{os.geteuid()}"))
            assert sorted(left) == sorted([names[0], "salt"]), left
        print("agreed")
    """
    finished = python(script, str(tmp_path))
    assert (finished.out, finished.err) == ("agreed\n", "")


@pytest.mark.parametrize(
    ("platform", "environ", "home", "expected"),
    [
        ("linux", {}, "/people/a", PurePosixPath("/people/a/.local/state")),
        ("linux", {"XDG_STATE_HOME": "/state"}, "/people/a", PurePosixPath("/state")),
        ("linux", {"XDG_STATE_HOME": "/state"}, None, PurePosixPath("/state")),
        ("linux", {"XDG_STATE_HOME": "relative"}, "/people/a", PurePosixPath("/people/a/.local/state")),
        ("linux", {"XDG_STATE_HOME": ""}, "/people/a", PurePosixPath("/people/a/.local/state")),
        ("freebsd14", {}, "/people/a", PurePosixPath("/people/a/.local/state")),
        ("linux", {}, None, None),
        ("linux", {}, "relative", None),
        (
            "darwin",
            {"XDG_STATE_HOME": "/state"},
            "/people/a",
            PurePosixPath("/people/a/Library/Application Support"),
        ),
        ("darwin", {}, None, None),
        ("win32", {"LOCALAPPDATA": "C:\\Users\\a\\Local"}, None, PureWindowsPath("C:\\Users\\a\\Local")),
        ("win32", {}, "/people/a", None),
    ],
)
def test_state_folders(
    platform: str, environ: Mapping[str, str], home: str | None, expected: PurePath | None
) -> None:
    """Each platform has its own place for the state of a user's programs."""
    assert state_folder(platform, environ, home) == expected


def test_a_home_that_does_not_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user whose home was never made has none, and it is not made."""
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "nonexistent"))
    assert folder_of(PLATFORM, spool_dir=None) is None
    assert tree(tmp_path) == {}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can have the home of another user")
def test_root_in_the_home_of_another_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root with the HOME of the user who called it leaves nothing there that this user cannot enter."""
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    os.chown(tmp_path, 65534, 65534)
    assert location._home() == str(Path("~root").expanduser())
    monkeypatch.delenv("HOME")
    assert location._home() == str(Path("~root").expanduser())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give folders to another user")
def test_a_planted_folder_is_refused(tmp_path: Path) -> None:
    """A folder that another user made in our name is neither written nor read."""
    planted = tmp_path / f"contextcompany-{USER}"
    planted.mkdir()
    os.chown(planted, 65534, 65534)
    for create in (True, False):
        with pytest.raises(OSError, match=re.escape(f"refuse to use {planted}: it belongs to user 65534")):
            folder_of(PLATFORM, spool_dir=str(tmp_path), create=create)


def test_a_planted_link_is_refused(tmp_path: Path) -> None:
    """A link that another user may have placed is neither written nor read through."""
    (tmp_path / "target").mkdir()
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    planted = shared / f"contextcompany-{USER}"
    planted.symlink_to(tmp_path / "target")
    for create in (True, False):
        with pytest.raises(OSError, match=re.escape(f"refuse to follow the link {planted}")):
            folder_of(PLATFORM, spool_dir=str(shared), create=create)
    assert tree(tmp_path / "target") == {}
