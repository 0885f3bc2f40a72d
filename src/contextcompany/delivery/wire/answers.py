"""What the answer of a collector means for the spans of a request.

Only a 400, a 413 and a partial success judge the bytes that were sent. Every other refusal is about
the place, the key or the moment: the spans stay.
"""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, cast

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from contextcompany.delivery.wire.outcomes import Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

# The list of the OTLP specification, https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes.
_RETRYABLE: Final = frozenset({429, 502, 503, 504})
_OK: Final = 200
_REDIRECT: Final = 300
_CLIENT_ERROR: Final = 400
_TOO_LARGE: Final = 413
_MOST_RETRY_AFTER: Final = 60.0

_SECONDS: Final = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?", re.ASCII)
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_CLOCK: Final = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
# The three forms of RFC 9110, section 5.6.7: the current one, RFC 850's and asctime's.
_DATES: Final = tuple(
    re.compile(form, re.ASCII | re.IGNORECASE)
    for form in (
        rf"[a-z]{{3}}, (?P<day>[0-9]{{2}}) (?P<month>[a-z]{{3}}) (?P<year>[0-9]{{4}}) {_CLOCK} GMT",
        rf"[a-z]{{6,9}}, (?P<day>[0-9]{{2}})-(?P<month>[a-z]{{3}})-(?P<year>[0-9]{{2}}) {_CLOCK} GMT",
        rf"[a-z]{{3}} (?P<month>[a-z]{{3}}) (?P<day>[ 0-9][0-9]) {_CLOCK} (?P<year>[0-9]{{4}})",
    )
)


def judge(status: int, headers: Mapping[str, str], body: bytes | None, shown: str, now: float) -> Outcome:
    """Return what a complete answer means.

    Args:
        status: the status code.
        headers: the headers, names in any case.
        body: the decoded body; None when it is longer than anyone should read.
        shown: the URL as it may be shown.
        now: the time of the answer, in seconds since the epoch, for dates in Retry-After.
    """
    if _OK <= status < _REDIRECT:
        return _accepted(headers, body, shown)
    if status in _RETRYABLE:
        wait = retry_after(_header(headers, "retry-after"), now)
        return Outcome(Verdict.LATER, f"{shown} answered {status}", retry_after=wait)
    if status == _CLIENT_ERROR:
        return Outcome(Verdict.MALFORMED, f"{shown} could not read a request ({status})")
    if status == _TOO_LARGE:
        return Outcome(Verdict.TOO_LARGE, f"a request was too large for {shown} ({status})")
    return Outcome(Verdict.STAYS, _refusal(status, shown))


def garbage(shown: str) -> Outcome:
    """Return what an answer means that is no HTTP, or that cannot be decoded."""
    return Outcome(Verdict.STAYS, f"what answers at {shown} is no OTLP endpoint: check TCC_URL")


def retry_after(value: str | None, now: float) -> float | None:
    """Return the seconds to wait that a Retry-After header asks for, from 0 to 60.

    Args:
        value: the header: seconds, or a date in one of the three forms of RFC 9110.
        now: the time to count from, in seconds since the epoch.

    Returns:
        None without a header, or with one that is neither.
    """
    text = "" if value is None else value.strip()
    if _SECONDS.fullmatch(text):
        seconds = float(text)
    else:
        moment = _moment(text, now)
        if moment is None:
            return None
        seconds = moment - now
    return min(max(seconds, 0.0), _MOST_RETRY_AFTER)


def _moment(text: str, now: float) -> float | None:
    for form in _DATES:
        found = form.fullmatch(text)
        if found is None:
            continue
        month = found["month"].lower()
        if month not in _MONTHS:
            return None
        year = int(found["year"])
        if len(found["year"]) == 2:  # noqa: PLR2004  (the digits of a year in the form of RFC 850)
            # More than 50 years ahead means the century before, says RFC 9110.
            this_year = datetime.fromtimestamp(now, UTC).year
            year += this_year - this_year % 100
            year -= 100 if year > this_year + 50 else 0
        second = min(int(found["second"]), 59)  # a leap second
        clock = int(found["hour"]), int(found["minute"]), second
        try:
            return datetime(year, _MONTHS.index(month) + 1, int(found["day"]), *clock, tzinfo=UTC).timestamp()
        except ValueError:
            return None
    return None


def _refusal(status: int, shown: str) -> str:
    if status in (401, 403):
        return f"the key was refused by {shown} ({status}): check api_key or TCC_API_KEY"
    if status in (404, 405):
        return f"no OTLP endpoint at {shown} ({status}): check TCC_URL"
    if _REDIRECT <= status < _CLIENT_ERROR:
        return f"{shown} redirects ({status}) and is not followed: set TCC_URL to the final URL"
    return f"{shown} answered {status}"


def _accepted(headers: Mapping[str, str], body: bytes | None, shown: str) -> Outcome:
    declared = (_header(headers, "content-type") or "").partition(";")[0].strip().lower()
    if declared in ("text/html", "application/xhtml+xml") and body != b"":
        return Outcome(
            Verdict.STAYS, f"{shown} answers with a web page, it is no OTLP endpoint: check TCC_URL"
        )
    if body is None:
        return Outcome(
            Verdict.DELIVERED, f"{shown} accepted a request with an answer too long to be read to its end"
        )
    try:
        refused = _refused(declared, body)
    except (DecodeError, ValueError, RecursionError):
        return garbage(shown)
    if refused > 0:
        return Outcome(Verdict.DELIVERED, f"{shown} refused {refused} spans of a request", refused)
    return Outcome(Verdict.DELIVERED)


def _refused(declared: str, body: bytes) -> int:
    """Read how many spans an answer refuses; other kinds of content say nothing about spans."""
    if not body:
        return 0
    if declared.endswith(("/json", "+json")):
        return _refused_in_json(json.loads(body))
    if "protobuf" in declared:
        return max(ExportTraceServiceResponse.FromString(body).partial_success.rejected_spans, 0)
    return 0


def _refused_in_json(answer: object) -> int:
    if not isinstance(answer, dict):
        raise ValueError("an OTLP answer in JSON is an object")  # noqa: TRY004  (one error for what cannot be read)
    partial = cast("dict[str, object]", answer).get("partialSuccess")
    if not isinstance(partial, dict):
        return 0
    count = cast("dict[str, object]", partial).get("rejectedSpans")
    # Integers of 64 bit are texts in the JSON form of protobuf.
    if isinstance(count, str) and re.fullmatch("[0-9]{1,19}", count, re.ASCII):
        return int(count)
    if isinstance(count, bool) or not isinstance(count, int | float) or not math.isfinite(count):
        return 0
    return max(int(count), 0)


def _header(headers: Mapping[str, str], name: str) -> str | None:
    return next((value for key, value in headers.items() if key.lower() == name), None)
