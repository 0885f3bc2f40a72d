"""Whether the direct encoder writes what the encoder of the installed OpenTelemetry exporter writes."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.util import BoundedList
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from contextcompany.delivery.spans.direct import DirectEncoder
from contextcompany.delivery.spans.reference import encoded_span
from contextcompany.delivery.spans.repairing import TAKES_NONE
from contextcompany.diagnostics import logger
from contextcompany.sdk import Event, ReadableSpan, Resource

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

_STATE: Final = TraceState([("vendor", "1"), ("other", "2")])
_LOCAL: Final = SpanContext(1 << 127, 1 << 63, is_remote=False, trace_flags=TraceFlags(1), trace_state=_STATE)
_REMOTE: Final = SpanContext(2, 3, is_remote=True, trace_flags=TraceFlags(1), trace_state=_STATE)
_LONG: Final = 1 << 14  # of a length that takes three bytes


@cache
def takes_direct() -> bool:
    """Return whether the direct encoder can be used: whether it equals the installed one on all it writes.

    Compared once for a process. A release of OpenTelemetry that writes more, or other, fields than those
    this package knows costs time, never content.
    """
    direct = DirectEncoder()
    try:
        # Compared after parsing: the order of fields is no content.
        is_equal = all(
            Span.FromString(direct.span(span)).SerializeToString() == encoded_span(span) for span in _probes()
        )
    except Exception as error:  # noqa: BLE001  (whatever an unknown release raises)
        logger.debug("spans are encoded by OpenTelemetry's own encoder: the probe raised %r", error)
        return False
    if not is_equal:
        logger.debug("spans are encoded by OpenTelemetry's own encoder, which writes more than is known here")
    return is_equal


def _probes() -> Iterable[ReadableSpan]:
    """Yield spans that hold everything that the direct encoder writes."""
    values: dict[str, Any] = {
        "text": "é",
        "empty": "",
        "long": "x" * _LONG,
        "true": True,
        "false": False,
        "number": -1,
        "large": (1 << 63) - 1,
        "float": -0.0,
        "infinite": float("inf"),
        "nan": float("nan"),
        "bytes": b"\xff",
        "texts": ("a", ""),
        "nothing": (),
        "mapping": {"a": [{"b": 1}], "c": {}},
        **({"none": None, "nones": (None,)} if TAKES_NONE else {}),
    }
    statuses = [Status(StatusCode.UNSET), Status(StatusCode.OK), Status(StatusCode.ERROR, "refused")]
    for number, kind in enumerate(SpanKind):
        counted = BoundedAttributes(attributes={"text": "a"})
        counted.dropped = number + 1
        yield ReadableSpan(
            "name" * number,
            (_LOCAL, _REMOTE)[number % 2],
            (None, _LOCAL, _REMOTE)[number % 3],
            Resource({}),
            # Not all in the SDK's own mapping: it changes, and logs, what is not usual.
            (values, counted)[number % 2],
            _bounded((Event("event", values, 1 << 60), Event("", counted, 0)), number),
            _bounded((Link(_LOCAL, values), Link(_REMOTE, counted)), number * 1_000),
            kind,
            status=statuses[number % len(statuses)],
            start_time=(None, 1)[number % 2],
            end_time=(1 << 64) - 1,
        )


def _bounded(items: tuple[Any, ...], dropped: int) -> Sequence[Any]:
    # The SDK reads the count of what it dropped from this class only.
    kept: BoundedList[Any] = BoundedList(len(items))
    kept.extend(items)
    kept.dropped = dropped
    return kept
