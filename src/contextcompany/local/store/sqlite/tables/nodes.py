"""Spans and units as the writer holds them while it places a batch: the columns of their tables."""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import TYPE_CHECKING, Final, TypeAlias

from contextcompany.local.reading.read import read
from contextcompany.local.store.sqlite.tables.encoding import encode
from contextcompany.semconv.text import valid_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contextcompany.local.otlp.spans import SpanRecord
    from contextcompany.local.reading.reading import Reading

Sums: TypeAlias = list[int]
"""What is added up over the spans of a unit: in the order of `SUMMED`, then the cost in `COST_UNITS`."""

SUMMED: Final = (
    "spans",
    "steps",
    "tool_calls",
    "failures",
    "input_tokens",
    "cached_tokens",
    "output_tokens",
    "priced",
    "unpriced",
    "thumbs_up",
    "thumbs_down",
)
FAILURES: Final = SUMMED.index("failures")
PRICED: Final = SUMMED.index("priced")
# Costs are added as whole numbers of this part of a dollar, which adds no error: sums come out the same in
# whatever order spans arrive, and ten cents stay ten cents.
COST_UNITS: Final = 10**12

HAS_PROMPT: Final = 1
HAS_RESPONSE: Final = 2
HAS_WORDS: Final = 4

_LINE: Final = 200
_TEXT: Final = 300
_MOST_SEARCHED: Final = 65_536
_MOST_WORDS: Final = 10_000
# One less than the latest bound of a filter, which is no part of what it bounds.
_LATEST_NS: Final = 2**63 - 2
_MOST_TOKENS: Final = 10**12
_MOST_DOLLARS: Final = 1_000_000.0
_MOST_KEYS: Final = 64
_MOST_VALUE: Final = 1_000
_TRACE_ID_CHARACTERS: Final = 32


@dataclass(slots=True)
class Node:
    """One span in its place: a row of `span`."""

    id: int
    trace: int
    span_id: str
    parent_span_id: str | None
    run: int
    kind: str
    status: str
    claims: int
    own: int
    within: int
    says: int
    start_ns: int
    end_ns: int
    name: str
    error_type: str
    error: str
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost: float | None
    score: str
    feedback_text: str
    checksum: int

    def sums(self) -> Sums:
        """Return what it adds to its unit."""
        is_step = self.kind == "step" and not self.within
        is_tool = self.kind == "tool"
        is_failed = self.status == "failed" and (is_step or is_tool or (self.kind == "run" and not self.own))
        if not is_step:
            up, down = self.score == "up", self.score == "down"
            return [1, 0, int(is_tool), int(is_failed), 0, 0, 0, 0, 0, int(up), int(down), 0]
        has_cost = self.cost is not None
        return [
            1,
            1,
            0,
            int(is_failed),
            self.input_tokens,
            self.cached_tokens,
            self.output_tokens,
            int(has_cost),
            int(not has_cost and self.input_tokens + self.output_tokens > 0),
            0,
            0,
            round(self.cost * COST_UNITS) if self.cost is not None else 0,
        ]

    def facets(self) -> list[tuple[str, str]]:
        """Return what its outermost run can be found by because of it."""
        found: list[tuple[str, str]] = []
        if self.kind in _FACET_OF_KIND and self.name:
            found.append((_FACET_OF_KIND[self.kind], self.name))
        if self.error_type:
            found.append(("error", self.error_type))
        return found


_FACET_OF_KIND: Final = {"run": "agent", "step": "model", "tool": "tool"}


@dataclass(slots=True)
class Unit:
    """One run, or the rest of a trace: a row of `run`; `sums` are its columns from `spans` on."""

    id: int
    address: str
    run_id: str | None
    trace_id: str
    parent: int | None
    top: int
    change: int = 0
    status: str = "open"
    start_ns: int = 0
    end_ns: int = 0
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
    feedback_text: str = ""
    metadata: str = "{}"
    wanted: int | None = None
    named_parent: str = ""
    head: int = 0
    tail: int = 0
    asker: int = 0
    answerer: int = 0
    sums: Sums = field(default_factory=lambda: [0] * (len(SUMMED) + 1))

    @property
    def is_of_trace(self) -> bool:
        """Whether its address is the id of a trace."""
        return self.run_id is None

    def row(self) -> tuple[object, ...]:
        """Return the values of all columns."""
        *counts, cost = self.sums
        return (*_described(self), *counts, cost / COST_UNITS if self.sums[PRICED] else None)


