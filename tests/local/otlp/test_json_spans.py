"""Large OTLP JSON is taken apart span by span, with the same result as when it is read as a whole."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextcompany.local.otlp import json as otlp_json
from contextcompany.local.otlp import json_spans
from contextcompany.local.otlp.json import decode_json
from contextcompany.local.otlp.spans import MalformedBodyError
from tests.local.samples import RECORD, json_body


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take apart documents of any size."""
    monkeypatch.setattr(otlp_json, "LARGE_BYTES", 0)


def _with(*spans: Any) -> bytes:
    document = json_body()
    document["resourceSpans"][0]["scopeSpans"][0]["spans"] += spans
    return json.dumps(document).encode()


@pytest.mark.usefixtures("small")
def test_spans_of_a_large_document_are_those_of_a_small_one() -> None:
    """Brackets, quotes and backslashes in texts are texts, and what surrounds the spans is not lost."""
    document = json_body()
    (span,) = document["resourceSpans"][0]["scopeSpans"][0]["spans"]
    texts = ['}]}"', "\\", '\\"', "{[{[", "a\\\\"]
    others = [span | {"name": text, "spanId": f"{number + 1:016x}"} for number, text in enumerate(texts)]
    document["resourceSpans"][0]["scopeSpans"][0]["spans"] += others
    spans, refusals = decode_json(json.dumps(document).encode())
    assert refusals.count == 0
    assert spans[0] == RECORD
    assert [one.name for one in spans[1:]] == texts
    assert all(one.resource == RECORD.resource for one in spans)


@pytest.mark.usefixtures("small")
def test_a_span_that_is_no_span_costs_only_itself() -> None:
    """Nothing that a document can hold stands for a span elsewhere in it."""
    broken = _with({"": 0}, 7, None, [0], "marked").replace(b'"marked"', b'{"name": nonsense}')
    spans, refusals = decode_json(broken)
    assert (spans, refusals.count) == ([RECORD], 5)


@pytest.mark.usefixtures("small")
@given(st.text(alphabet='{}[]",:\\01ab ', max_size=60))
def test_nonsense_is_refused_as_such(text: str) -> None:
    """Whatever stands in the place of a document, it gives the spans of one or a reason."""
    try:
        spans, _ = decode_json(text.encode())
    except MalformedBodyError:
        return
    assert spans == []


def test_a_span_beyond_the_bounds_is_refused_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its bytes and its values are counted before it is read."""
    monkeypatch.setattr(otlp_json, "LARGE_BYTES", 0)
    monkeypatch.setattr(json_spans, "MOST_SPAN_BYTES", 20_000)
    monkeypatch.setattr(json_spans, "MOST_SPAN_VALUES", 1_000)
    spans, refusals = decode_json(_with({"name": "x" * 20_000}, {"links": [{}] * 1_000}))
    assert spans == [RECORD]
    assert [reason.partition(" than ")[0] for reason in refusals.reasons] == [
        "a span is larger",
        "a span holds more",
    ]


def test_a_large_document_is_never_in_memory_as_values() -> None:
    """Megabytes of small spans take no more than a few times that, whatever is in them."""
    body = _with(*[{"attributes": [{"key": "k", "value": {}}] * 1_000}] * 100)
    assert len(body) > 2 * json_spans.LARGE_BYTES
    tracemalloc.start()
    try:
        _, refusals = decode_json(body)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert refusals.count == 100
    assert most < 3 * len(body)
