"""Requests on disk between processes: killed, forked, at once, and without room or permission."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from contextcompany.delivery.spool.spool import Spool
from tests.delivery.spool.otlp import names_in, request
from tests.interpreter import python
from tests.loopback import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = str(Path(__file__).resolve().parents[3])

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")


def waiting(folder: Path) -> list[str]:
    """Return the names of all spans that wait in a folder, each file of which must be whole."""
    spool = Spool(folder)
    found: list[str] = []
    for name in spool.names():
        stored = spool.read(name)
        assert stored is not None
        assert stored.spans == len(names_in(stored.body))
        found += names_in(stored.body)
    return found


WRITER = """
    import random, sys
    from pathlib import Path
    from contextcompany.delivery.spool.spool import Spool
    from tests.delivery.spool.otlp import request

    chance = random.Random(sys.argv[2])
    spool = Spool(Path(sys.argv[1]))
    count = 0
    while True:
        print("begin", count, flush=True)
        padding = chance.choice((10, 1_000, 100_000))
        spool.write(request(f"span {count}", padding=padding), 1, merge=chance.random() < 0.8)
        print("end", count, flush=True)
        count += 1
"""


@pytest.mark.parametrize("seed", range(8))
def test_killed_at_any_moment(tmp_path: Path, seed: int) -> None:
    """A process that is killed while it writes leaves whole files with all that it had written."""
    lines_before = random.Random(seed).randrange(1, 400)
    with subprocess.Popen(
        [sys.executable, "-c", dedent(WRITER), str(tmp_path / "spool"), str(seed)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": ROOT},
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(lines_before)]
        process.kill()
        lines += process.stdout.readlines()
    ended = sum(line.startswith("end") for line in lines)
    found = waiting(tmp_path / "spool")
    assert sorted(found) in (
        sorted(f"span {number}" for number in range(ended)),
        sorted(f"span {number}" for number in range(ended + 1)),
    )
    assert not (tmp_path / "spool" / "aside").exists()


@pytest.mark.parametrize("merge", ["merge", ""], ids=["merged", "alone"])
@pytest.mark.parametrize(
    ("place", "kept"),
    [("before the first byte", 1), ("in the middle", 1), ("before the rename", 1), ("after the rename", 2)],
)
def test_killed_at_each_step(tmp_path: Path, place: str, kept: int, merge: str) -> None:
    """Killed at any step of a write, a process leaves what was there, or that and the new span."""
    script = """
        import os, signal, sys
        from pathlib import Path
        from contextcompany.delivery.spool.spool import Spool
        from tests.delivery.spool.otlp import request

        folder, place, merge = sys.argv[1:]
        write, replace = os.write, Path.replace

        def die():
            os.kill(os.getpid(), signal.SIGKILL)

        def dying_write(descriptor, data):
            if place == "before the first byte":
                die()
            written = write(descriptor, data[: (len(data) + 1) // 2])
            if place == "in the middle":
                die()
            return written

        def dying_replace(path, target):
            if place == "before the rename":
                die()
            replace(path, target)
            die()

        spool = Spool(Path(folder))
        spool.write(request("span 0"), 1, merge=bool(merge))
        os.write, Path.replace = dying_write, dying_replace
        spool.write(request("span 1"), 1, merge=bool(merge))
    """
    finished = python(script, str(tmp_path / "spool"), place, merge, path=ROOT)
    assert (finished.code, finished.err) == (-signal.SIGKILL, "")
    assert waiting(tmp_path / "spool") == ["span 0", "span 1"][:kept]
    parts = [path for path in (tmp_path / "spool").iterdir() if path.suffix == ".part"]
    assert len(parts) == (0 if kept == 2 else 1)
    for part in parts:
        os.utime(part, (1e9, 1e9))
    assert Spool(tmp_path / "spool").expire() == ()
    assert not any(part.exists() for part in parts)


@needs_fork
def test_processes_that_send_at_once(tmp_path: Path) -> None:
    """Of processes that write and send at once one sends at a time, and each span is sent once."""
    script = """
        import os, sys
        from pathlib import Path
        from contextcompany.delivery.spool.spool import Spool
        from tests.delivery.spool.otlp import names_in, request

        folder, inside = Path(sys.argv[1]), Path(sys.argv[2])
        spool = Spool(folder)
        spool.write(request("first"), 1)
        wait, go = os.pipe()
        children = []
        for who in range(3):
            child = os.fork()
            if not child:
                os.close(go)
                spool.renew_after_fork()
                os.read(wait, 1)  # all at once, when the parent closes its end
                sent, turns = [], 0
                for count in range(300):
                    spool.write(request(f"{who}.{count}"), 1, merge=count % 3 > 0)
                    with spool.exclusive() as mine:
                        if not mine:
                            continue
                        turns += 1
                        os.close(os.open(inside, os.O_CREAT | os.O_EXCL))  # fails if another is inside
                        for name in spool.names():
                            stored = spool.read(name)
                            sent += names_in(stored.body)
                            assert spool.remove(name)
                        os.unlink(inside)
                Path(sys.argv[3] + str(who)).write_text("\\n".join(sent))
                os._exit(0 if turns > 0 else 3)
            children.append(child)
        os.close(wait)
        os.close(go)
        assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
    """
    finished = python(script, *(str(tmp_path / name) for name in ("spool", "inside", "sent")), path=ROOT)
    assert (finished.code, finished.err) == (0, "")
    sent = [name for who in range(3) for name in (tmp_path / f"sent{who}").read_text().split()]
    written = ["first", *(f"{who}.{count}" for who in range(3) for count in range(300))]
    assert sorted(sent + waiting(tmp_path / "spool")) == sorted(written)


@needs_fork
def test_a_child_begins_anew(tmp_path: Path) -> None:
    """A forked child has not the parent's lock, cannot release it, and writes into files of its own."""
    script = """
        import os, sys
        from pathlib import Path
        from contextcompany.delivery.spool.spool import Spool
        from tests.delivery.spool.otlp import request

        folder = Path(sys.argv[1])
        spool = Spool(folder)
        name = spool.write(request("parent"), 1).name
        with spool.exclusive() as mine:
            assert mine
            child = os.fork()
            if not child:
                spool.renew_after_fork()
                with spool.exclusive() as mine:
                    assert not mine
                with Spool(folder).exclusive() as mine:
                    assert not mine
                assert spool.write(request("child"), 1).name != name
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
            with Spool(folder).exclusive() as other:
                assert not other
        assert spool.write(request("parent again"), 1).name == name
        print("good")
    """
    finished = python(script, str(tmp_path / "spool"), path=ROOT)
    assert (finished.out, finished.err) == ("good\n", "")
    assert waiting(tmp_path / "spool") == ["parent", "parent again", "child"]


@needs_fork
def test_a_child_that_leaves_the_block_of_its_parent(tmp_path: Path) -> None:
    """A child that runs to the end of the block in which it was forked leaves the lock to its parent."""
    script = """
        import os, sys
        from pathlib import Path
        from contextcompany.delivery.spool.spool import Spool

        spool = Spool(Path(sys.argv[1]))
        spool.write(b"", 0)
        with spool.exclusive():
            child = os.fork()
            if not child:
                spool.renew_after_fork()
            else:
                assert os.waitpid(child, 0)[1] == 0
                with Spool(Path(sys.argv[1])).exclusive() as other:
                    print(other)
    """
    finished = python(script, str(tmp_path / "spool"))
    assert (finished.code, finished.out, finished.err) == (0, "False\n", "")


def test_sent_by_the_next_process(tmp_path: Path) -> None:
    """What a process that died while it was sending left is sent by the next one."""
    script = """
        import os, sys
        from pathlib import Path
        from contextcompany.delivery.spool.spool import Spool
        from tests.delivery.spool.otlp import request

        spool = Spool(Path(sys.argv[1]))
        spool.write(request("a"), 1)
        with spool.exclusive() as mine:
            assert mine and spool.read(spool.names()[0])
            os._exit(0)
    """
    assert python(script, str(tmp_path / "spool"), path=ROOT).code == 0
    with Spool(tmp_path / "spool").exclusive() as mine:
        assert not mine or waiting(tmp_path / "spool") == ["a"]
        assert mine


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Mount a disk of 256 KiB on a folder, or skip the test."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(mount, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except FileNotFoundError as error:
        pytest.skip(f"no small disk can be mounted here: {error}")
    if mounted.returncode != 0:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], timeout=PATIENCE, check=True)


