"""Writes spans as OTLP JSON and reads them again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from contextcompany.local.otlp.json import decode_json
from contextcompany.local.otlp.json_writing import request_document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contextcompany.local.otlp.spans import SpanRecord


def read_back(spans: Sequence[SpanRecord]) -> list[SpanRecord]:
    """Return what a receiver of these spans gets."""
    found, refusals = decode_json(json.dumps(request_document(spans)).encode())
    assert not refusals.count
    return found
