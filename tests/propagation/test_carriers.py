"""Carriers: the trace context of another process, or nothing."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.propagate import inject
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import SpanContext, TraceFlags, TraceState

from contextcompany.propagation import ids
from contextcompany.propagation.baggage import MOST_BYTES
from contextcompany.propagation.carriers import Carried, read, span_context, traceparent, write

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN_ID = "00f067aa0ba902b7"
SAMPLED = f"00-{TRACE_ID}-{SPAN_ID}-01"

EXPECTED = SpanContext(
    int(TRACE_ID, 16), int(SPAN_ID, 16), is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED)
)


@pytest.mark.parametrize("name", ["traceparent", "Traceparent", "TRACEPARENT"])
def test_a_carrier_is_read(name: str) -> None:
    """A traceparent becomes the context of a remote span, however its name is written."""
    assert span_context({name: SAMPLED, "Accept": "text/html"}) == EXPECTED


def test_flags_and_state_are_kept() -> None:
    """An unsampled parent stays unsampled, and the trace state comes along."""
    found = span_context({"traceparent": f"00-{TRACE_ID}-{SPAN_ID}-00", "TraceState": "vendor=x,other=y"})
    assert found is not None
    assert found.trace_flags == TraceFlags(0)
    assert found.trace_state == TraceState([("vendor", "x"), ("other", "y")])
    assert found.is_remote


def test_what_opentelemetry_injects_is_read() -> None:
    """A carrier that any OpenTelemetry process filled leads back to its span."""
    provider = TracerProvider(shutdown_on_exit=False)
    span = provider.get_tracer("elsewhere").start_span("work")
    carrier: dict[str, str] = {}
    inject(carrier, context=trace.set_span_in_context(span))
    found = span_context(carrier)
    assert found is not None
    assert (found.trace_id, found.span_id) == (
        span.get_span_context().trace_id,
        span.get_span_context().span_id,
    )


NO_CARRIERS: list[Any] = [
    {"accept": "text/html"},
    {"traceparent": ""},
    {"traceparent": "x"},
    {"traceparent": f"00-{'0' * 32}-{SPAN_ID}-01"},
    {"traceparent": f"00-{TRACE_ID}-{'0' * 16}-01"},
    {"traceparent": f"ff-{TRACE_ID}-{SPAN_ID}-01"},
    {"traceparent": f"00-{TRACE_ID}-{SPAN_ID}"},
    {"traceparent": f"00-{TRACE_ID[:-1]}g-{SPAN_ID}-01"},
    {"traceparent": None},
    {"traceparent": SAMPLED.encode()},
    {"traceparent": 1},
    {b"traceparent": SAMPLED},
    {"tracestate": "vendor=x"},
    ["traceparent", SAMPLED],
    SAMPLED,
    1,
]


@pytest.mark.parametrize("carrier", NO_CARRIERS)
def test_what_carries_nothing(carrier: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A carrier without a valid traceparent is ignored, with a debug line and no warning."""
    caplog.set_level(logging.DEBUG, "contextcompany")
    assert span_context(carrier) is None
    ours = [record for record in caplog.records if record.name == "contextcompany"]
    assert [record.levelname for record in ours] == ["DEBUG"]


@pytest.mark.parametrize("carrier", [None, {}])
def test_no_carrier(carrier: dict[str, str] | None, caplog: pytest.LogCaptureFixture) -> None:
    """No carrier, or an empty one, is nothing to talk about."""
    caplog.set_level(logging.DEBUG, "contextcompany")
    assert span_context(carrier) is None
    assert caplog.records == []


@pytest.mark.usefixtures("application")
def test_the_current_span_is_not_taken_for_the_carrier() -> None:
    """A carrier without a trace leads nowhere, also where the application has a current span."""
    with trace.get_tracer("app").start_as_current_span("request"):
        assert span_context({"accept": "text/html"}) is None


@given(st.dictionaries(st.sampled_from(["traceparent", "tracestate", "baggage", "x"]), st.text()))
def test_any_text_is_survived(carrier: dict[str, str]) -> None:
    """Whatever a carrier holds: a valid remote context or None, never an exception."""
    found = span_context(carrier)
    assert found is None or (found.is_valid and found.is_remote)


