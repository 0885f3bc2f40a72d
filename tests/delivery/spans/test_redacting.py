"""The redaction of whole spans: what passes, what stays, and that every failure closes."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import SpanLimits
from opentelemetry.trace import Link, Status, StatusCode

from contextcompany.delivery.spans.rebuild import RedactedSpan, rebuilt
from contextcompany.delivery.spans.redacting import EVENT_NAME, FAILED, SPAN_NAME, Redactor
from contextcompany.delivery.spans.texts import STRUCTURAL_KEYS, TEXT_KEYS
from contextcompany.delivery.spans.written import Written
from contextcompany.diagnostics import guard, said
from contextcompany.redaction import MASK
from contextcompany.semconv.values import MAX_SPAN_BYTES, to_json
from tests.handmade import ELSEWHERE, RUN, STEP, TOOL_CALL, ended_span, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.sdk.trace import ReadableSpan

    Hook = Callable[[str, str], str]

SK = "sk-" + "proj-Ab12Cd34Ef56Gh78Ij90"


DEFINITIONS = '[{"type":"function","name":"f","description":"d","parameters":{"k":["v"]}}]'


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the warnings so far."""
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


def brackets(text: str, name: str) -> str:
    """Be a hook that leaves a trace on each text."""
    return f"<{text}>"


def keep(text: str, name: str) -> str:
    """Be a hook that changes nothing."""
    return text


def step() -> ReadableSpan:
    """Return a span with texts everywhere."""
    return ended_span(
        "chat gpt-4o",
        {
            **STEP,
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.usage.input_tokens": 12,
            "gen_ai.response.finish_reasons": ["stop"],
            "gen_ai.tool.definitions": DEFINITIONS,
            "tcc.statusMessage": "why",
            "tcc.metadata.note": "a note",
            "tcc.metadata.card": 4111111111111111,
            "tcc.metadata.flags": [True, False],
            "tcc.metadata.tags": ["a", "b"],
            "tcc.metadata.counts": [1, 2],
            "tcc.metadata.json": '{"k": ["v", 1.5, null, true]}',
            "tcc.metadata.broken": '{"k": ',
        },
        status=Status(StatusCode.ERROR, "why"),
        events=[
            (
                "exception",
                {"exception.type": "ValueError", "exception.message": "why", "exception.stacktrace": "{}"},
            ),
            ("said", {"what": "hi", "n": 1}),
        ],
        links=[Link(ELSEWHERE, {"why": "because"}), Link(ELSEWHERE)],
    )


def test_every_text_of_a_span() -> None:
    """Each text passes with the name of its attribute, JSON leaf by leaf; structure stays as it was."""
    span = step()
    before = whole(span)
    after = Redactor(brackets, "errors").span(span)
    assert whole(span) == before
    assert whole(after) == {
        **before,
        "status": (StatusCode.ERROR, "<why>"),
        "attributes": {
            **before["attributes"],
            "gen_ai.input.messages": '[{"role":"user","parts":[{"type":"text","content":"<hi>"}]}]',
            "gen_ai.output.messages": (
                '[{"role":"assistant","parts":[{"type":"text","content":"<hello>"}],"finish_reason":"stop"}]'
            ),
            "gen_ai.tool.definitions": (
                '[{"type":"function","name":"f","description":"<d>","parameters":{"<k>":["<v>"]}}]'
            ),
            "tcc.statusMessage": "<why>",
            "tcc.metadata.note": "<a note>",
            "tcc.metadata.card": "<4111111111111111>",
            "tcc.metadata.tags": ("<a>", "<b>"),
            "tcc.metadata.counts": ("<1>", "<2>"),
            "tcc.metadata.json": '{"<k>":["<v>","<1.5>",null,true]}',
            "tcc.metadata.broken": '<{"k": >',
        },
        "events": [
            (
                "exception",
                1_000,
                {
                    "exception.type": "ValueError",
                    "exception.message": "<why>",
                    "exception.stacktrace": "<{}>",
                },
            ),
            ("<said>", 1_000, {"what": "<hi>", "n": "<1>"}),
        ],
        "links": [(ELSEWHERE, {"why": "<because>"}), (ELSEWHERE, {})],
    }
    assert encode_spans([after]).SerializeToString()


