"""The runs that both collectors get: OTLP requests made beforehand, alike for both, no two runs the same.

One run is six spans: a run with a prompt of 200 characters, three steps that are asked 2 KB and answer 500
characters, two tool calls that return 1 KB. Runs begin 0.5 s apart and end now, each has a user, an
organisation, a session of four runs and six metadata keys; one in twenty fails.
"""

from __future__ import annotations

import json
import random
import time
import zlib
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from contextcompany.semconv import attributes as names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SPANS_PER_RUN: Final = 6
RUNS_PER_REQUEST: Final = 85
_STEP_NS: Final = 500_000_000
_MS: Final = 1_000_000
_ORDER: Final = ("step", "tool", "step", "tool", "step")
_MODELS: Final = ("gpt-5", "gpt-5-mini", "claude-sonnet-4-5", "claude-haiku-4-5", "gemini-2.5-pro")
_TOOLS: Final = ("search_documents", "get_order", "refund", "send_mail", "weather", "calendar")
_AGENTS: Final = ("support", "research", "sales", "triage")
_SYLLABLES: Final = ("ba", "co", "di", "fu", "ge", "hi", "ka", "lo", "mi", "nu", "pe", "ra", "so", "ti", "vu")


@dataclass(frozen=True, slots=True)
class Batch:
    """One compressed request: how many runs and spans it holds, ids of its last run, a word to look for."""

    body: bytes
    runs: int
    spans: int
    run_id: str
    trace_id: str
    word: str


def batches(runs: int, seed: int = 1, spans_each: int = SPANS_PER_RUN) -> Iterator[Batch]:
    """Make requests for so many runs, oldest first, the last one begun a moment ago.

    Args:
        runs: How many.
        seed: Others for another number.
        spans_each: How many of its spans a run has here, its own first.
    """
    chance = random.Random(seed)  # noqa: S311 - prose, not secrets
    vocabulary = ["".join(chance.choices(_SYLLABLES, k=chance.randint(1, 4))) for _ in range(20_000)]
    began = time.time_ns() - runs * _STEP_NS
    for first in range(0, runs, RUNS_PER_REQUEST):
        numbers = range(first, min(first + RUNS_PER_REQUEST, runs))
        request = ExportTraceServiceRequest()
        scope = request.resource_spans.add()
        scope.resource.attributes.extend(_pairs({"service.name": "benchmark"}))
        spans = scope.scope_spans.add().spans
        for number in numbers:
            run = _run(number, seed, began + number * _STEP_NS, chance, vocabulary)
            spans.extend(run[:spans_each])
        word = vocabulary[first % len(vocabulary)]
        packer = zlib.compressobj(1, wbits=31)
        body = packer.compress(request.SerializeToString()) + packer.flush()
        last = numbers[-1]
        yield Batch(body, len(numbers), len(spans), _run_id(last, seed), _trace_id(last, seed).hex(), word)


def _run_id(number: int, seed: int) -> str:
    return f"run-{seed}-{number:08d}"


def _trace_id(number: int, seed: int) -> bytes:
    return blake2b(_run_id(number, seed).encode(), digest_size=16).digest()


