"""The table of open spans: bounded, and empty when they have ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, Span, TracerProvider

from contextcompany.integrations.collecting import members
from contextcompany.integrations.collecting.members import Member, Members
from contextcompany.recording.places.placing import off_place
from contextcompany.runtime.process import process

if TYPE_CHECKING:
    import pytest


def member(above: Member | None = None, scope: str = "shop") -> tuple[Member, Span]:
    """Return a member, and its span."""
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer(scope)
    span = cast("Span", tracer.start_span("x", trace.set_span_in_context(trace.INVALID_SPAN)))
    place = off_place("run", process.instance(), None)
    return Member(span, place=place, above=above, anchor=1, handle=None), span


def test_in_and_out() -> None:
    """A member is known while its span is open, and lets go of the span then."""
    table = Members()
    one, span = member()
    table.add(one)
    assert table.get(one.span_id) is one
    assert one.is_open
    assert table.take_out(cast("ReadableSpan", span)) is one
    assert table.take_out(cast("ReadableSpan", span)) is None
    assert (len(table), one.is_open) == (0, False)


def test_the_oldest_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of too many open spans, such as never end, the oldest is forgotten."""
    monkeypatch.setattr(members, "MOST_OPEN", 2)
    table = Members()
    many = [member()[0] for _ in range(4)]
    for one in many:
        table.add(one)
    assert list(table.values()) == many[2:]
    assert [one.is_open for one in many] == [False, False, True, True]


def test_what_is_known_late() -> None:
    """A span that says only later what it is counts from then on, for its children too."""
    one, span = member()
    assert not one.look(takes_all=False)
    span.set_attribute("gen_ai.operation.name", "invoke_agent")
    assert one.look(takes_all=False)
    one.ended()
    assert one.look(takes_all=False)


def test_a_forked_child_knows_none() -> None:
    """The open spans belong to the parent process."""
    table = Members()
    table.add(member()[0])
    table.renew_after_fork()
    assert len(table) == 0