@pytest.mark.parametrize("merge", [True, False])
def test_a_full_disk(tmp_path: Path, merge: bool) -> None:
    """On a full disk a write fails, leaves nothing behind, and what was there is sent and makes room."""
    with small_disk(tmp_path / "disk"):
        spool = Spool(tmp_path / "disk" / "spool")
        written = 0

        def write_on() -> None:
            nonlocal written
            for _ in range(100):
                spool.write(request(f"span {written}", padding=10_000), 1, merge=merge)
                written += 1

        for _ in range(2):
            with pytest.raises(OSError, match="No space left on device"):
                write_on()
        assert 8 < written < 26
        assert waiting(tmp_path / "disk" / "spool") == [f"span {number}" for number in range(written)]
        assert {path.suffix for path in (tmp_path / "disk" / "spool").iterdir()} == {"", ".otlp"}
        with Spool(tmp_path / "disk" / "spool").exclusive() as mine:
            assert mine
            assert spool.remove(spool.names()[0])
        spool.write(request("again", padding=1_000), 1)
        assert waiting(tmp_path / "disk" / "spool")[-1] == "again"


def test_a_limit_on_the_size_of_files(tmp_path: Path) -> None:
    """A file that the system refuses to let grow is given up whole; smaller ones are still written."""
    pytest.importorskip("resource")
    script = """
        import resource, sys
        from pathlib import Path
        from contextcompany.delivery.spool.spool import Spool
        from tests.delivery.spool.otlp import request

        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        spool = Spool(Path(sys.argv[1]))
        for name, padding in (("a", 8_000), ("large", 20_000), ("too much to merge", 8_000)):
            try:
                spool.write(request(name, padding=padding), 1)
            except OSError as error:
                print(name, "|", error.strerror)
        spool.write(request("b", padding=8_000), 1, merge=False)
    """
    finished = python(script, str(tmp_path / "spool"), path=ROOT)
    assert (finished.err, finished.out) == (
        "",
        "large | File too large\ntoo much to merge | File too large\n",
    )
    assert waiting(tmp_path / "spool") == ["a", "b"]
    assert not [path for path in (tmp_path / "spool").iterdir() if path.suffix == ".part"]


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="this system knows no modes")
def test_a_folder_that_may_not_be_written() -> None:
    """Where nothing may be written a write fails, what waits is not sent, and nothing breaks."""
    script = """
        import logging, os, sys
        from pathlib import Path
        from contextcompany.delivery.spool.spool import Spool
        from tests.delivery.spool.otlp import names_in, request

        folder = Path(sys.argv[1]) / "outside" / "spool"
        if os.geteuid() == 0:
            os.setuid(65534)  # root may write everywhere
        Spool(folder).write(request("a"), 1)
        (folder / "lock").unlink()
        folder.chmod(0o500)
        folder.parent.chmod(0o500)
        logging.basicConfig(format="%(message)s", stream=sys.stdout)
        for spool in (Spool(folder), Spool(folder.parent / "other")):
            try:
                spool.write(request("b"), 1)
            except OSError as error:
                print(type(error).__name__)
            with spool.exclusive() as mine:
                print(mine, [names_in(spool.read(name).body) for name in spool.names()], spool.expire())
        folder.chmod(0o700)
        folder.parent.chmod(0o700)
    """
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o777)  # the folders of pytest are closed to the user that the script becomes
        finished = python(script, place, path=ROOT)
        folder = Path(place) / "outside" / "spool"
        assert (finished.err, finished.out.replace(str(folder), "FOLDER").splitlines()) == (
            "",
            [
                "PermissionError",
                (
                    "the spool FOLDER cannot be locked, so what waits there is not sent "
                    "([Errno 13] Permission denied: 'FOLDER/lock')"
                ),
                "False [['a']] ()",
                "PermissionError",
                "False [] ()",
            ],
        )
