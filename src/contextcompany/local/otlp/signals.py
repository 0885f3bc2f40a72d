"""Other signals of OTLP: how many records a request holds, without reading them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contextcompany.local.otlp.fields import as_object, child, items, objects, read_document
from contextcompany.local.otlp.spans import MalformedBodyError
from contextcompany.local.otlp.wire import FramingError, messages

if TYPE_CHECKING:
    from collections.abc import Iterable

# Numbers of fields from the request down to what is counted, of opentelemetry/proto/logs/v1/logs.proto and
# opentelemetry/proto/metrics/v1/metrics.proto.
_TO_LOG_RECORDS: Final = ((1,), (2,), (2,))
_TO_DATA_POINTS: Final = ((1,), (2,), (2,), (5, 7, 9, 10, 11), (1,))
_KINDS_OF_METRIC: Final = ("gauge", "sum", "histogram", "exponentialHistogram", "summary")


def count_log_records(body: bytes, *, is_json: bool) -> int:
    """Count the log records of an ExportLogsServiceRequest; MalformedBodyError if it is none."""
    if not is_json:
        return _count(body, _TO_LOG_RECORDS, "ExportLogsServiceRequest")
    return sum(
        len(items(scope_logs, "logRecords"))
        for resource_logs in objects(as_object(read_document(body), "the body"), "resourceLogs")
        for scope_logs in objects(resource_logs, "scopeLogs")
    )


def count_data_points(body: bytes, *, is_json: bool) -> int:
    """Count the data points of an ExportMetricsServiceRequest; MalformedBodyError if it is none."""
    if not is_json:
        return _count(body, _TO_DATA_POINTS, "ExportMetricsServiceRequest")
    return sum(
        len(items(child(metric, kind), "dataPoints"))
        for resource_metrics in objects(as_object(read_document(body), "the body"), "resourceMetrics")
        for scope_metrics in objects(resource_metrics, "scopeMetrics")
        for metric in objects(scope_metrics, "metrics")
        for kind in _KINDS_OF_METRIC
    )


def _count(body: bytes, path: tuple[tuple[int, ...], ...], name: str) -> int:
    try:
        return _below(body, [(0, len(body))], path)
    except FramingError as error:
        raise MalformedBodyError(f"the body is no {name} in protobuf") from error


def _below(body: bytes, places: Iterable[tuple[int, int]], path: tuple[tuple[int, ...], ...]) -> int:
    wanted, rest = path[0], path[1:]
    found = (
        (start, end) for place in places for number, start, end in messages(body, *place) if number in wanted
    )
    return _below(body, found, rest) if rest else sum(1 for _ in found)
