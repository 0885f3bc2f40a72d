"""What arrives goes into the real database and comes out as runs."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contextcompany.local.intake.receiving import Arrived
from contextcompany.local.intake.taking import Taking
from contextcompany.local.otlp.bodies import RefusedError
from contextcompany.local.store.sqlite.store import SqliteRunStore
from contextcompany.semconv import attributes as names
from tests.local.intake.serving import JSON, PROTOBUF, ask, served
from tests.local.samples import json_body, protobuf_request, span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TIMES = {"start_time": "2026-01-02T03:04:05.678Z", "end_time": "2026-01-02T03:04:06.789Z"}
RUN: dict[str, Any] = {"type": "run", "run_id": "r-1", "prompt": {"user_prompt": "Where?"}, **TIMES}
STEP: dict[str, Any] = {
    "type": "step",
    "run_id": "r-1",
    "step_id": "s-1",
    "prompt": "Where?",
    "response": "Here.",
    "model_requested": "gpt-5",
    "prompt_uncached_tokens": 100,
    "completion_tokens": 7,
    "real_total_cost": 0.25,
    **TIMES,
}
TOOL_CALL: dict[str, Any] = {
    "type": "tool_call",
    "run_id": "r-1",
    "tool_call_id": "t-1",
    "tool_name": "search",
    **TIMES,
}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SqliteRunStore]:
    """Open a database for one test."""
    with SqliteRunStore.open(tmp_path / "local.db") as store:
        yield store


def test_all_ways_lead_into_the_same_run(database: SqliteRunStore) -> None:
    """Objects, OTLP of the older callback, OTLP and feedback are joined by the id of the run."""
    litellm = span(
        "litellm_request",
        {
            f"metadata.{names.TCC_RUN_ID}": "r-1",
            names.GEN_AI_REQUEST_MODEL: "gpt-5-mini",
            names.GEN_AI_USAGE_INPUT_TOKENS: 10,
        },
    )
    late = span(
        "execute_tool later",
        {
            names.TCC_RUN_ID: "r-1",
            names.GEN_AI_OPERATION_NAME: names.OPERATION_EXECUTE_TOOL,
            names.GEN_AI_TOOL_NAME: "later",
        },
    )
    batch = {"type": "batch", "items": [STEP, TOOL_CALL, RUN]}
    with served(database) as port:
        sent = (
            ("/v1/feedback", json.dumps({"runId": "r-1", "score": "thumbs_up"}).encode(), JSON),
            ("/v1/custom", json.dumps(batch).encode(), JSON),
            ("/v1/custom", json.dumps(batch).encode(), JSON),
            ("/v1/otel-steps", protobuf_request(litellm).SerializeToString(), PROTOBUF),
            ("/v1/traces", protobuf_request(late).SerializeToString(), PROTOBUF),
        )
        for path, body, headers in sent:
            assert ask(port, path, body, headers)[0] == 200
    found = database.run("r-1")
    assert found is not None
    row = found.row
    assert (row.run_id, row.status, row.prompt, row.steps, row.tool_calls) == ("r-1", "ok", "Where?", 2, 2)
    assert (row.input_tokens, row.output_tokens, row.thumbs_up) == (110, 7, 1)
    assert set(row.tools) == {"search", "later"}
    assert len(found.spans) == 6
    assert database.stats().duplicates == 3


def test_other_signals_are_counted(database: SqliteRunStore) -> None:
    """The database keeps how many there were."""
    with served(database) as port:
        logs: object = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{}, {}]}]}]}
        assert ask(port, "/v1/logs", json.dumps(logs).encode(), JSON)[0] == 200
    assert (database.stats().logs, database.stats().metrics) == (2, 0)


_TEXT = st.text(max_size=12) | st.sampled_from(
    ["\0", "\ud800", "NaN", '"', "'; DROP TABLE run; --", "\u202e"]
)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=6,
)
_ATTRIBUTE = st.one_of(
    _TEXT.map(lambda value: {"stringValue": value}),
    st.integers(-(2**63), 2**63 - 1).map(lambda value: {"intValue": str(value)}),
    st.sampled_from(["NaN", "Infinity", "-Infinity", "1e308"]).map(lambda value: {"doubleValue": value}),
    st.binary(max_size=4).map(lambda _: {"bytesValue": "AP8="}),
    st.lists(_TEXT.map(lambda value: {"stringValue": value}), max_size=3).map(
        lambda values: {"arrayValue": {"values": values}}
    ),
    _VALUES.map(lambda value: {"stringValue": json.dumps(value)}),
)
_KEYS = st.sampled_from(sorted(names.KNOWN_KEYS)) | _TEXT
_OBJECTS = st.builds(
    lambda item, fields: item | fields,
    st.sampled_from([RUN, STEP, TOOL_CALL]),
    st.dictionaries(st.sampled_from([*STEP, "metadata", "attributes", "session_id"]), _VALUES, max_size=3),
)


def _take(taking: Taking, take: Callable[[bytes, str], bytes], document: object) -> None:
    try:
        taking.run(take, Arrived("application/json", "identity", [json.dumps(document).encode()]))
    except RefusedError as error:
        if error.status != HTTPStatus.BAD_REQUEST:
            raise


def test_whatever_arrives_can_be_stored_and_read(database: SqliteRunStore) -> None:
    """Spans and objects of any content are kept or refused; none makes the store fail."""
    taking = Taking(database)

    @settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        st.lists(st.tuples(_KEYS, _ATTRIBUTE), max_size=6),
        st.integers(1, 2**64 - 1),
        st.integers(0, 2**64 - 1),
        _TEXT,
        st.lists(_OBJECTS, max_size=3),
    )
    def stores(
        attributes: list[tuple[str, object]], span_id: int, time_ns: int, name: str, objects: list[object]
    ) -> None:
        document = json_body()
        (sent,) = document["resourceSpans"][0]["scopeSpans"][0]["spans"]
        sent["spanId"] = f"{span_id:016x}"
        sent["startTimeUnixNano"] = str(time_ns)
        sent["name"] = name
        sent["attributes"] = [{"key": key, "value": value} for key, value in attributes]
        _take(taking, taking.traces, document)
        _take(taking, taking.steps, document)
        _take(taking, taking.custom, {"type": "batch", "items": objects})

    stores()
    assert database.run("r-1") is not None
    assert database.stats().runs > 0
