"""Records of other signals are counted in both encodings."""

from __future__ import annotations

from contextlib import suppress

import pytest
from google.protobuf.json_format import MessageToJson
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
    Summary,
    SummaryDataPoint,
)

from contextcompany.local.otlp.signals import count_data_points, count_log_records
from contextcompany.local.otlp.spans import MalformedBodyError

METRICS = (
    Metric(name="gauge", gauge=Gauge(data_points=[NumberDataPoint(as_int=1)] * 2)),
    Metric(name="sum", sum=Sum(data_points=[NumberDataPoint(as_double=1.5)], is_monotonic=True)),
    Metric(name="histogram", histogram=Histogram(data_points=[HistogramDataPoint(count=1)] * 3)),
    Metric(
        name="exponential",
        exponential_histogram=ExponentialHistogram(data_points=[ExponentialHistogramDataPoint(count=1)]),
    ),
    Metric(name="summary", summary=Summary(data_points=[SummaryDataPoint(count=1)] * 4)),
    Metric(name="empty", description="no data"),
)


@given(st.lists(st.lists(st.integers(0, 4), max_size=3), max_size=3))
def test_log_records_are_counted(numbers: list[list[int]]) -> None:
    """However they are spread over resources and scopes, each record counts once, in both encodings."""
    record = LogRecord(severity_text="INFO")
    request = ExportLogsServiceRequest(
        resource_logs=[
            ResourceLogs(scope_logs=[ScopeLogs(log_records=[record] * number) for number in scopes])
            for scopes in numbers
        ]
    )
    expected = sum(map(sum, numbers))
    assert count_log_records(request.SerializeToString(), is_json=False) == expected
    assert count_log_records(MessageToJson(request).encode(), is_json=True) == expected


@given(st.lists(st.lists(st.sampled_from(METRICS), max_size=4), max_size=3))
def test_data_points_are_counted(scopes: list[list[Metric]]) -> None:
    """Data points of all kinds of metrics count, in both encodings."""
    numbers = {"gauge": 2, "sum": 1, "histogram": 3, "exponential": 1, "summary": 4, "empty": 0}
    request = ExportMetricsServiceRequest(
        resource_metrics=[
            ResourceMetrics(scope_metrics=[ScopeMetrics(metrics=metrics) for metrics in scopes])
        ]
    )
    expected = sum(numbers[metric.name] for metrics in scopes for metric in metrics)
    assert count_data_points(request.SerializeToString(), is_json=False) == expected
    assert count_data_points(MessageToJson(request).encode(), is_json=True) == expected


@pytest.mark.parametrize("count", [count_log_records, count_data_points])
@given(st.binary(max_size=200))
def test_garbage_raises_nothing_else(count: object, body: bytes) -> None:
    """Whatever the bytes are, the answer is a number or MalformedBodyError."""
    for is_json in (False, True):
        with suppress(MalformedBodyError):
            assert count(body, is_json=is_json) >= 0  # type: ignore[operator]


def test_what_is_none_is_named() -> None:
    """The message says which request was expected."""
    with pytest.raises(MalformedBodyError, match="no ExportLogsServiceRequest in protobuf"):
        count_log_records(b"\xff", is_json=False)
    with pytest.raises(MalformedBodyError, match="no ExportMetricsServiceRequest in protobuf"):
        count_data_points(b"\xff", is_json=False)
    with pytest.raises(MalformedBodyError, match="resourceLogs must be a list, got dict"):
        count_log_records(b'{"resourceLogs": {}}', is_json=True)
