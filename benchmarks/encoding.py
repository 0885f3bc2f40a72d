"""What encoding costs the background thread, beside the encoder of the OpenTelemetry exporter.

One batch is 512 spans of 16 attributes: ids, names, counts and two texts of about 2 KB that differ from span
to span. Stock is `encode_spans` and the serialization of its messages, as the exporter does it. The two take
turns, so that a machine whose speed drifts spoils no ratio. The memory that our way takes is measured
apart, since that takes time too; that of stock cannot be, as its messages lie outside of what Python counts.

    python benchmarks/encoding.py [ROUNDS]
"""

from __future__ import annotations

import statistics
import sys
import time
import tracemalloc
from typing import TYPE_CHECKING

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.trace import SpanKind

from contextcompany.delivery.spans.encoding import encode_within
from contextcompany.semconv import attributes as names

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.util.types import AttributeValue

SPANS = 512
STEPS_PER_RUN = 4
WORDS = "the order was shipped on monday and waits at the counter of the carrier in the old town "
PROSE = WORDS * 40


def message(role: str, number: int, length: int) -> str:
    """Return messages as JSON text of about a length, different for each number."""
    start = number % len(WORDS)
    content = f"{number}: {PROSE[start : start + length + number % 97]}"
    return f'[{{"role":"{role}","parts":[{{"type":"text","content":"{content}"}}]}}]'


def attributes(number: int) -> dict[str, AttributeValue]:
    """Return the attributes of a step."""
    run_id = f"7f3e5d2c-0000-4000-8000-{number // STEPS_PER_RUN:012x}"
    return {
        names.GEN_AI_OPERATION_NAME: "chat",
        names.TCC_RUN_ID: run_id,
        names.TCC_STEP_ID: f"0b6c1a94-0000-4000-8000-{number:012x}",
        names.TCC_SESSION_ID: f"session-{number // 32}",
        names.GEN_AI_CONVERSATION_ID: f"session-{number // 32}",
        names.GEN_AI_PROVIDER_NAME: "openai",
        names.GEN_AI_REQUEST_MODEL: "gpt-5",
        names.GEN_AI_RESPONSE_MODEL: "gpt-5-2025-08-07",
        names.GEN_AI_USAGE_INPUT_TOKENS: 1_000 + number * 7,
        names.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: number,
        names.GEN_AI_USAGE_OUTPUT_TOKENS: 200 + number % 50,
        names.GEN_AI_RESPONSE_FINISH_REASONS: ["stop"],
        names.TCC_COST: 0.001 * number,
        names.TCC_STATUS_CODE: 0,
        names.GEN_AI_INPUT_MESSAGES: message("user", number, 2_000),
        names.GEN_AI_OUTPUT_MESSAGES: message("assistant", number + 40, 2_000),
    }


def typical_spans() -> list[ReadableSpan]:
    """Return a batch as the SDK hands ended spans over."""
    provider = TracerProvider(resource=Resource.create({"service.name": "shop"}), shutdown_on_exit=False)
    tracer = provider.get_tracer("contextcompany", "0.1.0")
    spans: list[ReadableSpan] = []
    for number in range(SPANS):
        span = tracer.start_span("chat gpt-5", kind=SpanKind.CLIENT, attributes=attributes(number))
        span.end()
        if isinstance(span, ReadableSpan):
            spans.append(span)
    return spans


def stock(spans: list[ReadableSpan]) -> bytes:
    """Encode as the exporter does."""
    return encode_spans(spans).SerializeToString()


def direct(spans: list[ReadableSpan]) -> bytes:
    """Encode as this package does."""
    return encode_within(spans, 1 << 30).requests[0].body


def microseconds(work: Callable[[list[ReadableSpan]], bytes], spans: list[ReadableSpan]) -> float:
    """Return the time of one span, as the mean of the batch."""
    began = time.perf_counter()
    work(spans)
    return (time.perf_counter() - began) / len(spans) * 1e6


def memory(spans: list[ReadableSpan]) -> float:
    """Return the most memory that our way takes at once, as a multiple of the bytes that come out."""
    tracemalloc.start()
    body = direct(spans)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most / len(body)


def main(rounds: int) -> None:
    """Print the medians, the ratio and the memory."""
    spans = typical_spans()
    if direct(spans) != stock(spans):
        raise SystemExit("the two encoders differ; a comparison of their times would say nothing")
    pairs = [(microseconds(stock, spans), microseconds(direct, spans)) for _ in range(rounds)]
    ratio = statistics.median(mine / other for other, mine in pairs)
    print(f"stock  {statistics.median(other for other, _ in pairs):.1f} µs a span")
    print(f"direct {statistics.median(mine for _, mine in pairs):.1f} µs a span, {ratio:.2f} times stock")
    print(f"direct takes {memory(spans):.1f} times the bytes that come out while it works")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
