"""What an answer means: the rules alone, without a wire."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from contextcompany.delivery.wire.answers import garbage, judge, retry_after
from contextcompany.delivery.wire.outcomes import Outcome, Verdict

URL = "https://collector.example/v1/traces"
SECRET = "hunter22"
MOMENT = datetime(2026, 11, 6, 8, 49, 37, tzinfo=UTC)
NOW = MOMENT.timestamp()
NO_OTLP = Outcome(Verdict.STAYS, f"what answers at {URL} is no OTLP endpoint: check TCC_URL")
WEB_PAGE = Outcome(Verdict.STAYS, f"{URL} answers with a web page, it is no OTLP endpoint: check TCC_URL")

KEY = f"the key was refused by {URL} ({{}}): check api_key or TCC_API_KEY"
PLACE = f"no OTLP endpoint at {URL} ({{}}): check TCC_URL"
MOVED = f"{URL} redirects ({{}}) and is not followed: set TCC_URL to the final URL"
PLAIN = f"{URL} answered {{}}"
MEANINGS = [
    *((status, Verdict.DELIVERED, "") for status in (200, 201, 202, 204, 299)),
    *((status, Verdict.LATER, PLAIN) for status in (429, 502, 503, 504)),
    *((status, Verdict.STAYS, MOVED) for status in (300, 301, 302, 303, 304, 307, 308)),
    *((status, Verdict.STAYS, KEY) for status in (401, 403)),
    *((status, Verdict.STAYS, PLACE) for status in (404, 405)),
    *((status, Verdict.STAYS, PLAIN) for status in (101, 199, 402, 407, 408, 409, 411, 415, 422, 499)),
    *((status, Verdict.STAYS, PLAIN) for status in (500, 501, 505, 511, 599, 600, 999)),
    (400, Verdict.MALFORMED, f"{URL} could not read a request ({{}})"),
    (413, Verdict.TOO_LARGE, f"a request was too large for {URL} ({{}})"),
]


@pytest.mark.parametrize(("status", "verdict", "reason"), MEANINGS)
def test_what_a_status_means(status: int, verdict: Verdict, reason: str) -> None:
    """Only 400 and 413 judge the bytes, only four codes are retried at once; the words of others stay out."""
    body = b"" if verdict is Verdict.DELIVERED else SECRET.encode()
    assert judge(status, {"X-Why": SECRET}, body, URL, NOW) == Outcome(verdict, reason.format(status))


@pytest.mark.parametrize("status", [200, 400, 401, 413, 429, 500, 503])
def test_retry_after_goes_with_later_only(status: int) -> None:
    """How long to wait is said only where the same request may be tried again at once."""
    outcome = judge(status, {"RETRY-AFTER": "7"}, b"", URL, NOW)
    assert outcome.retry_after == (7.0 if outcome.verdict is Verdict.LATER else None)


def answer(refused: int) -> bytes:
    """Return an OTLP answer that refuses spans."""
    partial = ExportTracePartialSuccess(rejected_spans=refused, error_message=SECRET)
    return ExportTraceServiceResponse(partial_success=partial).SerializeToString()


PROTOBUF = "application/x-protobuf"
JSON = "Application/JSON; charset=utf-8"
COUNTS = [
    (PROTOBUF, answer(3), 3),
    ("application/protobuf", answer(3), 3),
    (PROTOBUF, answer(0), 0),
    (PROTOBUF, answer(-3), 0),
    (PROTOBUF, b"", 0),
    (JSON, b'{"partialSuccess": {"rejectedSpans": 3, "errorMessage": "hunter22"}}', 3),
    (JSON, b'{"partialSuccess": {"rejectedSpans": "3"}}', 3),
    ("application/vnd.otlp+json", b'{"partialSuccess": {"rejectedSpans": 3.0}}', 3),
    (JSON, b'{"partialSuccess": {"rejectedSpans": -5}}', 0),
    (JSON, b'{"partialSuccess": {"rejectedSpans": "-5"}}', 0),
    (JSON, b'{"partialSuccess": {"rejectedSpans": "many"}}', 0),
    (JSON, b'{"partialSuccess": {"rejectedSpans": true}}', 0),
    (JSON, b'{"partialSuccess": {"rejectedSpans": null}}', 0),
    (JSON, b'{"partialSuccess": {"rejectedSpans": {"x": 1}}}', 0),
    (JSON, b'{"partialSuccess": {"rejectedSpans": 1e999}}', 0),
    (JSON, b'{"partialSuccess": {"rejectedSpans": NaN}}', 0),
    (JSON, b'{"partialSuccess": {}}', 0),
    (JSON, b'{"partialSuccess": 1}', 0),
    (JSON, b"{}", 0),
    (JSON, b"", 0),
    ("text/plain", b"ok", 0),
    ("text/html", b"", 0),
    (None, b"ok", 0),
]


@pytest.mark.parametrize(("kind", "body", "refused"), COUNTS)
def test_what_an_accepted_request_says(kind: str | None, body: bytes, refused: int) -> None:
    """Spans that a collector refuses of a request it accepted are counted; a count that is none is 0."""
    headers = {} if kind is None else {"content-Type": kind}
    reason = f"{URL} refused {refused} spans of a request" if refused else ""
    assert judge(200, headers, body, URL, NOW) == Outcome(Verdict.DELIVERED, reason, refused)


NO_ANSWERS = [
    (PROTOBUF, b"\xff\xff\xff\xff"),
    (PROTOBUF, b"ok"),
    (JSON, b"{"),
    (JSON, b"ok"),
    (JSON, b"\xff\xfe\xfd"),
    (JSON, b'[{"partialSuccess": 1}]'),
    (JSON, b"null"),
    (JSON, b"[" * 200_000),
    (JSON, b'{"partialSuccess": {"rejectedSpans": ' + b"9" * 5_000 + b"}}"),
]


@pytest.mark.parametrize(("kind", "body"), NO_ANSWERS)
def test_what_cannot_be_read_delivers_nothing(kind: str, body: bytes) -> None:
    """A body that is not what its type declares comes from no collector: the spans stay."""
    assert judge(200, {"Content-Type": kind}, body, URL, NOW) == NO_OTLP
    assert garbage(URL) == NO_OTLP


@pytest.mark.parametrize("kind", ["text/html", "TEXT/HTML; charset=utf-8", "application/xhtml+xml"])
@pytest.mark.parametrize("body", [b"<html>It works!</html>", None])
def test_a_web_page_is_no_collector(kind: str, body: bytes | None) -> None:
    """A 200 with a web page (a login, another port) has no spans: they stay, and the reason says why."""
    assert judge(200, {"Content-Type": kind}, body, URL, NOW) == WEB_PAGE


def test_an_endless_answer_counts_as_delivered() -> None:
    """A collector that accepted a request has the spans, however much it has to say."""
    reason = f"{URL} accepted a request with an answer too long to be read to its end"
    assert judge(200, {"Content-Type": PROTOBUF}, None, URL, NOW) == Outcome(Verdict.DELIVERED, reason)


WAITS = [
    ("0", 0.0),
    ("7", 7.0),
    (" 7 ", 7.0),
    ("1.5", 1.5),
    ("+2", 2.0),
    ("-5", 0.0),
    ("60", 60.0),
    ("3600", 60.0),
    ("9" * 1_000, 60.0),
    ("Fri, 06 Nov 2026 08:49:47 GMT", 10.0),
    ("Friday, 06-Nov-26 08:49:47 GMT", 10.0),
    ("Fri Nov  6 08:49:47 2026", 10.0),
    ("fri, 06 nov 2026 08:49:47 gmt", 10.0),
    ("Fri, 06 Nov 2026 08:49:60 GMT", 22.0),
    ("Fri, 06 Nov 2026 08:49:00 GMT", 0.0),
    ("Sunday, 06-Nov-94 08:49:37 GMT", 0.0),
    ("Fri, 06 Nov 2099 08:49:37 GMT", 60.0),
    ("Friday, 06-Nov-70 08:49:37 GMT", 60.0),
    (None, None),
    ("", None),
    ("soon", None),
    ("nan", None),
    ("inf", None),
    ("-inf", None),
    ("1e3", None),
    ("1_0", None),
    ("\u0663", None),
    ("7 seconds", None),
    ("Fri, 06 Xyz 2026 08:49:47 GMT", None),
    ("Fri, 31 Feb 2026 08:49:47 GMT", None),
    ("Fri, 06 Nov 0000 08:49:47 GMT", None),
    ("Fri, 06 Nov 2026 25:49:47 GMT", None),
    ("Fri, 06 Nov 2026 08:49:47 +0100", None),
]


@pytest.mark.parametrize(("value", "seconds"), WAITS)
def test_how_long_to_wait(value: str | None, seconds: float | None) -> None:
    """Retry-After is seconds or one of three forms of a date, within a minute; anything else is nothing."""
    assert retry_after(value, NOW) == seconds


@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001  (made aware by the strategy)
def test_dates_agree_with_the_standard_library(moment: datetime) -> None:
    """Every date that the standard library writes is read back to the second."""
    whole = moment.replace(microsecond=0)
    seconds = retry_after(format_datetime(whole, usegmt=True), NOW)
    assert seconds == min(max(whole.timestamp() - NOW, 0.0), 60.0)


@given(
    st.one_of(st.none(), st.text(), st.from_regex(r"[0-9A-Za-z, :.+-]*GMT", fullmatch=True)),
    st.floats(0, 1e11),
)
def test_any_header_gives_a_bounded_wait(value: str | None, now: float) -> None:
    """Whatever a collector says, the wait is nothing or 0 to 60 seconds."""
    seconds = retry_after(value, now)
    assert seconds is None or (math.isfinite(seconds) and 0.0 <= seconds <= 60.0)


TYPES = st.one_of(
    st.sampled_from([PROTOBUF, JSON, "text/html", "text/plain", ";", "/json", "json"]), st.text()
)
NAMES = st.one_of(st.sampled_from(["content-type", "Content-Type", "retry-after"]), st.text())
BODIES = st.one_of(
    st.none(),
    st.binary(),
    st.recursive(
        st.one_of(st.none(), st.integers(), st.floats(), st.text()),
        lambda inner: st.dictionaries(st.sampled_from(["partialSuccess", "rejectedSpans"]), inner),
    ).map(lambda value: json.dumps(value).encode()),
)


@given(st.integers(0, 999), st.dictionaries(NAMES, TYPES), BODIES)
def test_any_answer_has_a_meaning(status: int, headers: dict[str, str], body: bytes | None) -> None:
    """Nothing that a collector answers raises, refuses less than nothing, or says more than its status."""
    outcome = judge(status, headers, body, URL, NOW)
    assert outcome.refused_spans >= 0
    assert (outcome.verdict is Verdict.DELIVERED) <= (200 <= status < 300)
    assert not outcome.refused_spans or outcome.verdict is Verdict.DELIVERED
    assert outcome.retry_after is None or outcome.verdict is Verdict.LATER
    assert bool(outcome.reason) or outcome.verdict is Verdict.DELIVERED
