"""How much may wait, and how long."""

from __future__ import annotations

import logging
import os
import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from contextcompany.delivery.spool import bounds as bounds_module
from contextcompany.delivery.spool.bounds import ASIDE, Bounds, Evicted
from contextcompany.delivery.spool.clock import AgeClock
from contextcompany.delivery.spool.segment import Names, encoded, part_of

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_800_000_000.0
NAMES = Names()


class StoppedClock(AgeClock):
    """A clock that stands where a test puts it."""

    moment = NOW

    def now(self) -> float:
        """Return the moment."""
        return self.moment


def put(folder: Path, *, age: float = 0.0, size: int = 100, spans: int = 1) -> str:
    """Make a file of an age and a size in a folder and return its name."""
    folder.mkdir(exist_ok=True)
    name = NAMES.new(NOW - age)
    head = len(encoded(b"", spans)) + len(str(size)) - 1
    (folder / name).write_bytes(encoded(bytes(size - head), spans)[:size].ljust(size, b"\0"))
    return name


def debris(folder: Path, *, age: float, size: int = 100) -> str:
    """Make a file that somebody began to write some time ago and return its name."""
    name = part_of(NAMES.new(NOW))
    (folder / name).write_bytes(bytes(size))
    os.utime(folder / name, (time.time() - age,) * 2)
    return name


def left(folder: Path) -> set[str]:
    """Return the names of all files in a folder and below."""
    return {path.name for path in folder.rglob("*") if not path.is_dir()}


@pytest.fixture
def bounds() -> Bounds:
    """Bounds of 1,000 bytes and a day."""
    return Bounds(most_bytes=1_000, most_seconds=86_400.0, clock=StoppedClock())


def room(bounds: Bounds, folder: Path, size: int, spare: tuple[str, ...] = ()) -> list[Evicted]:
    """Make room and return what had to go."""
    gone: list[Evicted] = []
    bounds.make_room(folder, size, writing="", spare=spare, removed=gone.append)
    return gone


def expired(bounds: Bounds, folder: Path) -> list[Evicted]:
    """Remove what is too old and return it, in the order of the names."""
    gone: list[Evicted] = []
    bounds.expire(folder, removed=gone.append)
    return sorted(gone)


def test_the_oldest_goes_first(tmp_path: Path, bounds: Bounds) -> None:
    """As many of the oldest files go as must, with their number of spans, and not one more."""
    names = [put(tmp_path, age=age, size=300, spans=int(age)) for age in (30, 20, 10)]
    assert room(bounds, tmp_path, 100) == []
    assert room(bounds, tmp_path, 500) == [Evicted(names[0], 30), Evicted(names[1], 20)]
    assert left(tmp_path) == {names[2]}


def test_worthless_files_go_before_all_others(tmp_path: Path, bounds: Bounds) -> None:
    """What was set aside and what dead processes left makes room first, and counts as no loss."""
    kept = put(tmp_path, age=50, size=600)
    put(tmp_path / ASIDE, size=200)
    debris(tmp_path, age=61, size=200)
    assert room(bounds, tmp_path, 400) == []
    assert left(tmp_path) == {kept}


def test_what_is_in_use_stays(tmp_path: Path, bounds: Bounds) -> None:
    """A file that is being sent is not evicted."""
    used, other = put(tmp_path, age=20, size=500), put(tmp_path, age=10, size=500)
    assert room(bounds, tmp_path, 100, spare=(used,)) == [Evicted(other, 1)]
    assert left(tmp_path) == {used}


def test_the_file_that_is_being_written_stays(tmp_path: Path, bounds: Bounds) -> None:
    """The file for which room is made is no debris, however old a clock that jumped makes it look."""
    old = put(tmp_path, age=20, size=600)
    part = debris(tmp_path, age=1e6, size=500)
    gone: list[Evicted] = []
    bounds.make_room(tmp_path, 500, writing=part, spare=(), removed=gone.append)
    assert gone == [Evicted(old, 1)]
    assert left(tmp_path) == {part}


