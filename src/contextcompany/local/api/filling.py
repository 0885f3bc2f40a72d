"""Rows of the store as the JSON of the API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from contextcompany.local.api.models import (
    Feedback,
    Group,
    Imported,
    Overall,
    Run,
    Stats,
    Stretch,
    Thumbs,
    Tokens,
)

if TYPE_CHECKING:
    from contextcompany.local.store.rows import (
        Added,
        Bucket,
        FeedbackRow,
        GroupRow,
        Overview,
        RunRow,
        StoreStats,
    )

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_NS: Final = 253_402_300_799_000_000_000
_NS_PER_MS: Final = 1_000_000
# What a database keeps of a cost; further digits come from adding it up in another order.
_DIGITS: Final = 12


def iso(moment_ns: int) -> str:
    """Write nanoseconds since the epoch as a time of ISO 8601 in UTC, to the microsecond."""
    microseconds = min(max(0, moment_ns), _LATEST_NS) // 1_000
    moment = _EPOCH + timedelta(microseconds=microseconds)
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def run_fields(row: RunRow) -> Run:
    """Build the JSON of a run."""
    return Run(
        address=row.address,
        run_id=row.run_id,
        trace_id=row.trace_id,
        parent=row.parent,
        status=row.status,
        start=iso(row.start_ns),
        end=iso(row.end_ns),
        duration_ms=_ms(row.end_ns - row.start_ns),
        name=row.name,
        agent=row.agent,
        service=row.service,
        session_id=row.session_id,
        user_id=row.user_id,
        user_name=row.user_name,
        org_id=row.org_id,
        org_name=row.org_name,
        prompt=row.prompt,
        response=row.response,
        error_type=row.error_type,
        error=row.error,
        steps=row.steps,
        tool_calls=row.tool_calls,
        failures=row.failures,
        spans=row.spans,
        models=list(row.models),
        tools=list(row.tools),
        agents=list(row.agents),
        tokens=Tokens(input=row.input_tokens, cached=row.cached_tokens, output=row.output_tokens),
        cost_usd=_dollars(row.cost),
        unpriced_steps=row.unpriced,
        feedback=Thumbs(up=row.thumbs_up, down=row.thumbs_down),
        feedback_text=row.feedback_text,
        metadata=dict(row.metadata),
        change=row.change,
    )


def group_fields(row: GroupRow) -> Group:
    """Build the JSON of a group."""
    return Group(
        key=row.key,
        label=row.label,
        runs=row.runs,
        failed=row.failed,
        calls=row.calls,
        failed_calls=row.failed_calls,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        cost_usd=_dollars(row.cost),
        p50_ms=_ms(row.p50_ns),
        p95_ms=_ms(row.p95_ns),
        feedback=Thumbs(up=row.thumbs_up, down=row.thumbs_down),
        first=iso(row.first_ns),
        last=iso(row.last_ns),
        example=row.example,
    )


def feedback_fields(row: FeedbackRow) -> Feedback:
    """Build the JSON of a piece of feedback."""
    return Feedback(
        address=row.address,
        time=iso(row.time_ns),
        score=row.score,
        text=row.text,
        run=None if row.run is None else run_fields(row.run),
    )


def overview_fields(overview: Overview) -> Overall:
    """Build the JSON of an overview."""
    return Overall(total=_stretch(overview.total), buckets=[_stretch(bucket) for bucket in overview.buckets])


def stats_fields(stats: StoreStats) -> Stats:
    """Build the JSON of what is kept."""
    return Stats(
        runs=stats.runs,
        spans=stats.spans,
        bytes=stats.bytes,
        duplicates=stats.duplicates,
        expired=stats.expired,
        logs=stats.logs,
        metrics=stats.metrics,
    )


def imported_fields(added: Added) -> Imported:
    """Build the JSON of an import."""
    return Imported(accepted=added.accepted, duplicates=added.duplicates)


def _stretch(bucket: Bucket) -> Stretch:
    return Stretch(
        start=iso(bucket.start_ns),
        end=iso(bucket.end_ns),
        duration_ms=_ms(bucket.end_ns - bucket.start_ns),
        runs=bucket.runs,
        failed=bucket.failed,
        p50_ms=_ms(bucket.p50_ns),
        p95_ms=_ms(bucket.p95_ns),
        input_tokens=bucket.input_tokens,
        output_tokens=bucket.output_tokens,
        cost_usd=round(bucket.cost, _DIGITS),
        feedback=Thumbs(up=bucket.thumbs_up, down=bucket.thumbs_down),
    )


def _dollars(cost: float | None) -> float | None:
    return None if cost is None else round(cost, _DIGITS)


def _ms(nanoseconds: int) -> float:
    return max(0, nanoseconds) / _NS_PER_MS