def unit_of(row: tuple[object, ...]) -> Unit:
    """Read a row of `run`, its columns in the order of `UNIT_COLUMNS`."""
    unit = Unit(*row[: len(_DESCRIBED)])  # type: ignore[arg-type]
    *counts, cost = row[len(_DESCRIBED) :]
    unit.sums = [*counts, round(cost * COST_UNITS) if cost else 0]  # type: ignore[list-item, operator]
    return unit


_DESCRIBED: Final = tuple(each.name for each in fields(Unit) if each.name != "sums")
_described: Final = attrgetter(*_DESCRIBED)
UNIT_COLUMNS: Final = (*_DESCRIBED, *SUMMED, "cost")
NODE_COLUMNS: Final = tuple(each.name for each in fields(Node))
node_row: Final = attrgetter(*NODE_COLUMNS)


@dataclass(slots=True)
class Arrival:
    """A span that is on its way into the store."""

    trace_id: str
    claim: str
    node: Node
    span: SpanRecord
    reading: Reading
    line: bytes
    words: str


def arrival_of(span: SpanRecord) -> Arrival:
    """Read a span and make ready what is stored of it; its numbers and place are not known yet.

    What `read` gives can be stored as it is; what is taken from the span itself must be made so.
    """
    reading = read(span)
    trace_id = storable(span.trace_id)
    claim = address_of(reading.run_id) if reading.run_id else ""
    usage = reading.usage
    words = searched(reading)
    node = Node(
        id=0,
        trace=0,
        span_id=storable(span.span_id),
        parent_span_id=None if span.parent_span_id is None else storable(span.parent_span_id),
        run=0,
        kind=reading.kind,
        status=reading.status,
        claims=int(claim not in {"", trace_id}),
        own=0,
        within=0,
        says=(HAS_PROMPT if reading.prompt else 0)
        | (HAS_RESPONSE if reading.response else 0)
        | (HAS_WORDS if reading.feedback_text else 0),
        start_ns=min(max(0, span.start_ns), _LATEST_NS),
        end_ns=min(max(0, span.start_ns, span.end_ns), _LATEST_NS),
        name=_name(reading),
        error_type=short(reading.error_type),
        error=line(reading.error_message),
        input_tokens=min(max(0, usage.input_tokens), _MOST_TOKENS),
        cached_tokens=min(max(0, usage.cached_tokens), _MOST_TOKENS),
        output_tokens=min(max(0, usage.output_tokens), _MOST_TOKENS),
        cost=None if usage.cost is None else min(max(0.0, usage.cost), _MOST_DOLLARS),
        score=reading.score or "",
        feedback_text=reading.feedback_text[:_MOST_WORDS],
        checksum=checksum(words),
    )
    return Arrival(trace_id, claim if node.claims else "", node, span, reading, encode(span), words)


def _name(reading: Reading) -> str:
    if reading.kind == "run":
        return short(reading.agent)
    if reading.kind == "step":
        return short(reading.model or reading.requested_model)
    return short(reading.tool or reading.name)


def address_of(run_id: str) -> str:
    """Return the address of a run by its id, which is the id itself unless that is very long."""
    address = storable(run_id)
    if len(address) <= _TEXT:
        return address
    return f"{address[:_LINE]}~{hashlib.sha256(address.encode()).hexdigest()}"


def could_be_trace(address: str) -> bool:
    """Tell whether an address may be the id of a trace."""
    return len(address) == _TRACE_ID_CHARACTERS


def searched(reading: Reading) -> str:
    """Return what a span is found by: the beginning of its prompt, its response and its error."""
    parts = (reading.prompt, reading.response, reading.error_message)
    share = _MOST_SEARCHED // 3
    return "\n".join([part[:share] for part in parts if part])


def checksum(words: str) -> int:
    """Tell one text from another, so that the right one is taken out of the index; 0 for no text."""
    return (zlib.crc32(words.encode()) or 1) if words else 0


def line(text: str) -> str:
    """Write text on one line of at most 200 characters."""
    if not text:
        return ""
    seen = text[: 4 * _LINE]
    short = " ".join(seen.split())
    if len(short) <= _LINE and len(seen) == len(text):
        return short
    return short[: _LINE - 1].rstrip() + "…"


def short(text: str) -> str:
    """Bound an identifier or a name."""
    return text[:_TEXT]


def metadata_text(metadata: Mapping[str, str]) -> str:
    """Write the metadata of a run as a JSON object of texts, bounded."""
    kept = sorted(metadata.items())[:_MOST_KEYS]
    return json.dumps({short(key): value[:_MOST_VALUE] for key, value in kept if key})


def storable(text: str) -> str:
    """Replace what SQLite does not take in a text: halves of surrogate pairs, and zeros."""
    return valid_text(text)
