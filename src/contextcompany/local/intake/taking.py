"""What becomes of each kind of request: read, stored, answered. Blocking; runs beside the event loop."""

from __future__ import annotations

import json
import threading
from contextlib import ExitStack
from http import HTTPStatus
from typing import TYPE_CHECKING

from contextcompany.local.intake.keeping import keep, later
from contextcompany.local.intake.older.bodies import custom_spans, feedback_in
from contextcompany.local.intake.older.steps import step_of
from contextcompany.local.otlp.answers import JSON, accepted
from contextcompany.local.otlp.bodies import RefusedError, joined
from contextcompany.local.otlp.json import spans_in_json
from contextcompany.local.otlp.protobuf import spans_in_protobuf
from contextcompany.local.otlp.signals import count_data_points, count_log_records
from contextcompany.local.otlp.spans import MalformedBodyError, Refusals
from contextcompany.local.store.rows import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from contextcompany.local.intake.keeping import Destination
    from contextcompany.local.intake.receiving import Arrived
    from contextcompany.local.otlp.spans import SpanRecord

_MOST_ERRORS = 20


def _let_go(pieces: list[bytes]) -> Iterator[bytes]:
    """Return pieces one by one and keep none."""
    pieces.reverse()
    while pieces:
        yield pieces.pop()


class Taking:
    """Take bodies into a store; each method returns the body of the answer for a body that arrived.

    All raise RefusedError: 400 with the reason for what is not what it should be, 503 where the store cannot
    take any.
    """

    def __init__(self, store: Destination) -> None:
        self._store = store
        self._large_body = threading.Lock()

    def run(self, take: Callable[[bytes, str], bytes], arrived: Arrived) -> bytes:
        """Undo the content encoding of a body, let go of its pieces, hand it to one of the methods below."""
        with ExitStack() as held:
            # A large body is unpacked and read alone, so that many of them at once cannot fill the memory.
            pieces = _let_go(arrived.pieces)
            body = joined(pieces, arrived.encoding, lambda: held.enter_context(self._large_body))
            try:
                return take(body, arrived.content_type)
            except MalformedBodyError as error:
                raise RefusedError(HTTPStatus.BAD_REQUEST, str(error)) from error
            except StoreError as error:
                raise later(error) from error

    def traces(self, body: bytes, content_type: str) -> bytes:
        """Take an ExportTraceServiceRequest."""
        return self._spans(body, content_type)

    def steps(self, body: bytes, content_type: str) -> bytes:
        """Take an ExportTraceServiceRequest of the LiteLLM callback of older SDKs."""
        return self._spans(body, content_type, step_of)

    def logs(self, body: bytes, content_type: str) -> bytes:
        """Count the records of an ExportLogsServiceRequest."""
        self._store.count_signals(logs=count_log_records(body, is_json=content_type == JSON))
        return accepted(content_type)

    def metrics(self, body: bytes, content_type: str) -> bytes:
        """Count the data points of an ExportMetricsServiceRequest."""
        self._store.count_signals(metrics=count_data_points(body, is_json=content_type == JSON))
        return accepted(content_type)

    def custom(self, body: bytes, _content_type: str) -> bytes:
        """Take a run, step or tool_call object of an older SDK, or a batch of them."""
        spans, refused = custom_spans(body)
        shown = [f"items[{place}]: {reason}" for place, reason in list(refused.items())[:_MOST_ERRORS]]
        if refused and not spans:
            raise RefusedError(HTTPStatus.BAD_REQUEST, "; ".join(shown))
        refusals = Refusals()
        taken = keep(self._store, spans, refusals)
        if refusals.count and not taken:
            raise RefusedError(HTTPStatus.BAD_REQUEST, str(refusals))
        answer = {"accepted": taken, "rejected": len(refused) + refusals.count}
        return json.dumps({**answer, "errors": shown + refusals.reasons}).encode()

    def feedback(self, body: bytes, _content_type: str) -> bytes:
        """Take feedback of an older SDK."""
        keep(self._store, [feedback_in(body)], Refusals())
        return json.dumps({"accepted": 1, "rejected": 0, "errors": []}).encode()

    def _spans(
        self, body: bytes, content_type: str, change: Callable[[SpanRecord], SpanRecord] | None = None
    ) -> bytes:
        refusals = Refusals()
        read = spans_in_json if content_type == JSON else spans_in_protobuf
        spans = read(body, refusals)
        taken = keep(self._store, spans if change is None else map(change, spans), refusals)
        if refusals.count and not taken:
            raise RefusedError(HTTPStatus.BAD_REQUEST, str(refusals))
        return accepted(content_type, refusals)
