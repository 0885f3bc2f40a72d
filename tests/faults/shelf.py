"""What lies in the folder of a spool, read without the package under test."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from google.protobuf.message import DecodeError

from tests.faults.behaviours import content_of

if TYPE_CHECKING:
    from pathlib import Path

_HEADER: Final = re.compile(rb"contextcompany-spool 1 (\d+) (\d+) [0-9a-f]{8}")
_REQUEST: Final = ".otlp"
_UNFINISHED: Final = ".part"
_BESIDE: Final = frozenset({"salt", "lock"})
_ASIDE: Final = "aside"


@dataclass(slots=True)
class Shelf:
    """The files of a spool.

    Attributes:
        spans: how often each span lies there, by id.
        files: how many whole files there are.
        torn: the files that are not what their header says, or were set aside.
        unfinished: the files that were still being written.
        foreign: all others.
        size: bytes of all files.
        leaks: the files that hold a text that must not be there, in their name or content.
    """

    spans: dict[str, int] = field(default_factory=dict[str, int])
    files: int = 0
    torn: list[str] = field(default_factory=list[str])
    unfinished: list[str] = field(default_factory=list[str])
    foreign: list[str] = field(default_factory=list[str])
    size: int = 0
    leaks: list[str] = field(default_factory=list[str])


def read(folder: Path, secret: str) -> Shelf:
    """Read all that lies below a folder.

    Args:
        folder: the spool, or a folder above; it need not exist.
        secret: what may be in no file and in no name.
    """
    found = Shelf()
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        name = str(path.relative_to(folder))
        content = path.read_bytes()
        found.size += len(content)
        if secret in name or secret.encode() in content:
            found.leaks.append(name)
        if path.suffix == _UNFINISHED:
            found.unfinished.append(name)
        elif _ASIDE in path.parts:
            found.torn.append(name)
        elif path.suffix == _REQUEST:
            _read_request(found, name, content)
        elif path.name not in _BESIDE:
            found.foreign.append(name)
    return found


def _read_request(found: Shelf, name: str, content: bytes) -> None:
    header, _, body = content.partition(b"\n")
    figures = _HEADER.fullmatch(header)
    try:
        ids = content_of(body).ids
    except DecodeError:
        found.torn.append(name)
        return
    if figures is None or (len(ids), len(body)) != (int(figures[1]), int(figures[2])):
        found.torn.append(name)
        return
    found.files += 1
    for span_id in ids:
        found.spans[span_id] = found.spans.get(span_id, 0) + 1