def test_what_the_hook_is_told() -> None:
    """The hook gets each text once, with the key of the attribute it belongs to."""
    seen: list[tuple[str, str]] = []

    def look(text: str, name: str) -> str:
        seen.append((name, text))
        return text

    span = step()
    assert Redactor(look, "errors").span(span) is span
    assert seen == [
        ("gen_ai.input.messages", "hi"),
        ("gen_ai.output.messages", "hello"),
        ("gen_ai.tool.definitions", "d"),
        ("gen_ai.tool.definitions", "k"),
        ("gen_ai.tool.definitions", "v"),
        ("tcc.statusMessage", "why"),
        ("tcc.metadata.note", "a note"),
        ("tcc.metadata.card", "4111111111111111"),
        ("tcc.metadata.tags", "a"),
        ("tcc.metadata.tags", "b"),
        ("tcc.metadata.counts", "1"),
        ("tcc.metadata.counts", "2"),
        ("tcc.metadata.json", "k"),
        ("tcc.metadata.json", "v"),
        ("tcc.metadata.json", "1.5"),
        ("tcc.metadata.broken", '{"k": '),
        ("exception.message", "why"),
        ("exception.stacktrace", "{}"),
        ("what", "hi"),
        ("n", "1"),
        (EVENT_NAME, "said"),
        ("why", "because"),
    ]


def test_nothing_to_do_costs_nothing() -> None:
    """Without a hook, and with secrets masked in errors alone, everything is handed back as it is."""
    redactor = Redactor(None, "errors")
    span, attributes = step(), {"a": SK}
    assert redactor.is_idle
    assert redactor.span(span) is span
    assert redactor.rest(span, Written()) is span
    assert redactor.attributes(attributes) is attributes
    assert redactor.text(SK, "a") is SK
    assert repr(redactor) == "Redactor(hook=False, secrets=errors)"


def test_structure_never_passes() -> None:
    """No structural attribute is given to the hook, whatever it holds."""
    recorded = dict.fromkeys(STRUCTURAL_KEYS, "a b")
    assert Redactor(brackets, "all").attributes(recorded) == recorded


