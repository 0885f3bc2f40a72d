"""The light spans of our own provider: to everybody who reads or writes them, spans of the SDK."""

from __future__ import annotations

import json
import logging
import sys
import threading
from contextlib import nullcontext
from itertools import count
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
)

from contextcompany.delivery.spans import own
from contextcompany.delivery.spans.direct import DirectEncoder
from contextcompany.delivery.spans.notes import MOST_ATTRIBUTES
from contextcompany.delivery.spans.origin import Origin
from contextcompany.delivery.spans.own import OwnSpan, is_doubtful
from contextcompany.delivery.spans.rebuild import rebuilt
from contextcompany.diagnostics import guard
from tests.handmade import ELSEWHERE, whole
from tests.loopback import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.util.types import AnyValue

    Write = Callable[[Span], None]

MOST = 1_024
RESOURCE = Resource({"service.name": "by-hand"})
SCOPE = InstrumentationScope("by-hand", "1.2")
RANDOM = TraceFlags(getattr(TraceFlags, "RANDOM_TRACE_ID", 0))
STATE = TraceState([("vendor", "1"), ("b", "2")])


class Twins:
    """A span of ours and one of the SDK, started alike."""

    def __init__(
        self,
        attributes: Mapping[str, AnyValue] | None = None,
        parents: tuple[trace.Span | None, trace.Span | None] = (None, None),
        kind: SpanKind = SpanKind.CLIENT,
    ) -> None:
        self.taken: list[OwnSpan] = []
        self.exporter = InMemorySpanExporter()
        limits = SpanLimits(
            max_span_attributes=MOST,
            max_events=MOST,
            max_links=MOST,
            max_event_attributes=MOST,
            max_link_attributes=MOST,
        )
        self.provider = TracerProvider(
            ALWAYS_ON, resource=RESOURCE, shutdown_on_exit=False, span_limits=limits
        )
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        origin = Origin(lambda: RESOURCE, SCOPE, self.taken.append)
        started = dict(attributes or {})
        ours, theirs = parents
        self.ours = OwnSpan(origin, "chat", kind, ours, None, started, 5_000)
        context = trace.set_span_in_context(trace.INVALID_SPAN if theirs is None else theirs)
        tracer = self.provider.get_tracer(SCOPE.name, SCOPE.version)
        made = tracer.start_span("chat", context, kind, started, start_time=5_000)
        assert isinstance(made, Span)
        self.theirs = made

    def do(self, act: Write) -> None:
        """Do the same with both, and see that the same comes of it."""
        assert outcome(act, self.ours) == outcome(act, self.theirs)
        self.are_alike()

    def are_alike(self) -> None:
        """See that both show the same, while they are open and when they have ended."""
        assert shown(self.ours) == shown(self.theirs)
        assert self.ours.is_recording() is self.theirs.is_recording()
        exported = [shown(span) for span in self.exporter.get_finished_spans()]
        assert [shown(span) for span in self.taken] == exported


def outcome(act: Write, span: Span) -> str:
    """Return what an act raises, in words that do not depend on the implementation."""
    try:
        act(span)
    except Exception as error:  # noqa: BLE001  (whatever it is)
        return type(error).__name__
    return ""


def shown(span: ReadableSpan) -> dict[str, Any]:
    """Return everything that a span shows but its random ids and the lines of our own stack."""
    context: Any = span.context
    assert span.get_span_context() == context
    found: dict[str, Any] = {
        "dropped": (span.dropped_attributes, span.dropped_events, span.dropped_links),  # before all else
        "name": span.name,
        "kind": span.kind,
        "parent": None if span.parent is None else (span.parent.is_remote, dict(span.parent.trace_state)),
        "flags": (context.trace_flags, context.is_remote, dict(context.trace_state), context.is_valid),
        "in the trace": span.parent is None or span.parent.trace_id == context.trace_id,
        "times": (span.start_time, span.end_time),
        "status": (span.status.status_code, span.status.description, span.status.is_ok),
        "attributes": dict(span.attributes or {}),
        "events": [
            (event.name, dict(event.attributes or {}), event.dropped_attributes) for event in span.events
        ],
        "links": [
            (link.context, dict(link.attributes or {}), link.dropped_attributes) for link in span.links
        ],
        "origin": (span.resource, span.instrumentation_scope),
        "kinds": [type(part) for part in (span.attributes, span.events, span.links)],
    }
    try:
        written = json.loads(span.to_json())
    except TypeError:  # bytes among its attributes
        return found
    assert (written["name"], written["kind"]) == (span.name, str(span.kind))
    written["context"] = written["context"].keys()
    written["parent_id"] = written["parent_id"] is not None
    for event in written["events"]:
        del event["timestamp"]
    return {**found, "json": written}


