"""Files of the spool: what they are called and what is in them."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextcompany.delivery.spool.segment import (
    Names,
    Stored,
    UnreadableError,
    encoded,
    is_name,
    is_part,
    load,
    moment_of,
    part_of,
    spans_in,
)

if TYPE_CHECKING:
    from pathlib import Path

BODY = b"\n\x03abc\x00"
WHOLE = encoded(BODY, 3)


def problem_of(path: Path) -> str:
    """Return why a file cannot be read."""
    with pytest.raises(UnreadableError) as caught:
        load(path)
    return str(caught.value)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """A file gives back its body and its number of spans."""
    file = tmp_path / "file"
    file.write_bytes(WHOLE)
    assert load(file) == Stored(BODY, 3)
    assert spans_in(file) == 3


def test_the_header_in_full() -> None:
    """The form on disk: one line that people can read, then the request."""
    assert WHOLE == b"contextcompany-spool 1 3 6 8865c633\n" + BODY


@given(body=st.binary(max_size=600), spans=st.integers(0, 10**6))
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, body: bytes, spans: int) -> None:
    """Whatever the bytes are, they come back."""
    file = tmp_path_factory.getbasetemp() / "any"
    file.write_bytes(encoded(body, spans))
    assert load(file) == Stored(body, spans)


@pytest.mark.parametrize("length", range(len(WHOLE)))
def test_every_torn_file_is_seen(tmp_path: Path, length: int) -> None:
    """A file that ends too early is torn, wherever it ends."""
    file = tmp_path / "file"
    file.write_bytes(WHOLE[:length])
    assert problem_of(file).startswith("torn: ")


@pytest.mark.parametrize("place", range(len(WHOLE)))
def test_every_changed_byte_is_seen(tmp_path: Path, place: int) -> None:
    """A file of which one byte changed is never taken for a whole one."""
    file = tmp_path / "file"
    file.write_bytes(WHOLE[:place] + bytes([WHOLE[place] ^ 1]) + WHOLE[place + 1 :])
    assert problem_of(file).partition(": ")[0] in {"torn", "foreign", "newer"}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "torn: no whole header"),
        (WHOLE + b"x", "torn: length differs"),
        (bytes(len(WHOLE)), "foreign: no header of ours"),
        (b"x" * 10_000, "foreign: no header of ours"),
        (b"contextcompany-spool 2 anything at all\n", "newer: version 2"),
        (b"contextcompany-spool 17 3 6 00000000\nabcdef", "newer: version 17"),
        (b"contextcompany-spool 1 anything at all\n", "foreign: no header of ours"),
        (b"contextcompany-spool 1 3 6 00000000\nabcdef", "torn: checksum differs"),
    ],
)
def test_files_that_are_not_ours_now(tmp_path: Path, content: bytes, problem: str) -> None:
    """Torn, foreign and newer files are told apart, and count no spans unless the header is whole."""
    file = tmp_path / "file"
    file.write_bytes(content)
    assert problem_of(file) == problem
    assert spans_in(file) == (3 if b" 1 3 6 " in content else 0)


def test_no_regular_file(tmp_path: Path) -> None:
    """A pipe or a folder in the place of a file is foreign, and reading it does not wait."""
    os.mkfifo(tmp_path / "pipe")
    assert problem_of(tmp_path / "pipe") == "foreign: no regular file"
    assert problem_of(tmp_path) == "foreign: no regular file"
    assert (spans_in(tmp_path / "none"), spans_in(tmp_path)) == (0, 0)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """A link in the place of a file is not read."""
    (tmp_path / "file").write_bytes(WHOLE)
    (tmp_path / "link").symlink_to("file")
    with pytest.raises(OSError, match="symbolic links"):
        load(tmp_path / "link")


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    """A file that is gone is no torn file."""
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "file")


def test_names_sort_by_time() -> None:
    """A later file sorts after an earlier one, within the same millisecond too."""
    names = Names()
    made = [names.new(moment) for moment in (0.0, 1.0, 1.0, 1.0, 999_999_999.999, 1_795_000_000.5)]
    assert made == sorted(made)
    assert [moment_of(name) for name in made] == [0.0, 1.0, 1.0, 1.0, 999_999_999.999, 1_795_000_000.5]
    assert all(map(is_name, made))


@pytest.mark.parametrize(("moment", "kept"), [(-5.0, 0.0), (1e300, 999_999_999_999.999)])
def test_names_for_moments_outside_all_calendars(moment: float, kept: float) -> None:
    """A clock that tells nonsense still gives names of our form."""
    assert moment_of(Names().new(moment)) == kept


def test_names_are_unique_over_threads() -> None:
    """Threads that make names at once, from one or several makers, make no name twice."""
    makers = [Names(), Names()]
    made: list[str] = []
    threads = [
        threading.Thread(target=lambda maker=maker: made.extend(maker.new(1.0) for _ in range(500)))
        for maker in (*makers, *makers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 2_000


@pytest.mark.parametrize(
    "name",
    [
        "",
        "lock",
        "../../secret",
        "1-2-3-4.otlp",
        "x000000000001000-00000000-2c64-cee5957331842e4f.otlp",
        "000000000001000-00000000-2c64-cee5957331842e4f.otlp\n",
    ],
)
def test_names_that_are_not_ours(name: str) -> None:
    """Any other name is refused, so that none leads out of the folder."""
    assert not is_name(name)
    with pytest.raises(ValueError, match="not a file of the spool"):
        moment_of(name)


def test_names_of_files_being_written() -> None:
    """A file that is being written has a name that is neither ours nor foreign."""
    name = Names().new(1.0)
    assert (is_part(part_of(name)), is_name(part_of(name)), is_part(name)) == (True, False, False)
    assert not is_part("foreign.part")
