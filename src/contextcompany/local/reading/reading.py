"""What one span says of an agent's work, in the words of this package, whichever library wrote it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind: TypeAlias = Literal["run", "step", "tool", "feedback", "span"]
"""What a span stands for; `span` is anything that is no part of an agent's own work."""

Status: TypeAlias = Literal["ok", "partial", "failed"]
Score: TypeAlias = Literal["up", "down"]


@dataclass(frozen=True, slots=True)
class Usage:
    """What one request to a model used.

    `cached_tokens` are part of `input_tokens`. `cost` is in USD, None where it is not known.
    """

    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """One span, read.

    `name` is what people call it: the agent of a run, the model that a step asked for (that which answered,
    where the other is not told), the tool of a tool call, else the span's own name. `run_id` is None for an
    agent that another library recorded: its trace is what it is known by. `model` is the one that answered,
    empty for a step that failed without an answer. `error_type` is empty unless it failed; `error_message`
    also says why it went well only in part.

    `prompt` and `response` are plain text without markup, of any length, empty where there is none: of a run
    what the user asked and what the agent answered, of a step the last thing it was asked and what the model
    said, of a tool call its arguments and its result, of another span of GenAI what went in and out.
    `metadata` is what the user attached to a run, or to a span of another library, as text. All text can be
    encoded; names, ids and metadata are bounded.
    """

    kind: Kind
    name: str
    run_id: str | None = None
    parent_run_id: str | None = None
    status: Status = "ok"
    error_type: str = ""
    error_message: str = ""
    agent: str = ""
    session_id: str = ""
    user_id: str = ""
    user_name: str = ""
    org_id: str = ""
    org_name: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    model: str = ""
    requested_model: str = ""
    tool: str = ""
    usage: Usage = field(default_factory=Usage)
    prompt: str = ""
    response: str = ""
    score: Score | None = None
    feedback_text: str = ""
