"""The JSON of runs, groups and figures: times of ISO 8601, durations in milliseconds, costs in USD."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from contextcompany.local.reading.feedback import MOST_CHARACTERS

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

Item = TypeVar("Item")

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_NS: Final = 253_402_300_799_000_000_000
_NS_PER_MS: Final = 1_000_000


class Timed(BaseModel):
    """Something with a beginning and an end."""

    start: str = Field(description="Time of ISO 8601 in UTC.", json_schema_extra={"format": "date-time"})
    end: str = Field(description="Time of ISO 8601 in UTC.", json_schema_extra={"format": "date-time"})
    duration_ms: float


class Tokens(BaseModel):
    """What requests to models used; cached tokens are part of the input."""

    input: int
    cached: int
    output: int


class Thumbs(BaseModel):
    """Feedback, counted."""

    up: int
    down: int


class Run(Timed):
    """One run with the sums of all that happened inside it; of prompt, response and error one line each."""

    address: str = Field(description="Its run id, or the id of a trace that has no run.")
    run_id: str | None
    trace_id: str
    parent: str | None = Field(description="Address of the run that it is part of.")
    status: Literal["ok", "partial", "failed", "open"]
    name: str
    agent: str
    service: str
    session_id: str
    user_id: str
    user_name: str
    org_id: str
    org_name: str
    prompt: str
    response: str
    error_type: str
    error: str
    steps: int
    tool_calls: int
    failures: int = Field(description="Steps, tool calls and runs inside it that failed.")
    spans: int
    models: list[str]
    tools: list[str]
    agents: list[str]
    tokens: Tokens
    cost_usd: float | None = Field(description="Null where no step has a cost.")
    unpriced_steps: int = Field(description="Steps that used tokens and have no cost.")
    feedback: Thumbs
    feedback_text: str
    metadata: dict[str, str]
    change: int = Field(description="Grows with every change of any run.")


class RunWithNested(Run):
    """One run, and the runs directly inside it, earliest first."""

    nested: list[Run]


class List(BaseModel, Generic[Item]):
    """A part of a list."""

    items: list[Item]
    cursor: str | None = Field(description="Asks for the next part; null at the end.")


class Session(BaseModel):
    """The runs of a session, earliest first."""

    session_id: str
    items: list[Run]


class Group(BaseModel):
    """Runs that share something; of tools and models the figures are those of the calls, else of the runs."""

    key: str
    label: str
    runs: int
    failed: int
    calls: int
    failed_calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    p50_ms: float
    p95_ms: float
    feedback: Thumbs
    first: str = Field(json_schema_extra={"format": "date-time"})
    last: str = Field(json_schema_extra={"format": "date-time"})
    example: str = Field(description="Newest prompt of a session, newest message of an error.")


class Feedback(BaseModel):
    """One piece of feedback; its run is null while nothing of it is here."""

    address: str
    time: str = Field(json_schema_extra={"format": "date-time"})
    score: Literal["up", "down"] | None
    text: str
    run: Run | None


class Stretch(Timed):
    """The runs that began within one stretch of time."""

    runs: int
    failed: int
    p50_ms: float
    p95_ms: float
    input_tokens: int
    output_tokens: int
    cost_usd: float
    feedback: Thumbs


class Overall(BaseModel):
    """Runs over time."""

    total: Stretch
    buckets: list[Stretch]


class Values(BaseModel):
    """What a filter can be set to, most used first."""

    items: list[str]


class Stats(BaseModel):
    """What is kept here, and what came and is not."""

    runs: int
    spans: int
    bytes: int
    duplicates: int
    expired: int
    logs: int
    metrics: int


class Imported(BaseModel):
    """What became of the spans of an import."""

    accepted: int
    duplicates: int


class NewFeedback(BaseModel):
    """Feedback on a run: a thumb, a text or both."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "anyOf": [
                {"required": ["score"], "properties": {"score": {"type": "string"}}},
                {"required": ["text"], "properties": {"text": {"minLength": 1}}},
            ]
        },
    )

    score: Literal["up", "down"] | None = None
    text: str = Field(default="", max_length=MOST_CHARACTERS)


class GivenFeedback(BaseModel):
    """Feedback that was kept."""

    address: str
    time: str = Field(json_schema_extra={"format": "date-time"})
    score: Literal["up", "down"] | None
    text: str


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
        cost_usd=row.cost,
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
        cost_usd=row.cost,
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
        cost_usd=bucket.cost,
        feedback=Thumbs(up=bucket.thumbs_up, down=bucket.thumbs_down),
    )


def _ms(nanoseconds: int) -> float:
    return max(0, nanoseconds) / _NS_PER_MS