def test_what_another_process_removed_is_not_counted_twice(
    tmp_path: Path, bounds: Bounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that another process evicted in the same moment is its loss, not ours."""
    first, second = put(tmp_path, age=20, size=500), put(tmp_path, age=10, size=500)

    def spans_in(path: Path) -> int:
        if path.name == first:
            path.unlink()
        return 1

    monkeypatch.setattr(bounds_module, "spans_in", spans_in)
    assert room(bounds, tmp_path, 900) == [Evicted(second, 1)]


def test_files_that_are_none_of_ours_stay(tmp_path: Path, bounds: Bounds) -> None:
    """Whatever else lies in the folder is neither counted nor removed."""
    (tmp_path / "notes").write_bytes(bytes(5_000))
    (tmp_path / NAMES.new(0.0)).mkdir()
    bounds.most_bytes = 100
    assert room(bounds, tmp_path, 100) == []
    assert expired(bounds, tmp_path) == []
    assert left(tmp_path) == {"notes"}


def test_a_bound_on_the_number_of_files(
    tmp_path: Path, bounds: Bounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many tiny files are too much as well: each takes a block of the disk."""
    monkeypatch.setattr(bounds_module, "_MOST_FILES", 3)
    names = [put(tmp_path, age=age) for age in (30, 20, 10)]
    assert bounds.has_room(tmp_path, 1, 0)
    assert room(bounds, tmp_path, 1) == [Evicted(names[0], 1)]


def test_the_total_is_remembered(tmp_path: Path, bounds: Bounds, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of other processes are seen after half a minute, or when the bound seems reached."""
    times = SimpleNamespace(now=1_000.0)
    monkeypatch.setattr(bounds_module, "time", SimpleNamespace(monotonic=lambda: times.now))
    assert bounds.has_room(tmp_path, 1_000, 1)
    other = put(tmp_path, size=600)
    assert bounds.has_room(tmp_path, 1_000, 1)
    bounds.added(100, 1)
    assert not bounds.has_room(tmp_path, 1_000, 1)
    times.now += 31.0
    assert not bounds.has_room(tmp_path, 500, 1)
    assert bounds.has_room(tmp_path, 400, 1)
    (tmp_path / other).unlink()
    assert room(bounds, tmp_path, 500) == []
    assert bounds.has_room(tmp_path, 1_000, 1)


def test_what_is_too_old(tmp_path: Path, bounds: Bounds) -> None:
    """Requests, files set aside and debris go by their age; only requests are told."""
    old, young = put(tmp_path, age=86_401, spans=7), put(tmp_path, age=86_399)
    future = put(tmp_path, age=-1e6)
    aside = put(tmp_path / ASIDE, age=86_399)
    put(tmp_path / ASIDE, age=86_401)
    debris(tmp_path, age=61)
    writing = debris(tmp_path, age=59)
    assert expired(bounds, tmp_path) == [Evicted(old, 7)]
    assert left(tmp_path) == {young, future, aside, writing}
    assert expired(bounds, tmp_path) == []


def test_no_folder(tmp_path: Path, bounds: Bounds) -> None:
    """Where nothing was written yet there is nothing to count or to remove."""
    assert bounds.has_room(tmp_path / "none", 1_000, 1)
    assert expired(bounds, tmp_path / "none") == []


def test_folders_of_earlier_keys(tmp_path: Path, bounds: Bounds, caplog: pytest.LogCaptureFixture) -> None:
    """What waits for a key that nobody uses any more goes by its age too, and that is said."""
    ours, earlier, foreign = (tmp_path / f"host-{letter * 32}" for letter in "abz")
    kept = {put(ours, age=1e6), put(earlier, age=10), put(foreign, age=1e6)}
    put(earlier, age=86_401, spans=3)
    put(earlier, age=1e6, spans=4)
    (tmp_path / "salt").touch()
    with caplog.at_level(logging.WARNING):
        bounds.expire_beside(ours)
        bounds.expire_beside(ours)
    assert left(tmp_path) == {"salt", *kept}
    assert caplog.messages == [
        "7 spans for an earlier key or URL were not delivered in 1.0 days and are removed"
    ]


def test_a_folder_that_we_did_not_name_has_no_neighbours(tmp_path: Path, bounds: Bounds) -> None:
    """A folder with a name of its own says nothing about the folders beside it."""
    kept = put(tmp_path / f"host-{'a' * 32}", age=1e6)
    (tmp_path / "own").mkdir()
    bounds.expire_beside(tmp_path / "own")
    assert left(tmp_path) == {kept}


def test_threads_count_together(tmp_path: Path) -> None:
    """What several threads add and take away at once comes out even."""
    bounds = Bounds(most_bytes=1_000, most_seconds=1.0, clock=AgeClock())
    assert bounds.has_room(tmp_path, 0, 0)

    def work() -> None:
        for _ in range(2_000):
            bounds.added(7, 1)
            bounds.added(-7, -1)

    started = time.monotonic()
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - started < bounds_module._RECOUNT_SECONDS
    assert bounds.has_room(tmp_path, 1_000, 1)
    assert not bounds.has_room(tmp_path, 1_001, 1)
