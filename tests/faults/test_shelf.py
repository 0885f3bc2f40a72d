"""The reader of spools that is not ours: it must agree with the package, and see what is torn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from contextcompany.delivery.spool.spool import Spool
from tests.faults.shelf import Shelf, read

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "service_of_nobody"


def request(*span_ids: bytes) -> bytes:
    """Return a request with such spans."""
    message = ExportTraceServiceRequest()
    spans = message.resource_spans.add().scope_spans.add().spans
    for span_id in span_ids:
        spans.add(span_id=span_id, trace_id=b"t" * 16, name="chat")
    return message.SerializeToString()


def test_it_reads_what_the_package_writes(tmp_path: Path) -> None:
    """Requests that the package wrote, merged or not, are read span by span, and nothing else is found."""
    spool = Spool(tmp_path / "folder")
    spool.write(request(b"a" * 8, b"b" * 8), 2)
    spool.write(request(b"c" * 8), 1)
    spool.write(request(b"d" * 8), 1, merge=False)
    found = read(tmp_path, SECRET)
    assert found == Shelf(
        spans={letter.hex() * 8: 1 for letter in (b"a", b"b", b"c", b"d")}, files=2, size=found.size
    )


def test_it_sees_what_is_torn(tmp_path: Path) -> None:
    """A file that ends early, one that was set aside and one of no known kind are told apart."""
    spool = Spool(tmp_path / "folder")
    name = spool.write(request(b"a" * 8), 1).name
    file = tmp_path / "folder" / name
    file.write_bytes(file.read_bytes()[:-1])
    aside = tmp_path / "folder" / "aside"
    aside.mkdir()
    (aside / "old.otlp").write_bytes(b"")
    (tmp_path / "folder" / f"{name}.part").write_bytes(b"")
    (tmp_path / "folder" / "notes.txt").write_bytes(SECRET.encode())
    found = read(tmp_path, SECRET)
    assert sorted(found.torn) == sorted([f"folder/{name}", "folder/aside/old.otlp"])
    assert found.unfinished == [f"folder/{name}.part"]
    assert found.foreign == ["folder/notes.txt"]
    assert found.leaks == ["folder/notes.txt"]
    assert found.spans == {}