contexts = st.builds(
    SpanContext,
    st.integers(1, 2**128 - 1),
    st.integers(1, 2**64 - 1),
    is_remote=st.just(value=True),
    trace_flags=st.sampled_from([TraceFlags(0), TraceFlags(1), TraceFlags(3)]),
)
id_texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=60)
places = st.builds(
    Carried,
    contexts,
    id_texts,
    st.none() | id_texts,
    st.none() | id_texts,
    st.none() | id_texts,
)
wild = st.dictionaries(
    st.sampled_from(["traceparent", "Tracestate", "baggage", "BAGGAGE", "x"]) | st.text(),
    st.text()
    | st.none()
    | st.integers()
    | st.binary()
    | st.from_regex(r"tcc-[a-z-]+=[^,]*(,tcc-parent=.*)?"),
)
PLACE = Carried(EXPECTED, "run 1", "chat/2", "user 3", "org 4")
OTHER = f"00-{'1' * 32}-{'2' * 16}-00"


def filled(place: Carried, *, environment: bool = False, **before: str) -> dict[str, str]:
    """Return a carrier with what was in it before and a place."""
    carrier = dict(before)
    write(carrier, place, header=place.parent, environment=environment)
    return carrier


@given(places, st.booleans())
def test_what_is_written_is_read(place: Carried, environment: bool) -> None:
    """Any place comes back from a carrier as it was written, under either kind of names."""
    carrier = filled(place, environment=environment)
    assert read(carrier) == place
    assert all(name.isupper() if environment else name.islower() for name in carrier)


@given(wild)
def test_any_carrier_is_survived(carrier: dict[str, Any]) -> None:
    """Whatever a carrier holds: a valid place with clean ids or None, never an exception."""
    found = read(carrier)
    if found is not None:
        assert found.parent.is_valid
        for text in (found.run_id, found.session_id, found.user_id, found.org_id):
            assert text is None or (0 < len(text.encode()) <= 4_096 and "\0" not in text)


@given(wild, places)
def test_any_carrier_can_be_written_into(carrier: dict[str, Any], place: Carried) -> None:
    """Writing never raises, leaves what others wrote, and stays within the bounds of W3C Baggage."""
    before = dict(carrier)
    write(carrier, place, header=place.parent, environment=False)
    changed = {name for name, value in carrier.items() if name not in before or before[name] is not value}
    assert {name.lower() for name in changed} <= {"traceparent", "tracestate", "baggage"}
    for name in changed:
        assert name not in before or name.lower() == "baggage"
        if name not in before:
            assert len(carrier[name].encode("utf-8", "surrogatepass")) <= MOST_BYTES


def test_what_a_place_looks_like() -> None:
    """The header is the standard one; ours are five percent-encoded members of the baggage."""
    assert filled(PLACE) == {
        "traceparent": SAMPLED,
        "baggage": f"tcc-run-id=run%201,tcc-parent={SAMPLED},tcc-session-id=chat%2F2,"
        "tcc-user-id=user%203,tcc-org-id=org%204",
    }


def test_names_of_environment_variables() -> None:
    """In an environment the names are in upper case, and found again there."""
    state = SpanContext(
        EXPECTED.trace_id, EXPECTED.span_id, is_remote=True, trace_state=TraceState([("vendor", "x")])
    )
    carrier = filled(Carried(state, "run-1"), environment=True)
    assert sorted(carrier) == ["BAGGAGE", "TRACEPARENT", "TRACESTATE"]
    assert read(carrier) == Carried(state, "run-1")
    assert carrier["TRACESTATE"] == "vendor=x"


def test_a_trace_context_that_is_there_stays() -> None:
    """The application's own propagation is not overwritten, and our place is found all the same."""
    carrier = filled(PLACE, Traceparent=OTHER, Baggage="app=1;p=2")
    assert (carrier["Traceparent"], sorted(carrier)) == (OTHER, ["Baggage", "Traceparent"])
    assert carrier["Baggage"].startswith("app=1;p=2,tcc-run-id=")
    assert read(carrier) == PLACE