@pytest.mark.parametrize("key", sorted(TEXT_KEYS))
def test_texts_are_no_json(key: str) -> None:
    """An error, an explanation or a person's name passes whole, also where it is JSON."""
    assert Redactor(brackets, "errors").attributes({key: '["a"]'}) == {key: '<["a"]>'}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("chat", "chat"),
        ("chat gpt-4o", "chat gpt-4o"),
        ("tcc.feedback", "tcc.feedback"),
        ("chat with ann", "<chat with ann>"),
        ("gpt-4o", "<gpt-4o>"),
    ],
)
def test_names_of_spans(name: str, expected: str) -> None:
    """The name of a span stays where it is made of structure, else it is a text."""
    span = ended_span(name, {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"})
    assert Redactor(brackets, "errors").span(span).name == expected
    assert SPAN_NAME == "span.name"


def test_a_copy_passes_once() -> None:
    """A redacted span, and each copy of it, is never given to the hook again."""
    redactor = Redactor(brackets, "errors")
    once = redactor.span(step())
    assert isinstance(once, RedactedSpan)
    assert redactor.span(once) is once
    again = rebuilt(once, add={"tcc.cost": 0.5})
    assert redactor.span(again) is again


def test_counts_of_what_was_dropped_stay() -> None:
    """A span that lost something to the limits of its provider says so still."""
    span = ended_span(
        "chat",
        {f"k{number}": "v" for number in range(9)},
        events=[(f"e{number}", {"a": "b", "c": "d"}) for number in range(5)],
        links=[Link(ELSEWHERE, {"a": "b", "c": "d"}) for _ in range(4)],
        limits=SpanLimits(
            max_span_attributes=8, max_events=3, max_links=2, max_event_attributes=1, max_link_attributes=1
        ),
    )
    after = Redactor(brackets, "errors").span(span)
    assert whole(after)["dropped"] == (1, 2, 2)
    assert [event.dropped_attributes for event in after.events] == [1, 1, 1]
    assert [link.dropped_attributes for link in after.links] == [1, 1]


def refuse(text: str, name: str) -> str:
    """Be a hook that always raises, with the text in the message."""
    raise LookupError(text)


BAD_HOOKS: list[tuple[Any, str]] = [
    (refuse, "raised LookupError"),
    (lambda text, name: None, "returned NoneType where text was expected"),
    (lambda text, name: text.encode(), "returned bytes where text was expected"),
    (lambda text: text, "raised TypeError"),
]


@pytest.mark.parametrize(("hook", "problem"), BAD_HOOKS)
def test_a_hook_that_fails(caplog: pytest.LogCaptureFixture, hook: Hook, problem: str) -> None:
    """Each text of a failing hook is replaced, the span goes out, one warning says so without content."""
    redactor = Redactor(hook, "errors")
    after = whole(redactor.span(step()))
    assert after["attributes"]["tcc.metadata.note"] == FAILED
    assert after["attributes"]["tcc.metadata.tags"] == (FAILED, FAILED)
    assert after["attributes"]["tcc.metadata.json"] == to_json({FAILED: [FAILED, FAILED, None, True]})[0]
    assert after["status"] == (StatusCode.ERROR, FAILED)
    assert after["attributes"]["gen_ai.request.model"] == "gpt-4o"
    assert json.loads(after["attributes"]["gen_ai.input.messages"])[0]["parts"][0]["content"] == FAILED
    for text in ("a note", "hello", "because", "4111111111111111"):
        assert text not in str(after)
    redactor.span(step())
    (warning,) = warnings(caplog)
    assert warning == (
        f"the redact hook {problem}: the text is replaced by [redaction failed], here and wherever that "
        "happens again; correct the hook"
    )


def test_a_hook_that_fails_for_one_text(caplog: pytest.LogCaptureFixture) -> None:
    """A failure costs the text for which it happened and no other."""

    def picky(text: str, name: str) -> str:
        if text == "b":
            raise ValueError(text)
        return text.upper()

    redacted = Redactor(picky, "errors").attributes({"x": ["a", "b"], "y": '{"q": "b", "b": "a"}'})
    assert redacted == {"x": ["A", FAILED], "y": '{"Q":"[redaction failed]","[redaction failed]":"A"}'}
    assert len(warnings(caplog)) == 1


@pytest.mark.parametrize("error", [SystemExit, GeneratorExit, asyncio.CancelledError])
def test_whatever_the_hook_raises_costs_that_text_alone(error: type[BaseException]) -> None:
    """Classes beside Exception are errors of the hook too: nothing else can raise them there."""

    def interrupted(text: str, name: str) -> str:
        raise error

    redacted = Redactor(interrupted, "errors").attributes({"mine": "a"})
    assert redacted == {"mine": FAILED}


@pytest.mark.parametrize("error", [KeyboardInterrupt])
def test_an_interruption_is_not_swallowed(error: type[BaseException]) -> None:
    """The keyboard interrupts the main thread wherever it is."""

    def interrupted(text: str, name: str) -> str:
        raise error

    with pytest.raises(error):
        Redactor(interrupted, "errors").span(step())


class Text(str):
    """A text with methods of its own."""

    __slots__ = ()

    def encode(self, *_arguments: Any) -> bytes:
        """Raise, as a careless subclass may."""
        raise RuntimeError("no bytes")


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ("\ud800", "\ufffd"),
        ("a\0b", "a\ufffdb"),
        ("", ""),
        (Text("mine"), "mine"),
    ],
    ids=["surrogate", "nul", "empty", "subclass"],
)
def test_a_hook_may_return_any_text(result: str, expected: str) -> None:
    """What the hook returns can always be encoded, in a text of its own and inside of JSON."""
    redactor = Redactor(lambda text, name: result, "errors")
    redacted = redactor.attributes({"a": "x", "b": '["x"]'})
    assert redacted == {"a": expected, "b": json.dumps([expected], ensure_ascii=False)}
    assert type(redacted["a"]) is str
    after = redactor.span(ended_span("x", {"a": "x", "b": '["x"]'}, events=[("x", {"a": "x"})]))
    assert encode_spans([after]).SerializeToString()


