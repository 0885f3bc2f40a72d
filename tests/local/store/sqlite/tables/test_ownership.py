"""One process at a time writes, and says where it can be reached."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from contextcompany.local.store.rows import StoreLockedError
from contextcompany.local.store.sqlite.tables.ownership import own, owner_url

if TYPE_CHECKING:
    from pathlib import Path

_CHILD = """
import sys, time
from pathlib import Path
from contextcompany.local.store.sqlite.tables.ownership import own
held = own(Path(sys.argv[1]), "http://localhost:4318")
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_owner_is_told_who_the_first_is(tmp_path: Path) -> None:
    """The message names the process, its address and what to do."""
    path = tmp_path / "runs.db"
    first = own(path, "http://localhost:4318")
    with pytest.raises(StoreLockedError) as caught:
        own(path)
    said = str(caught.value)
    assert f"process {os.getpid()}" in said
    assert "http://localhost:4318" in said
    assert "--db" in said
    first.release()
    own(path).release()


def test_the_address_is_that_of_a_running_owner(tmp_path: Path) -> None:
    """It is None before, without an address, and after the end; a later one replaces an earlier."""
    path = tmp_path / "runs.db"
    assert owner_url(path) is None
    owned = own(path)
    assert owner_url(path) is None
    owned.announce("http://localhost:40000")
    assert owner_url(path) == "http://localhost:40000"
    owned.announce("http://localhost:4")
    assert owner_url(path) == "http://localhost:4"
    owned.release()
    owned.release()
    owned.announce("http://localhost:5")
    assert owner_url(path) is None


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
def test_a_process_that_was_killed_owns_nothing(tmp_path: Path) -> None:
    """What it wrote down stays in the file and is believed by nobody."""
    path = tmp_path / "runs.db"
    with subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        assert owner_url(path) == "http://localhost:4318"
        with pytest.raises(StoreLockedError, match=f"process {child.pid}"):
            own(path)
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert owner_url(path) is None
    own(path).release()


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff" * 5000, b'{"url": 5}'])
def test_what_stands_in_the_file_is_not_trusted(tmp_path: Path, content: bytes) -> None:
    """A file that another program wrote gives no address or a text, and never an error."""
    path = tmp_path / "runs.db"
    owned = own(path)
    (tmp_path / "runs.db.lock").write_bytes(content)
    assert owner_url(path) in {None, "5"}
    with pytest.raises(StoreLockedError):
        own(path)
    owned.release()