class Headers:
    """Headers as some web frameworks have them: several lines of a name, and pairs when iterated over."""

    def __init__(self, *lines: tuple[str, str]) -> None:
        self.lines = list(lines)

    def __iter__(self) -> Any:
        return iter(self.lines)

    def items(self) -> Any:
        """Return the lines."""
        return iter(self.lines)

    def __setitem__(self, name: str, value: str) -> None:
        self.lines = [line for line in self.lines if line[0].lower() != name.lower()]
        self.lines.append((name, value))


def test_headers_of_several_lines() -> None:
    """All lines of baggage are kept and read, and a trace context is left alone, in any kind of headers."""
    headers: Any = Headers(("Traceparent", OTHER), ("Baggage", "app=1"), ("baggage", "tcc-run-id=old, app=2"))
    write(headers, PLACE, header=PLACE.parent, environment=False)
    (context, (name, value)) = headers.lines
    assert context == ("Traceparent", OTHER)
    assert (name, value.partition(",tcc-")[0]) == ("baggage", "app=1,app=2")
    assert read(headers) == PLACE
    headers.lines.append(("baggage", "app=3"))
    assert read(headers) == PLACE


def test_a_second_place_replaces_the_first() -> None:
    """A carrier that is handed on by the next process names the place there."""
    carrier = filled(PLACE)
    second = Carried(SpanContext(7, 8, is_remote=True, trace_flags=TraceFlags(1)), "run-2")
    write(carrier, second, header=second.parent, environment=False)
    assert read(carrier) == second
    assert carrier["baggage"] == f"tcc-run-id=run-2,tcc-parent={traceparent(second.parent)}"


def test_a_foreign_carrier_names_no_run() -> None:
    """The trace context of others is a parent without a run."""
    assert read({"traceparent": SAMPLED, "baggage": "app=1"}) == Carried(EXPECTED)


@pytest.mark.parametrize("parent", ["", "junk", f"00-{'0' * 32}-{SPAN_ID}-01", "x" * 600])
def test_a_run_without_a_place_in_it(parent: str) -> None:
    """Where our own parent is lost, the trace context stands in, else the ids that follow from the run's."""
    baggage = f"tcc-run-id=run-1,tcc-parent={parent}"
    assert read({"baggage": baggage, "traceparent": OTHER}) == Carried(
        SpanContext(int("1" * 32, 16), int("2" * 16, 16), is_remote=True), "run-1"
    )
    assert read({"baggage": baggage}) == Carried(ids.derived_context("run-1"), "run-1")


def test_ids_of_other_machines_are_cleaned() -> None:
    """An id with a NUL becomes valid text, one that is too long or empty counts as not given."""
    base = f"tcc-parent={SAMPLED}"
    assert read({"baggage": f"{base},tcc-run-id=a%00b"}) == Carried(EXPECTED, "a\ufffdb")
    for run_id in ("", "x" * 5_000):
        assert read({"baggage": f"{base},tcc-run-id={run_id}"}) is None


def test_without_its_id_nothing_of_a_run_is_written(caplog: pytest.LogCaptureFixture) -> None:
    """A session beside a run id that does not fit would stand for another run: a debug line says so."""
    caplog.set_level(logging.DEBUG, "contextcompany")
    assert filled(Carried(EXPECTED, "x" * 5_000, "chat-1"), baggage="app=1") == {
        "traceparent": SAMPLED,
        "baggage": "app=1",
    }
    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == (
        "DEBUG",
        "tcc-run-id, tcc-parent, tcc-session-id not written into a carrier: its baggage has no room",
    )


def test_baggage_that_is_no_text_is_left_alone() -> None:
    """Bytes of somebody else under the name of the baggage stay what they are."""
    carrier: dict[str, Any] = {"baggage": b"x"}
    write(carrier, PLACE, header=None, environment=False)
    assert carrier == {"baggage": b"x"}


def test_a_mapping_that_raises_is_no_carrier() -> None:
    """A broken mapping of somebody else is ignored like any other carrier without content."""

    class Broken(dict[str, str]):
        def items(self) -> Any:
            raise RuntimeError

    assert read(Broken(traceparent=SAMPLED)) is None