# Values and keys of all sorts, and those that are none.
VALUES: st.SearchStrategy[Any] = st.one_of(
    st.text(max_size=3),
    st.integers(-5, 2**65),
    st.floats(allow_nan=False),
    st.booleans(),
    st.binary(max_size=3),
    st.none(),
    st.lists(st.text(max_size=2), max_size=3),
    st.lists(st.one_of(st.integers(0, 3), st.text(max_size=2)), max_size=3),
    st.dictionaries(st.text(max_size=2), st.integers(0, 3), max_size=2),
    st.sampled_from(["\ud800", (1, 2), {1: 2}, range(3)]),
)
KEYS: st.SearchStrategy[Any] = st.one_of(st.sampled_from("abcd"), st.sampled_from(["", 5, None]))
MAPPINGS: st.SearchStrategy[Any] = st.dictionaries(KEYS, VALUES, max_size=4)
CONTEXTS: st.SearchStrategy[Any] = st.sampled_from(
    [
        ELSEWHERE,
        SpanContext(0, 0, is_remote=False),
        SpanContext(0, 0, is_remote=False, trace_state=STATE),
        SpanContext(7, 8, is_remote=True, trace_state=STATE),
        None,
    ]
)
ERRORS = [ValueError("no such order"), KeyError("k"), LookupError(), KeyboardInterrupt("stop")]
CODES: st.SearchStrategy[Any] = st.sampled_from(StatusCode)
TEXTS: st.SearchStrategy[Any] = st.sampled_from([None, "", "it failed", 5])
STATUSES: st.SearchStrategy[Any] = st.one_of(
    CODES, st.builds(Status, CODES, TEXTS), st.sampled_from([None, "ERROR", 2])
)


def _in_block(error: BaseException | None) -> Write:
    def act(span: Span) -> None:
        with nullcontext() if error is None else pytest.raises(type(error)) as raised, span as entered:
            assert entered is span
            if error is not None:
                raise error.with_traceback(None)
        assert raised is None or raised.value is error

    return act


def _unhashable_keys() -> list[Any]:
    """Return keys that cannot be hashed, where the SDK leaves them out; earlier ones raise."""
    span = TracerProvider(shutdown_on_exit=False).get_tracer("t").start_span("s")
    key: Any = []
    return [[], {}] if not outcome(lambda tried: tried.set_attribute(key, 1), cast("Span", span)) else ["a"]


ACTS: st.SearchStrategy[Write] = st.one_of(
    st.builds(lambda k, v: lambda span: span.set_attribute(k, v), KEYS, VALUES),
    st.builds(lambda k: lambda span: span.set_attribute(k, 1), st.sampled_from(_unhashable_keys())),
    st.builds(lambda m: lambda span: span.set_attributes(m), MAPPINGS),
    st.builds(lambda m, t: lambda span: span.add_event("e", m, t), MAPPINGS, st.sampled_from([None, 7])),
    st.builds(lambda c, m: lambda span: span.add_link(c, m), CONTEXTS, MAPPINGS),
    st.builds(lambda n: lambda span: span.update_name(n), st.text(max_size=3)),
    st.builds(lambda s, t: lambda span: span.set_status(s, t), STATUSES, TEXTS),
    st.builds(
        lambda e, m, esc: lambda span: span.record_exception(e, m, escaped=esc),
        st.sampled_from(ERRORS),
        MAPPINGS,
        st.booleans(),
    ),
)
# What ends a span; after it the rest is written in vain.
ENDS: st.SearchStrategy[Write] = st.one_of(
    st.builds(lambda at: lambda span: span.end(at), st.sampled_from([9_000, 0])),
    st.just(lambda span: span.start()),
)


@settings(max_examples=200, suppress_health_check=list(HealthCheck))
@given(
    st.dictionaries(st.sampled_from("abxy"), st.integers(0, 3), max_size=3),
    st.lists(st.one_of(ACTS, ACTS, ACTS, ENDS), max_size=8),
)
def test_what_others_do_with_it_is_what_they_would_do_with_a_span_of_the_sdk(
    attributes: dict[str, Any], acts: list[Write]
) -> None:
    """Whatever the API lets others write, in any order and after the end too, reads as on an SDK span."""
    twins = Twins(attributes)
    twins.are_alike()
    for act in acts:
        twins.do(act)
    twins.do(lambda span: span.end(9_000))


