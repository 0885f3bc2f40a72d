"""Runs as lines of JSON: out of a store, and into it again, all or nothing.

Each line is an ExportTraceServiceRequest in OTLP JSON, so that other collectors read it too, with the run
itself beside the spans for those who read the file. A very large run takes several lines.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from contextcompany.local.api.filling import run_fields
from contextcompany.local.otlp.json import decode_json
from contextcompany.local.otlp.json_writing import request_document
from contextcompany.local.otlp.spans import MalformedBodyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from io import BufferedIOBase

    from contextcompany.local.otlp.spans import SpanRecord
    from contextcompany.local.store.filters import RunFilter
    from contextcompany.local.store.interface import RunStore
    from contextcompany.local.store.rows import RunRow

MOST_LINE_BYTES: Final = 64 * 1024 * 1024
"""The longest line that is read, as large as the largest body of OTLP."""

_SPANS_PER_LINE: Final = 1_000
_LINE_BYTES: Final = 16 * 1024 * 1024


class BadLineError(ValueError):
    """A line of an import cannot be read; `line` counts from 1."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line


def export_lines(store: RunStore, wanted: RunFilter) -> Iterator[bytes]:
    """Write the top-level runs that match, in the order of the filter, each line with its line break."""
    for run in store.whole_runs(wanted):
        yield from run_lines(run.row, run.spans)


def run_lines(row: RunRow, spans: tuple[SpanRecord, ...]) -> Iterator[bytes]:
    """Write one run."""
    run = run_fields(row).model_dump(mode="json")
    for first in range(0, len(spans), _SPANS_PER_LINE):
        yield from _lines(run, spans[first : first + _SPANS_PER_LINE])


def line_of(document: object) -> bytes:
    """Write JSON without a line break in it, in UTF-8."""
    # Half a surrogate pair, which no text should hold, becomes a question mark.
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _lines(run: dict[str, Any], spans: tuple[SpanRecord, ...]) -> Iterator[bytes]:
    line = line_of({"run": run} | request_document(spans))
    middle = len(spans) // 2
    if len(line) > _LINE_BYTES and middle:
        yield from _lines(run, spans[:middle])
        yield from _lines(run, spans[middle:])
    else:
        yield line + b"\n"


def import_lines(file: BufferedIOBase) -> Iterator[list[SpanRecord]]:
    """Read the spans of each line; empty lines are passed over.

    Raises:
        BadLineError: A line is no OTLP JSON.
    """
    number = 0
    while line := file.readline(MOST_LINE_BYTES + 1):
        number += 1
        if len(line) > MOST_LINE_BYTES:
            raise BadLineError(number, f"is longer than {MOST_LINE_BYTES // 1024 // 1024} MiB")
        if not line.strip():
            continue
        yield _spans(number, line)


def _spans(number: int, line: bytes) -> list[SpanRecord]:
    try:
        spans, refusals = decode_json(line)
    except MalformedBodyError as error:
        raise BadLineError(number, str(error)) from error
    if refusals.count:
        raise BadLineError(number, str(refusals))
    if not spans:
        raise BadLineError(number, "holds no spans: each line must be OTLP JSON with resourceSpans")
    return spans


def merged(batches: Iterable[list[SpanRecord]], most: int = 512) -> Iterator[list[SpanRecord]]:
    """Put small batches together, so that the store has less to do."""
    held: list[SpanRecord] = []
    for batch in batches:
        held += batch
        if len(held) >= most:
            yield held
            held = []
    if held:
        yield held
