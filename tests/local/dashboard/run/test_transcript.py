"""The conversation of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contextcompany.local.dashboard.run.transcript import Turn, known_before, moments, transcript
from contextcompany.local.dashboard.run.waterfall import waterfall
from contextcompany.local.reading.messages import conversation
from contextcompany.semconv import attributes
from tests.local.agent_spans import run, said, step, tool
from tests.local.dashboard.outlines import outline
from tests.local.samples import span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contextcompany.local.otlp.spans import SpanRecord

IN = attributes.GEN_AI_INPUT_MESSAGES
OUT = attributes.GEN_AI_OUTPUT_MESSAGES
CALL_ID = attributes.GEN_AI_TOOL_CALL_ID


def _messages(*spoken: str) -> str:
    """Several messages as the JSON text of a content attribute."""
    return "[" + ", ".join(one[1:-1] for one in spoken) + "]"


def _call(name: str, identifier: str) -> dict[str, object]:
    return {"type": "tool_call", "name": name, "id": identifier, "arguments": {"q": 1}}


def _result(identifier: str) -> dict[str, object]:
    return {"type": "tool_call_response", "id": identifier, "response": "found"}


def _told(spans: Sequence[SpanRecord], start: int = 0, end: int | None = None) -> tuple[Turn, ...]:
    found = waterfall(outline(spans))
    listed = moments(found)
    keys = {(place.line.trace_id, place.line.span_id): place.key for place in found.places if place.line}
    conversations = {keys[one.trace_id, one.span_id]: conversation(one) for one in spans}
    after = [] if end is None else listed[end:]
    return transcript(listed[start:end], conversations, known_before(listed, start), after)


def _texts(turns: Sequence[Turn]) -> list[tuple[str, str]]:
    """Kind and role of each turn, and what is said in it, without markup."""
    shown: list[tuple[str, str]] = []
    for turn in turns:
        role = turn.messages[0].role if turn.kind == "message" else turn.kind
        words = [str(part.body.head) for message in turn.messages for part in message.parts]
        words += [str(part.body.head) for part in turn.parts if not turn.messages]
        words += [turn.error] if turn.kind == "error" else []
        name = turn.place.line.name if turn.place.line is not None and turn.kind in {"tool", "agent"} else ""
        plain = " ".join(word.removeprefix('<p dir="auto">').removesuffix("</p>") for word in words)
        shown.append((role, name or plain))
    return shown


def test_each_message_is_shown_once() -> None:
    """Requests repeat what was said before, and a run repeats its first and last message; a page does not."""
    root = run(more={IN: said("user", "Hi"), OUT: said("assistant", "Bye")}, ms=100)
    first = step(parent=root, start_ms=1, more={IN: said("user", "Hi"), OUT: said("assistant", "Who?")})
    history = _messages(said("user", "Hi"), said("assistant", "Who?"), said("user", "Me"))
    second = step(parent=root, start_ms=20, more={IN: history, OUT: said("assistant", "Bye")})
    assert _texts(_told([root, first, second])) == [
        ("user", "Hi"),
        ("assistant", "Who?"),
        ("user", "Me"),
        ("assistant", "Bye"),
    ]


def test_a_message_that_is_said_twice_is_shown_twice() -> None:
    """A user who says yes to two questions said it twice."""
    root = run(more={IN: said("user", "yes")}, ms=100)
    history = _messages(said("user", "yes"), said("assistant", "Sure?"), said("user", "yes"))
    first = step(parent=root, start_ms=1, more={IN: said("user", "yes"), OUT: said("assistant", "Sure?")})
    second = step(parent=root, start_ms=20, more={IN: history, OUT: said("assistant", "Done")})
    assert _texts(_told([root, first, second])) == [
        ("user", "yes"),
        ("assistant", "Sure?"),
        ("user", "yes"),
        ("assistant", "Done"),
    ]


def test_calls_are_shown_as_the_spans_of_their_tools() -> None:
    """A call, its result and its span are one thing; a call without a span is shown as it was asked for."""
    root = run(more={IN: said("user", "Hi")}, ms=100)
    asks = said("assistant", _call("search", "c-1"), _call("other", "c-2"))
    first = step(parent=root, start_ms=1, more={IN: said("user", "Hi"), OUT: asks})
    search = tool(parent=root, start_ms=15, more={CALL_ID: "c-1"})
    history = _messages(said("user", "Hi"), asks, said("tool", _result("c-1")), said("tool", _result("c-2")))
    second = step(parent=root, start_ms=30, more={IN: history, OUT: said("assistant", "Done")})
    turns = _told([root, first, search, second])
    assert [
        (turn.kind, [(part.kind, part.call_id) for message in turn.messages for part in message.parts])
        for turn in turns
    ] == [
        ("message", [("text", "")]),
        ("message", [("call", "c-2")]),
        ("tool", []),
        ("message", [("result", "c-2")]),
        ("message", [("text", "")]),
    ]


def test_what_was_said_in_runs_before_is_folded() -> None:
    """A request that brings the turns of a whole session along shows them as earlier messages."""
    root = run(more={IN: said("user", "And now?")}, ms=100)
    history = _messages(said("user", "Before"), said("assistant", "Yes"), said("user", "And now?"))
    asks = step(parent=root, start_ms=1, more={IN: history, OUT: said("assistant", "Now")})
    assert _texts(_told([root, asks])) == [
        ("user", "And now?"),
        ("earlier", "Before Yes"),
        ("assistant", "Now"),
    ]


def test_a_failure_is_shown_where_it_happened_and_not_again_above() -> None:
    """A run that fails with what failed in it does not say so twice; anything else it says at its end."""
    broke = ("ERROR", "out of order")
    root = run(ms=100, status=broke)
    search = tool(parent=root, start_ms=1, status=broke)
    assert [(turn.kind, turn.error) for turn in _told([root, search])] == [("tool", "out of order")]
    gave_up = run(ms=100, status=("ERROR", "gave up"))
    asks = step(parent=gave_up, start_ms=1, status=broke, more={IN: said("user", "Hi")})
    assert _texts(_told([gave_up, asks])) == [("user", "Hi"), ("error", "out of order"), ("error", "gave up")]


def test_a_nested_agent_is_announced_and_speaks_for_itself() -> None:
    """Its prompt and answer stand below its name, between what its caller said before and after."""
    root = run(more={IN: said("user", "Hi"), OUT: said("assistant", "Bye")}, ms=100)
    calls = tool(parent=root, start_ms=1, ms=50)
    guest = {attributes.TCC_AGENT: "guest", IN: said("user", "Do it"), OUT: said("assistant", "Did it")}
    inner = run("r-2", guest, parent=calls, start_ms=2, ms=30)
    turns = _told([root, calls, inner])
    assert _texts(turns) == [
        ("user", "Hi"),
        ("tool", "search"),
        ("agent", "guest"),
        ("user", "Do it"),
        ("assistant", "Did it"),
        ("assistant", "Bye"),
    ]
    assert [turn.place.agents for turn in turns] == [0, 1, 1, 1, 1, 0]


def test_the_instructions_of_a_run_are_shown_once() -> None:
    """Each request sends them again; they are shown again when they change."""

    def asks(text: str, start: int) -> SpanRecord:
        own = {
            attributes.GEN_AI_SYSTEM_INSTRUCTIONS: f'[{{"type": "text", "content": "{text}"}}]',
            OUT: said("assistant", str(start)),
        }
        return step(parent=root, start_ms=start, more=own)

    root = run(ms=100)
    turns = _told([root, asks("be brief", 1), asks("be brief", 20), asks("be kind", 40)])
    assert _texts(turns) == [
        ("system", "be brief"),
        ("assistant", "1"),
        ("assistant", "20"),
        ("system", "be kind"),
        ("assistant", "40"),
    ]


def test_a_request_that_was_seen_twice_is_told_once() -> None:
    """The inner span of a second instrumentation adds nothing, nor do plain spans."""
    root = run(ms=100)
    seen = step(parent=root, more={OUT: said("assistant", "Hello")})
    again = step(None, parent=seen, more={OUT: said("assistant", "Hello")})
    assert _texts(_told([root, seen, again, span("POST", parent=again)])) == [("assistant", "Hello")]


def test_pages_of_a_conversation_join_without_a_seam() -> None:
    """Told in pieces of any size, a conversation is what it is told at once."""
    root = run(more={IN: said("user", "Hi"), OUT: said("assistant", "answer 9")}, ms=1000)
    spans, history = [root], [said("user", "Hi")]
    for number in range(10):
        asks = step(
            parent=root,
            start_ms=number * 50,
            more={
                IN: _messages(*history),
                OUT: said("assistant", f"answer {number}", _call("search", f"c-{number}")),
            },
        )
        search = tool(parent=root, start_ms=number * 50 + 20, more={CALL_ID: f"c-{number}"})
        spans += [asks, search]
        history += [
            said("assistant", f"answer {number}", _call("search", f"c-{number}")),
            said("tool", _result(f"c-{number}")),
        ]
    whole = _texts(_told(spans))
    assert len(whole) == 21
    count = len(moments(waterfall(outline(spans))))
    for size in (1, 3, 7):
        pieces = [_texts(_told(spans, start, start + size)) for start in range(0, count, size)]
        assert [turn for piece in pieces for turn in piece] == whole


def test_the_points_of_a_run_are_its_spans_and_the_ends_of_its_runs() -> None:
    """A run is left after everything in it."""
    root = run(ms=100)
    inner = run("r-2", parent=root, start_ms=1)
    asks = step("r-2", parent=inner, start_ms=2)
    listed = moments(waterfall(outline([root, inner, asks])))
    assert [(moment.phase, moment.place.run, moment.place.kind) for moment in listed] == [
        ("begin", "r-1", "run"),
        ("begin", "r-2", "run"),
        ("begin", "r-2", "step"),
        ("end", "r-2", "run"),
        ("end", "r-1", "run"),
    ]
    assert known_before(listed, 3) == listed[:3]