def test_a_hook_cannot_swell_a_span() -> None:
    """However much the hook returns, a span grows by four MiB at most."""
    redactor = Redactor(lambda text, name: "x" * (3 << 20), "errors")
    redacted = redactor.attributes({"a": "x", "b": ["x"] * 50, "c": json.dumps(["x"] * 50)})
    assert len(str(redacted)) < MAX_SPAN_BYTES + 20_000
    assert len(json.loads(str(redacted["c"]))) == 50


HOSTILE = [
    "[" * 200_000 + "]" * 200_000,
    "[" * 200_000,
    '{"a":' * 150 + '"secret"' + "}" * 150,
    '{"a": "secret", "a": "secret"}',
    '["\\ud800", "\\u0000"]',
    f"[{'9' * 5_000}]",
    "[1e999, -0, 1.50]",
    '["\\u0073ecret"]',
    "\ufeff[1]",
    " \n[1]",
    "[" + ",".join(['"secret"'] * 20_000) + "]",
    "{" + ",".join('"a":1' for _ in range(20_000)) + "}",
    "a" * 10_000_000,
    '["' + "a" * 10_000_000 + '"]',
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("key", ["tcc.metadata.a", "gen_ai.input.messages", "gen_ai.tool.call.arguments"])
def test_hostile_texts(key: str, text: str) -> None:
    """Deep, wrong, repeated and huge JSON passes in a bounded time, and nothing in it passes unseen."""
    began = time.thread_time()
    redacted = Redactor(lambda text, name: text.replace("secret", "x"), "all").attributes({key: text})[key]
    assert time.thread_time() - began < 20
    assert "secret" not in str(redacted)
    assert "\\u0073ecret" not in str(redacted)
    assert encode_spans([ended_span("chat", {key: str(redacted)})]).SerializeToString()


def test_the_stack_of_the_caller_may_be_at_its_end() -> None:
    """Where there is no room left to look into a value, none of it stays."""
    redactor = Redactor(lambda text, name: text.replace("secret", "x"), "errors")
    found: list[Any] = []

    def dive() -> None:
        try:
            dive()
        except RecursionError:
            if not found:
                try:
                    found.append(redactor.attributes({"a": '{"b": [["secret"]]}'}))
                except RecursionError:
                    return

    thread = threading.Thread(target=dive)
    thread.start()
    thread.join()
    assert "secret" not in str(found)


def test_secrets_everywhere() -> None:
    """With "all" the patterns apply to every text, and the names of members and attributes count."""
    prompt = '[{"role":"user","parts":[{"type":"text","content":"my key is %s"}]}]'
    arguments = '{"password":%s,"pin":1,"token":[%s,%s],"q":"cats","n":{"api_key":%s}}'
    masks = (f'"{MASK}"',) * 4
    recorded: dict[str, Any] = {
        "gen_ai.input.messages": prompt % SK,
        "gen_ai.tool.call.arguments": arguments % ('"hunter2"', 12345, '"x"', 7),
        "gen_ai.usage.input_tokens": 12,
        "gen_ai.request.model": "gpt-4o",
        "tcc.metadata.url": "postgres://app:hunter2@db/x",
        "tcc.metadata.client_secret": "hunter2",
        "tcc.metadata.pins.password": 1234,
        "tcc.metadata.max_tokens": 4096,
    }
    assert Redactor(None, "all").attributes(recorded) == {
        **recorded,
        "gen_ai.input.messages": prompt % MASK,
        "gen_ai.tool.call.arguments": arguments % masks,
        "tcc.metadata.url": f"postgres://{MASK}@db/x",
        "tcc.metadata.client_secret": MASK,
        "tcc.metadata.pins.password": MASK,
    }


def test_secrets_after_the_hook() -> None:
    """The patterns see what the hook returned; the hook sees what was recorded."""
    seen: list[str] = []

    def reveal(text: str, name: str) -> str:
        seen.append(text)
        return f"password={text}"

    assert Redactor(reveal, "all").text("hunter2", "a") == f"password={MASK}"
    assert Redactor(reveal, "errors").text("hunter2", "a") == "password=hunter2"
    assert seen == ["hunter2", "hunter2"]


def test_numbers_and_bytes() -> None:
    """A number or bytes stay what they are until a text takes their place; a list is of one type."""
    hook = Redactor(lambda text, name: "x" if "41" in text else text, "errors")
    recorded: dict[str, Any] = {
        "a": 41,
        "b": 1.5,
        "c": [1, 41],
        "d": [1, 2],
        "e": b"41",
        "f": b"\xff1",
        "g": True,
        "h": [None, 41],
    }
    redacted = hook.attributes(recorded)
    assert redacted == {**recorded, "a": "x", "c": ["1", "x"], "e": "x", "h": [None, "x"]}
    assert redacted["d"] is recorded["d"]


def test_the_rest_of_a_span() -> None:
    """What the handle wrote redacted does not pass again; what others wrote passes; the copy is marked."""
    redactor = Redactor(brackets, "errors")
    prompt: Mapping[str, Any] = redactor.attributes(RUN)
    event: Mapping[str, Any] = redactor.attributes(
        {"exception.type": "ValueError", "exception.message": "why"}
    )
    span = ended_span(
        "invoke_agent",
        {**prompt, "cut": "<a long", "theirs": "b", "list": ["<a>"]},
        status=Status(StatusCode.ERROR, "<why>"),
        events=[("exception", event), ("exception", {"exception.message": "other"})],
    )
    written = Written({**prompt, "cut": "<a long text>", "list": ["<a>"]}, "<why>", event)
    after = redactor.rest(span, written)
    assert isinstance(after, RedactedSpan)
    assert whole(after) == {
        **whole(span),
        "attributes": {**whole(span)["attributes"], "theirs": "<b>"},
        "events": [("exception", 1_000, dict(event)), ("exception", 1_000, {"exception.message": "<other>"})],
    }
    assert isinstance(redactor.rest(ended_span("chat", {}), Written()), RedactedSpan)


def test_an_error_of_ours_closes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the redaction itself fails, structure is all that goes out."""

    def broken(*_arguments: Any) -> None:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(guard, "strict", False)
    monkeypatch.setattr("contextcompany.delivery.spans.redacting.read", broken)
    monkeypatch.setattr("contextcompany.delivery.spans.redacting.clean_text", broken)
    before = guard.errors
    redactor = Redactor(keep, "errors")
    span = step()
    after = whole(redactor.span(span))
    assert set(after["attributes"]) <= STRUCTURAL_KEYS
    assert after["attributes"]["gen_ai.request.model"] == "gpt-4o"
    assert after["status"] == (StatusCode.ERROR, None)
    assert after["events"] == [(FAILED, 1_000, {"exception.type": "ValueError"}), (FAILED, 1_000, {})]
    assert after["links"] == [(ELSEWHERE, {}), (ELSEWHERE, {})]
    assert after["name"] == "chat"
    assert whole(redactor.rest(span, Written())) == after
    assert redactor.attributes({**TOOL_CALL, "a": "b"}) == TOOL_CALL
    assert redactor.text("a", "b") == FAILED
    assert guard.errors == before + 4
    said.forget()


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()
    ),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
KEYS = st.sampled_from(
    ["tcc.metadata.a", "free", "gen_ai.input.messages", "gen_ai.tool.call.result", "gen_ai.tool.definitions"]
)


@given(KEYS, VALUES, st.text(max_size=20))
def test_json_stays_json(key: str, value: Any, answer: str) -> None:
    """Whatever the hook says, JSON stays JSON of the same shape."""

    def shape(value: Any) -> Any:
        if isinstance(value, dict):
            return [shape(item) for item in value.values()]
        return [shape(item) for item in value] if isinstance(value, list) else None

    text = json.dumps(value)
    redacted = Redactor(lambda text, name: answer, "all").attributes({key: text})[key]
    if text[0] in "[{":
        assert shape(json.loads(str(redacted))) == shape(value)


READABLE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(st.dictionaries(READABLE, st.one_of(READABLE, st.lists(READABLE), st.integers(-9, 9))))
def test_a_hook_that_keeps_everything_keeps_everything(attributes: dict[str, Any]) -> None:
    """A hook that returns what it was given changes nothing, and each value is the same object."""
    redacted = Redactor(keep, "errors").attributes(attributes)
    assert redacted == attributes
    assert all(redacted[key] is value for key, value in attributes.items())
