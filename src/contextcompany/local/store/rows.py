"""What a store answers: frozen records, times in nanoseconds since the epoch, costs in USD."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Literal, NamedTuple, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contextcompany.local.otlp.spans import SpanRecord
    from contextcompany.local.reading.reading import Kind, Score, Status

Row = TypeVar("Row")

RunStatus: TypeAlias = Literal["ok", "partial", "failed", "open"]
"""How a run went; `open` while its own span has not arrived."""

GroupBy: TypeAlias = Literal["agent", "user", "org", "session", "tool", "model", "error"]
"""By what runs can be put together."""


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """A part of a list; `cursor` asks for the next one and is None at the end."""

    items: tuple[Row, ...]
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run as a line of a list: its own facts, and the sums of all that happened inside it.

    `address` names it in URLs: its `tcc.runId`, or the id of its trace where a trace has no run. `parent` is
    the address of the run it is part of. `prompt`, `response` and `error` are shortened to a line. Sums
    include those of nested runs. `cost` is None where no step has one; `unpriced` counts the steps that used
    tokens and have none. `change` grows with every change of any run. `spans` counts all of its spans.
    """

    address: str
    trace_id: str
    status: RunStatus
    start_ns: int
    end_ns: int
    run_id: str | None = None
    parent: str | None = None
    name: str = ""
    agent: str = ""
    service: str = ""
    session_id: str = ""
    user_id: str = ""
    user_name: str = ""
    org_id: str = ""
    org_name: str = ""
    prompt: str = ""
    response: str = ""
    error_type: str = ""
    error: str = ""
    steps: int = 0
    tool_calls: int = 0
    failures: int = 0
    spans: int = 0
    models: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None
    unpriced: int = 0
    thumbs_up: int = 0
    thumbs_down: int = 0
    feedback_text: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    change: int = 0


@dataclass(frozen=True, slots=True)
class RunDetail:
    """One run whole: its line and every span in it, those of nested runs and feedback included."""

    row: RunRow
    spans: tuple[SpanRecord, ...]


class SpanLine(NamedTuple):
    """One span of a run as a line, without its content: a run can have many thousands.

    A tuple, because those are made five times as fast as dataclasses. `run` is the address of the run it
    belongs to, `is_own` says whether it is that run's own span. `name` is the agent of a run, the model of a
    step, the tool of a tool call, else the name of the span. `error` is shortened to a line.
    """

    trace_id: str
    span_id: str
    parent_span_id: str | None
    run: str
    kind: Kind
    status: Status
    start_ns: int
    end_ns: int
    name: str
    error_type: str = ""
    error: str = ""
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None
    score: str = ""
    feedback_text: str = ""
    is_own: bool = False


@dataclass(frozen=True, slots=True)
class RunOutline:
    """One run whole, its spans as lines, earliest first, those of nested runs and feedback included.

    `parents` names the run directly around each nested run by their addresses.
    """

    row: RunRow
    lines: tuple[SpanLine, ...]
    parents: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Exchange:
    """The span that holds what was asked of a run, and the one that holds what it answered."""

    asked: SpanRecord | None
    answered: SpanRecord | None


@dataclass(frozen=True, slots=True)
class GroupRow:
    """Runs that share an agent, user, organisation, session, tool, model or kind of error.

    `label` is what people call it where `key` is an id. For tools and models `calls`, `failed_calls`, the
    percentiles, tokens and cost are those of the calls; for the others `calls` is 0 and all are of the runs.
    `example` is the newest prompt of a session, the newest message of an error, else empty. Durations in ns.
    """

    key: str
    label: str
    runs: int
    failed: int
    calls: int
    failed_calls: int
    input_tokens: int
    output_tokens: int
    cost: float | None
    p50_ns: int
    p95_ns: int
    thumbs_up: int
    thumbs_down: int
    first_ns: int
    last_ns: int
    example: str = ""


@dataclass(frozen=True, slots=True)
class FeedbackRow:
    """One piece of feedback and the line of its run; `run` is None while nothing of the run is here."""

    address: str
    time_ns: int
    score: Score | None
    text: str
    run: RunRow | None


@dataclass(frozen=True, slots=True)
class Bucket:
    """The runs that began within one stretch of time."""

    start_ns: int
    end_ns: int
    runs: int = 0
    failed: int = 0
    p50_ns: int = 0
    p95_ns: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float = 0.0
    thumbs_up: int = 0
    thumbs_down: int = 0


@dataclass(frozen=True, slots=True)
class Overview:
    """Runs over time: one bucket for the whole, one per stretch in order, none left out."""

    total: Bucket
    buckets: tuple[Bucket, ...]


@dataclass(frozen=True, slots=True)
class Added:
    """What became of spans that were handed over: how many were new, and how many were here already."""

    accepted: int
    duplicates: int = 0


@dataclass(frozen=True, slots=True)
class StoreStats:
    """What a store holds and what left it; `logs` and `metrics` count what came and was not kept."""

    runs: int
    spans: int
    bytes: int
    duplicates: int
    expired: int
    logs: int = 0
    metrics: int = 0


class StoreError(Exception):
    """The store cannot do what was asked; the message says what happened and what to do."""


class StoreLockedError(StoreError):
    """Another process writes to this database."""


class StoreFullError(StoreError):
    """The disk is full."""


class BadCursorError(ValueError):
    """A cursor is none that this store gave for this question."""
