"""The files of the spool: their names, and what is in them.

A file is one header line (format, version, spans, length and checksum of the body) and one OTLP
request, as it goes over the wire before compression.
"""

from __future__ import annotations

import itertools
import os
import re
import stat
import zlib
from typing import TYPE_CHECKING, Final, NamedTuple

from contextcompany.delivery.spool.ownership import PLAIN

if TYPE_CHECKING:
    from pathlib import Path

_FORMAT: Final = b"contextcompany-spool"
_VERSION: Final = 1
_HEADER: Final = re.compile(rb"%s (\d{1,9})(?: (\d{1,18}) (\d{1,18}) ([0-9a-f]{8}))?([^\n]*)\n" % _FORMAT)
_LONGEST_HEADER: Final = 200
_NAME: Final = re.compile(r"(\d{15})-[0-9a-f]{8}-([0-9a-f]{1,16})-[0-9a-f]{16}\.otlp")
_PART: Final = ".part"
_WORD: Final = ".sent"
_LATEST: Final = 10**15 - 1


class Stored(NamedTuple):
    """A request that waited on disk: its bytes, and how many spans are in it."""

    body: bytes
    spans: int


class UnreadableError(Exception):
    """A file is torn, foreign or of a newer version; the message says which."""


class Names:
    """Make names that sort by time and that no other process or thread makes."""

    def __init__(self) -> None:
        self._count = itertools.count()
        self._token = os.urandom(8).hex()

    def new(self, moment: float) -> str:
        """Return a name for a file that is made at a moment, in seconds since the epoch."""
        milliseconds = min(max(0, int(moment * 1_000)), _LATEST)
        count = next(self._count) & 0xFFFFFFFF
        return f"{milliseconds:015d}-{count:08x}-{os.getpid():x}-{self._token}.otlp"

    def made(self, name: str) -> bool:
        """Return whether a name is one of these."""
        return name.endswith(f"-{self._token}.otlp")


def is_name(name: str) -> bool:
    """Return whether a name has the form of ours."""
    return _NAME.fullmatch(name) is not None


def moment_of(name: str) -> float:
    """Return the moment in a name, in seconds since the epoch.

    Raises:
        ValueError: for a name that has not the form of ours.
    """
    found = _NAME.fullmatch(name)
    if found is None:
        raise ValueError(f"not a file of the spool: got {name!r}; pass a name as `names()` lists it")
    return int(found[1]) / 1_000


def writer_of(name: str) -> int:
    """Return the process id in a name.

    Raises:
        ValueError: for a name that has not the form of ours.
    """
    found = _NAME.fullmatch(name)
    if found is None:
        raise ValueError(f"not a file of the spool: got {name!r}; pass a name as `names()` lists it")
    return int(found[2], 16)


def part_of(name: str) -> str:
    """Return the name under which a file is written before it gets its own."""
    return name + _PART


def word_of(name: str) -> str:
    """Return the name of the empty file that tells a file's writer that another process sent it."""
    return name + _WORD


def whole_of(name: str) -> str:
    """Return the name of the file that an unfinished file, or a word about one, belongs to."""
    return name.removesuffix(_PART).removesuffix(_WORD)


def is_word(name: str) -> bool:
    """Return whether a file is a word about another."""
    return name.endswith(_WORD) and is_name(name.removesuffix(_WORD))


def is_part(name: str) -> bool:
    """Return whether a file is, or was, still being written."""
    return name.endswith(_PART) and is_name(name.removesuffix(_PART))


def encoded(body: bytes, spans: int) -> bytes:
    """Return the content of a file."""
    figures = b"%d %d %d" % (_VERSION, spans, len(body))
    return b"%s %s %08x\n%s" % (_FORMAT, figures, zlib.crc32(body, zlib.crc32(figures)), body)


def load(path: Path) -> Stored:
    """Read a file.

    Raises:
        UnreadableError: for a file that is torn, foreign or of a newer version.
        OSError: where it cannot be read; FileNotFoundError where it is gone.
    """
    # Opening a pipe that someone put there must not wait for its other end.
    descriptor = os.open(path, os.O_RDONLY | PLAIN | getattr(os, "O_NONBLOCK", 0))
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise UnreadableError("foreign: no regular file")
        with open(descriptor, "rb", closefd=False) as file:
            line = file.readline(_LONGEST_HEADER)
            spans, length, checksum = _header(line)
            if found.st_size != len(line) + length:
                raise UnreadableError("torn: length differs")
            body = file.read(length)
    finally:
        os.close(descriptor)
    if (
        len(body) != length
        or zlib.crc32(body, zlib.crc32(b"%d %d %d" % (_VERSION, spans, length))) != checksum
    ):
        raise UnreadableError("torn: checksum differs")
    return Stored(body, spans)


def spans_in(path: Path) -> int:
    """Return how many spans a file holds by its header; 0 where that cannot be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | PLAIN | getattr(os, "O_NONBLOCK", 0))
        try:
            return _header(os.read(descriptor, _LONGEST_HEADER))[0]
        finally:
            os.close(descriptor)
    except (OSError, UnreadableError):
        return 0


def _header(line: bytes) -> tuple[int, int, int]:
    found = _HEADER.match(line)
    if found is None:
        torn = line == b"" or line.startswith(_FORMAT) or _FORMAT.startswith(line)
        raise UnreadableError("torn: no whole header" if torn else "foreign: no header of ours")
    version, spans, length, checksum, rest = found.groups()
    if int(version) > _VERSION:
        raise UnreadableError(f"newer: version {int(version)}")
    if int(version) != _VERSION or spans is None or rest:
        raise UnreadableError("foreign: no header of ours")
    return int(spans), int(length), int(checksum, 16)