def _run(number: int, seed: int, start: int, chance: random.Random, vocabulary: list[str]) -> list[Span]:
    def prose(length: int) -> str:
        return " ".join(chance.choices(vocabulary, k=length // 5))[:length]

    run_id, trace_id = _run_id(number, seed), _trace_id(number, seed)
    question, answer = prose(200), prose(500)
    common: dict[str, object] = {names.TCC_RUN_ID: run_id}
    spans = [
        _span(
            (trace_id, trace_id[:8], b""),
            f"invoke_agent {_AGENTS[number % 4]}",
            (start, start + chance.randint(400, 9_000) * _MS),
            common
            | {
                names.GEN_AI_OPERATION_NAME: names.OPERATION_INVOKE_AGENT,
                names.TCC_AGENT: _AGENTS[number % 4],
                names.GEN_AI_AGENT_NAME: _AGENTS[number % 4],
                names.TCC_SESSION_ID: f"session-{seed}-{number // 4}",
                names.GEN_AI_CONVERSATION_ID: f"session-{seed}-{number // 4}",
                names.TCC_USER_ID: f"user-{number % 2_000}",
                names.TCC_ORG_ID: f"org-{number % 50}",
                names.GEN_AI_SYSTEM_INSTRUCTIONS: json.dumps([{"type": "text", "content": prose(500)}]),
                names.GEN_AI_INPUT_MESSAGES: _messages("user", question),
                names.GEN_AI_OUTPUT_MESSAGES: _messages("assistant", answer),
                **{
                    f"{names.TCC_METADATA_PREFIX}key{index}": f"value {number % (index + 2)}"
                    for index in range(6)
                },
            },
            is_failed=number % 20 == 0,
        )
    ]
    for index, kind in enumerate(_ORDER):
        span_id = blake2b(b"%d-%d-%d" % (seed, number, index), digest_size=8).digest()
        begun = start + (index * 70 + 10) * _MS
        if kind == "step":
            model = _MODELS[chance.randrange(len(_MODELS))]
            own: dict[str, object] = {
                names.GEN_AI_OPERATION_NAME: names.OPERATION_CHAT,
                names.GEN_AI_PROVIDER_NAME: "openai",
                names.GEN_AI_REQUEST_MODEL: model,
                names.GEN_AI_RESPONSE_MODEL: model,
                names.GEN_AI_USAGE_INPUT_TOKENS: chance.randint(200, 4_000),
                names.GEN_AI_USAGE_OUTPUT_TOKENS: chance.randint(20, 900),
                names.GEN_AI_RESPONSE_FINISH_REASONS: ["stop"],
                names.GEN_AI_INPUT_MESSAGES: _messages("user", prose(2_048)),
                names.GEN_AI_OUTPUT_MESSAGES: _messages("assistant", prose(500)),
            }
            name = f"chat {model}"
        else:
            tool = _TOOLS[chance.randrange(len(_TOOLS))]
            own = {
                names.GEN_AI_OPERATION_NAME: names.OPERATION_EXECUTE_TOOL,
                names.GEN_AI_TOOL_NAME: tool,
                names.GEN_AI_TOOL_CALL_ARGUMENTS: json.dumps({"query": prose(180), "limit": 10}),
                names.GEN_AI_TOOL_CALL_RESULT: json.dumps({"value": prose(1_024)}),
            }
            name = f"execute_tool {tool}"
        took = chance.randint(20, 60) * _MS
        spans.append(_span((trace_id, span_id, trace_id[:8]), name, (begun, begun + took), common | own))
    return spans


def _messages(role: str, content: str) -> str:
    parts = [{"type": "text", "content": content}]
    return json.dumps([{"role": role, "parts": parts, "finish_reason": "stop"}])


def _span(
    ids: tuple[bytes, bytes, bytes],
    name: str,
    times: tuple[int, int],
    found: Mapping[str, object],
    *,
    is_failed: bool = False,
) -> Span:
    status = Status(code=Status.STATUS_CODE_ERROR, message="the model was down") if is_failed else Status()
    return Span(
        trace_id=ids[0],
        span_id=ids[1],
        parent_span_id=ids[2],
        name=name,
        kind=Span.SPAN_KIND_INTERNAL,
        start_time_unix_nano=times[0],
        end_time_unix_nano=times[1],
        attributes=_pairs(found),
        status=status,
    )


def _pairs(found: Mapping[str, object]) -> list[KeyValue]:
    return [KeyValue(key=key, value=_value(value)) for key, value in found.items()]


def _value(value: object) -> AnyValue:
    if isinstance(value, list):
        return AnyValue(array_value=ArrayValue(values=[_value(item) for item in value]))
    if isinstance(value, int):
        return AnyValue(int_value=value)
    return AnyValue(string_value=str(value))
