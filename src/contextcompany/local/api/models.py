"""The JSON of runs, groups and figures: times of ISO 8601, durations in milliseconds, costs in USD."""

from __future__ import annotations

from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from contextcompany.local.reading.feedback import MOST_CHARACTERS

Item = TypeVar("Item")


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