@pytest.mark.parametrize("error", [*ERRORS, None], ids=repr)
def test_used_as_a_block_it_ends_as_a_span_of_the_sdk(
    error: BaseException | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A block around it ends it; what is raised inside is recorded, said in the status, and goes on."""
    monkeypatch.setattr("opentelemetry.sdk.trace.time_ns", lambda: 9_000)
    monkeypatch.setattr(own, "time_ns", lambda: 9_000)
    twins = Twins({"a": 1})
    twins.do(_in_block(error))
    assert (len(twins.taken), twins.ours.end_time) == (1, 9_000)


@pytest.mark.parametrize("ending", ["end", "block"])
def test_after_its_end_nothing_changes_it(ending: str, caplog: pytest.LogCaptureFixture) -> None:
    """What is written after the end is refused with a warning each, and the span goes out once."""
    twins = Twins({"a": 1})
    for span in (twins.ours, twins.theirs):
        span.add_event("before", timestamp=1)
        span.end(9_000)
    if ending == "block":
        twins.do(_in_block(ValueError("late")))
    before = shown(twins.ours)
    writes: list[Write] = [
        lambda span: span.set_attribute("late", 1),
        lambda span: span.set_attributes({"late": 1}),
        lambda span: span.add_event("late"),
        lambda span: span.add_link(ELSEWHERE),
        lambda span: span.update_name("late"),
        lambda span: span.set_status(StatusCode.ERROR),
        lambda span: span.record_exception(ValueError("late")),
        lambda span: span.end(10_000),
    ]
    for write in writes:
        caplog.clear()
        twins.do(write)
        assert [record.name for record in caplog.records] == ["opentelemetry.sdk.trace"] * 2
        assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2
    assert shown(twins.ours) == before
    assert len(twins.taken) == 1


def _fill(what: str) -> Write:
    def act(span: Span) -> None:
        for number in range(MOST + 6):
            if what == "events":
                span.add_event(f"e{number}", timestamp=1)
            elif what == "links":
                span.add_link(SpanContext(1, number + 1, is_remote=False))
            elif what == "one by one":
                span.set_attribute(f"k{number}", number)
        if what == "at once":
            span.set_attributes({f"k{number}": number for number in range(MOST + 6)})
        elif what == "with an old one":
            span.set_attributes({f"k{number}": number for number in range(MOST - 5)})
            span.set_attribute("a", "again")
            span.set_attribute("last", 1)
        elif what == "in an event":
            span.add_event("e", {f"k{number}": number for number in range(MOST + 6)}, 1)
        elif what == "in a link":
            span.add_link(ELSEWHERE, {f"k{number}": number for number in range(MOST + 6)})

    return act


@pytest.mark.parametrize(
    "what",
    ["events", "links", "one by one", "at once", "with an old one", "in an event", "in a link"],
)
def test_past_its_limits_it_drops_what_the_sdk_drops(what: str) -> None:
    """Of more than 1,024 of a kind the oldest go and are counted, whether or not it has ended yet."""
    twins = Twins({"a": 1, "b": 2, "c": 3, "d": 4, "e": 5})
    twins.do(_fill(what))
    twins.do(lambda span: span.end(9_000))
    assert sum(shown(twins.ours)["dropped"]) + (what.startswith("in a")) > 0


def test_values_are_taken_as_they_are_when_they_are_written() -> None:
    """What a caller changes afterwards, in a list or in the mapping itself, is not what was recorded."""
    values, mapping = ["a"], {"k": 1}
    twins = Twins()
    twins.do(lambda span: span.set_attribute("values", values))
    twins.do(lambda span: span.set_attributes(mapping))
    twins.do(lambda span: span.add_event("e", mapping, 1))
    values.append("b")
    mapping["late"] = 2
    twins.do(lambda span: span.end(9_000))
    assert shown(twins.ours)["attributes"] == {"values": ("a",), "k": 1}


_REMOTE = {
    "remote": (TraceFlags(1), None),
    "remote with a state": (TraceFlags(1), STATE),
    "remote and random": (TraceFlags(TraceFlags(1) | RANDOM), STATE),
    "remote and not sampled": (TraceFlags(0), None),
    "remote with unknown flags": (TraceFlags(0xFD), None),
}


def _parents(which: str) -> tuple[trace.Span | None, trace.Span | None]:
    if which == "none":
        return None, None
    if which == "invalid":
        return trace.INVALID_SPAN, trace.INVALID_SPAN
    if which == "own":
        around = Twins()
        return around.ours, around.theirs
    if which == "own below remote":
        around = Twins(parents=_parents("remote with a state"))
        return around.ours, around.theirs
    if which == "of the SDK":
        around = Twins()
        return around.theirs, around.theirs
    flags, state = _REMOTE[which]
    parent = NonRecordingSpan(SpanContext(7, 8, is_remote=True, trace_flags=flags, trace_state=state))
    return parent, parent


@pytest.mark.parametrize("which", ["none", "invalid", "own", "own below remote", "of the SDK", *_REMOTE])
def test_it_starts_below_its_parent_as_a_span_of_the_sdk(which: str) -> None:
    """Trace, parent, trace state and flags are those that the SDK, which samples all, would give it."""
    parents = _parents(which)
    twins = Twins(parents=parents)
    twins.are_alike()
    ours, below = twins.ours.context, twins.ours.parent
    assert ours.trace_flags.sampled
    assert not ours.is_remote
    parent = parents[0]
    if parent is not None and parent.get_span_context().is_valid:
        around = parent.get_span_context()
        assert below is not None
        assert (ours.trace_id, ours.trace_state) == (around.trace_id, around.trace_state)
        assert (below.span_id, below.is_remote, below.trace_flags) == (
            around.span_id,
            around.is_remote,
            around.trace_flags,
        )
        assert ours.span_id != around.span_id
    else:
        assert below is None


def test_a_root_takes_the_ids_that_it_is_given() -> None:
    """The ids of a root are given; below a parent its own decide."""
    origin = Origin(lambda: RESOURCE, SCOPE, lambda _: None)
    root = OwnSpan(origin, "a", SpanKind.INTERNAL, None, (7, 8), {}, 1)
    assert (root.context.trace_id, root.context.span_id, root.parent) == (7, 8, None)
    child = OwnSpan(origin, "b", SpanKind.INTERNAL, root, None, {}, 1)
    assert (child.context.trace_id, child.parent) == (7, root.context)
    assert child.context.span_id != 8


def test_the_deprecated_parts_of_the_api_answer(caplog: pytest.LogCaptureFixture) -> None:
    """Old code that asks for the instrumentation, starts a span again or takes a copy gets an answer."""
    twins = Twins({"a": 1})
    for span in (twins.ours, twins.theirs):
        with pytest.warns(DeprecationWarning, match="instrumentation_scope"):
            span.instrumentation_info  # noqa: B018
        span.start()
        assert shown(span._readable_span())["attributes"] == {"a": 1}
        assert repr(span) == f'{type(span).__name__}(name="chat", context={span.context})'
    assert [record.name for record in caplog.records] == ["opentelemetry.sdk.trace"] * 2


class Told:
    """Content that a test gives, and counts how often it is asked."""

    def __init__(self, pairs: Mapping[str, Any], size: int = 100, act: Callable[[], object] = int) -> None:
        self.size = size
        self.asked = 0
        self._pairs = dict(pairs)
        self._act = act

    def attributes(self, before: Mapping[str, AnyValue]) -> dict[str, AnyValue]:
        """Return them behind those before."""
        self.asked += 1
        self._act()
        return {**before, **self._pairs}

    def name(self) -> str:
        """Return a name."""
        return "chat gpt"


def test_its_attributes_are_made_when_they_are_read() -> None:
    """What a handle gave becomes attributes once, at the first look after the end; the name at once."""
    twins = Twins({"a": 1, "b": 1})
    twins.ours.set_attribute("b", "others")
    twins.ours.set_attribute("c", "others")
    told = Told({"c": "handle", "d": 2})
    twins.ours.finish(told, 9_000)
    assert told.asked == 0
    assert twins.ours.name == "chat gpt"
    expected = {"a": 1, "b": "others", "c": "handle", "d": 2}
    assert [dict(twins.ours.attributes or {}) for _ in range(2)] == [expected] * 2
    assert (told.asked, twins.ours.name, twins.ours.content) == (1, "chat gpt", None)
    assert twins.taken == [twins.ours]
    assert not is_doubtful(twins.ours)


@pytest.mark.parametrize(("size", "asked"), [(256 << 10, 0), ((256 << 10) + 1, 1)])
def test_what_is_large_is_made_at_once(size: int, asked: int) -> None:
    """Large content is made text before the span waits, so that it does not wait as objects."""
    twins = Twins()
    told = Told({"a": 1}, size)
    twins.ours.finish(told, 9_000)
    assert told.asked == asked


def test_a_handle_ends_it_once() -> None:
    """A span that others have ended stays as it was, and goes out once; so does one that its handle ended."""
    for first, second in ((Told({"a": 1}), Told({"a": 2})), (None, Told({"a": 2}))):
        twins = Twins()
        if first is None:
            twins.ours.end(9_000)
        else:
            twins.ours.finish(first, 9_000)
        twins.ours.finish(second, 10_000)
        twins.ours.end(11_000)
        assert (len(twins.taken), twins.ours.end_time) == (1, 9_000)
        assert dict(twins.ours.attributes or {}) == ({} if first is None else {"a": 1})
        assert is_doubtful(twins.ours) is (first is None)


def test_content_that_cannot_be_made_loses_no_span(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of ours is counted, and the span keeps what it had and is found wanting."""
    monkeypatch.setattr(guard, "strict", False)

    def fail() -> None:
        raise RuntimeError("a bug")

    twins = Twins({"a": 1})
    twins.ours.finish(Told({"b": 2}, act=fail), 9_000)
    assert dict(twins.ours.attributes or {}) == {"a": 1}
    assert (guard.errors, is_doubtful(twins.ours), twins.ours.name) == (1, True, "chat gpt")


def test_two_who_read_it_at_once_get_the_same() -> None:
    """The application may read an ended span just while it is encoded: both get all of it, made once."""
    inside, proceed = threading.Event(), threading.Event()

    def hold() -> None:
        if threading.current_thread() is reader:
            inside.set()
            assert proceed.wait(PATIENCE)

    twins = Twins({"a": 1})
    found: list[dict[str, Any]] = []
    reader = threading.Thread(target=lambda: found.append(twins.ours.all_attributes()))
    twins.ours.finish(Told({"b": 2}, act=hold), 9_000)
    reader.start()
    assert inside.wait(PATIENCE)
    mine = twins.ours.all_attributes()
    mine["tcc.cost"] = 0.5
    proceed.set()
    reader.join(PATIENCE)
    assert found == [{"a": 1, "b": 2, "tcc.cost": 0.5}]
    assert found[0] is mine is twins.ours.all_attributes()


def test_who_comes_between_two_reads_gets_all_of_it() -> None:
    """One who looked just before another made the attributes does not take them for missing."""
    twins = Twins({"a": 1})
    twins.ours.finish(Told({"b": 2}), 9_000)
    lines = count()

    def between(_frame: Any, event: str, _arg: Any) -> Any:
        if event == "line" and next(lines) == 1:  # behind the first look, before the content is fetched
            sys.settrace(None)
            twins.ours.all_attributes()["tcc.cost"] = 0.5
        return between

    tracing = sys.gettrace()
    sys.settrace(lambda frame, *_: between if frame.f_code.co_name == "all_attributes" else None)
    try:
        found = twins.ours.all_attributes()
    finally:
        sys.settrace(tracing)
    assert found == {"a": 1, "b": 2, "tcc.cost": 0.5}
    assert twins.ours.all_attributes() is found


def _all_of_it(span: Span) -> None:
    """Let others write all that they can."""
    span.set_attribute("theirs", ["a", "b"])
    span.add_event("e", {"a": 1}, 7)
    span.add_link(ELSEWHERE, {"b": 2})
    span.set_status(StatusCode.ERROR, "it failed")


@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(
    st.lists(ACTS, max_size=4),
    st.sampled_from(["none", "own", "own below remote", "of the SDK", *_REMOTE]),
    st.booleans(),
    st.sampled_from([0, MOST_ATTRIBUTES - 2, MOST_ATTRIBUTES + 4]),
)
def test_it_is_written_as_its_copy(acts: list[Write], which: str, by_handle: bool, more: int) -> None:
    """The encoder writes for it, past the API, byte for byte what it writes for a copy of it."""
    twins = Twins({"tcc.runId": "r", "flag": True}, parents=_parents(which))
    for act in acts:
        outcome(act, twins.ours)
    if by_handle:
        pairs = {f"k{number}": number for number in range(more)}
        twins.ours.finish(Told({"text": "é" * 99, "list": ("a", "b"), **pairs}), 9_000)
    else:
        twins.ours.end(9_000)
    assert attempt(twins.ours) == attempt(rebuilt(twins.ours))


@pytest.mark.parametrize("write", [_all_of_it, lambda span: None], ids=["others wrote", "plain"])
def test_a_copy_is_the_same_span(write: Write) -> None:
    """What is rebuilt of it holds all that it holds."""
    twins = Twins({"a": 1}, parents=_parents("remote with a state"))
    outcome(write, twins.ours)
    twins.ours.finish(Told({"b": 2}), 9_000)
    assert whole(rebuilt(twins.ours)) == whole(twins.ours)
    assert isinstance(twins.ours.attributes, MappingProxyType)


def attempt(span: ReadableSpan) -> bytes | None:
    """Return what is written for a span, or None if it is left to the slower encoder."""
    try:
        return DirectEncoder().span(span)
    except Exception:  # noqa: BLE001  (any class: see its docstring)
        return None
