"""Tests of the check against the registry itself: what is right passes, and each kind of mistake is told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, Status, StatusCode

from tests.registry import check_span

if TYPE_CHECKING:
    from collections.abc import Mapping

QUESTION = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "Where is A-17?"}]}])
ANSWER = json.dumps(
    [{"role": "assistant", "finish_reason": "", "parts": [{"type": "text", "content": "On its way."}]}]
)
TOOLS = json.dumps(
    [{"type": "function", "name": "find", "description": "Find.", "parameters": {"type": "object"}}]
)

IDENTITY = {
    "tcc.runId": "r-1",
    "tcc.sessionId": "s-1",
    "gen_ai.conversation.id": "s-1",
    "tcc.userId": "u-1",
    "user.id": "u-1",
    "tcc.orgId": "o-1",
}
AGENT = {"tcc.agent": "clerk", "gen_ai.agent.name": "clerk"}

SPANS: dict[str, tuple[str, SpanKind, dict[str, Any]]] = {
    "run": (
        "invoke_agent clerk",
        SpanKind.INTERNAL,
        {
            **IDENTITY,
            **AGENT,
            "gen_ai.operation.name": "invoke_agent",
            "tcc.userName": "Ada",
            "user.name": "Ada",
            "tcc.orgName": "Engines",
            "tcc.parentRunId": "r-0",
            "tcc.conversational": True,
            "tcc.statusCode": 0,
            "tcc.statusMessage": "fine",
            "gen_ai.input.messages": QUESTION,
            "gen_ai.system_instructions": '[{"type":"text","content":"Be brief."}]',
            "gen_ai.output.messages": ANSWER,
            "tcc.metadata.region": "eu",
            "tcc.metadata.beta": False,
            "tcc.metadata.try": 2,
            "tcc.metadata.share": 0.5,
            "tcc.metadata.tags": ["a", "b"],
            "tcc.truncated": ["gen_ai.input.messages"],
        },
    ),
    "step": (
        "chat gpt-4o-mini",
        SpanKind.CLIENT,
        {
            **IDENTITY,
            "gen_ai.operation.name": "chat",
            "tcc.stepId": "st-1",
            "tcc.statusCode": 1,
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o-mini",
            "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
            "gen_ai.input.messages": QUESTION,
            "gen_ai.output.messages": ANSWER,
            "gen_ai.tool.definitions": TOOLS,
            "gen_ai.response.finish_reasons": ["stop"],
            "gen_ai.usage.input_tokens": 12,
            "gen_ai.usage.cache_read.input_tokens": 4,
            "gen_ai.usage.cache_write.input_tokens": 0,
            "gen_ai.usage.output_tokens": 7,
            "gen_ai.usage.reasoning.output_tokens": 3,
            "tcc.cost": 0.25,
            "tcc.costSource": "computed",
        },
    ),
    "tool_call": (
        "execute_tool find",
        SpanKind.INTERNAL,
        {
            **IDENTITY,
            **AGENT,
            "gen_ai.operation.name": "execute_tool",
            "tcc.statusCode": 0,
            "gen_ai.tool.name": "find",
            "gen_ai.tool.call.id": "call_1",
            "gen_ai.tool.type": "function",
            "gen_ai.tool.call.arguments": '{"order":"A-17"}',
            "gen_ai.tool.call.result": '{"value":"shipped"}',
        },
    ),
    "feedback": (
        "tcc.feedback",
        SpanKind.INTERNAL,
        {
            **IDENTITY,
            "gen_ai.evaluation.name": "user_feedback",
            "gen_ai.evaluation.score.label": "thumbs_up",
            "gen_ai.evaluation.score.value": 1.0,
            "gen_ai.evaluation.explanation": "Thanks.",
        },
    ),
}
"""A span of each type with every attribute it may have: name, kind, attributes."""

BARE: dict[str, dict[str, Any]] = {
    "run": {"tcc.runId": "r-1", "gen_ai.operation.name": "invoke_agent", "gen_ai.input.messages": QUESTION},
    "step": {
        "tcc.runId": "r-1",
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "_OTHER",
        "gen_ai.input.messages": QUESTION,
        "gen_ai.output.messages": "[]",
    },
    "tool_call": {"tcc.runId": "r-1", "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "find"},
    "feedback": {"tcc.runId": "r-1", "gen_ai.evaluation.name": "user_feedback"},
}
"""The least that a span of each type has."""

BARE_NAMES = {"run": "invoke_agent", "step": "chat", "tool_call": "execute_tool", "feedback": "tcc.feedback"}

MISSING: Any = object()
"""Stands for an attribute that is taken away."""

ERROR = Status(StatusCode.ERROR, "it broke")


def export(
    name: str,
    kind: SpanKind,
    attributes: Mapping[str, Any],
    *,
    status: Status | None = None,
    events: list[tuple[str, Mapping[str, Any]]] | None = None,
    error: Exception | None = None,
) -> ReadableSpan:
    """Make a span with a stock provider and return what reaches an exporter."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    span = provider.get_tracer("test").start_span(name, kind=kind, attributes=attributes)
    for event, event_attributes in events or []:
        span.add_event(event, event_attributes)
    if error is not None:
        span.record_exception(error)
    if status is not None:
        span.set_status(status)
    span.end()
    (exported,) = exporter.get_finished_spans()
    return exported


def changed(type_: str, changes: Mapping[str, Any], **rest: Any) -> ReadableSpan:
    """Make a full span of a type with some attributes set anew or taken away."""
    name, kind, attributes = SPANS[type_]
    merged = {key: value for key, value in {**attributes, **changes}.items() if value is not MISSING}
    return export(rest.pop("name", name), rest.pop("kind", kind), merged, **rest)


class TestRightSpans:
    """Nothing is said about spans that are as they should be."""

    @pytest.mark.parametrize("type_", SPANS)
    def test_full_span(self, type_: str) -> None:
        """A span with everything it may have passes."""
        assert check_span(changed(type_, {})) == []

    @pytest.mark.parametrize("type_", SPANS)
    def test_bare_span(self, type_: str) -> None:
        """A span with the least it may have passes, and its name is the operation alone."""
        assert check_span(export(BARE_NAMES[type_], SPANS[type_][1], BARE[type_])) == []

    @pytest.mark.parametrize("type_", SPANS)
    def test_failed_span(self, type_: str) -> None:
        """A failed span passes without the fields that a span needs to end well."""
        gone = ("gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.tool.name")
        attributes = {key: value for key, value in BARE[type_].items() if key not in gone}
        attributes |= {"error.type": "timeout", "tcc.violations": ["run.prompt"]}
        if type_ != "feedback":
            attributes["tcc.statusCode"] = 2
        span = export(BARE_NAMES[type_], SPANS[type_][1], attributes, status=ERROR)
        assert check_span(span) == []

    @pytest.mark.parametrize("error_type", ["ValueError", "openai.RateLimitError", "tcc.abandoned", "_OTHER"])
    def test_recorded_exception(self, error_type: str) -> None:
        """The event that the SDK writes for an exception passes, whatever the class of the error."""
        changes = {"error.type": error_type, "tcc.statusCode": 2}
        assert check_span(changed("step", changes, status=ERROR, error=ValueError("no"))) == []

    def test_content_switched_off(self) -> None:
        """A span without content passes when it says that content was switched off."""
        changes = {
            "tcc.contentCaptured": False,
            "gen_ai.input.messages": MISSING,
            "gen_ai.output.messages": MISSING,
            "gen_ai.tool.definitions": '[{"type":"function","name":"find"}]',
        }
        assert check_span(changed("step", changes)) == []

    @pytest.mark.parametrize(
        "part",
        [
            {"type": "reasoning", "content": "Hm."},
            {"type": "tool_call", "id": "c", "name": "find", "arguments": {"order": 1}},
            {"type": "tool_call_response", "id": "c", "response": "shipped"},
            {"type": "blob", "modality": "image", "content": "", "size": 3, "digest": "sha256:0a"},
            {
                "type": "uri",
                "modality": "image",
                "mime_type": "image/png",
                "uri": "https://example.com/a.png",
            },
            {"type": "file", "modality": "document", "file_id": "f"},
            {"type": "web_search_result", "anything": ["goes"]},
        ],
        ids=lambda part: part["type"],
    )
    def test_kinds_of_parts(self, part: dict[str, Any]) -> None:
        """Each kind of part that we emit passes."""
        messages = json.dumps([{"role": "tool", "parts": [part]}])
        assert check_span(changed("step", {"gen_ai.input.messages": messages})) == []

    def test_foreign_span(self) -> None:
        """A span without a run id is none of our business, whatever it carries."""
        attributes = {"gen_ai.operation.name": "chat", "gen_ai.made.up": 1, "http.request.method": "GET"}
        assert check_span(export("chat", SpanKind.SERVER, attributes, status=Status(StatusCode.OK))) == []

    def test_attributes_of_the_user(self) -> None:
        """Keys outside the registry's namespaces are the user's own."""
        assert check_span(changed("run", {"app.version": 3, "generation": "x", "tccx": True})) == []

    def test_allowed_keys(self) -> None:
        """A key that is allowed by name may be there without being registered for the span's type."""
        changes = {"gen_ai.request.temperature": 0.5, "gen_ai.request.model": "m"}
        assert check_span(changed("run", changes), frozenset(changes)) == []


class TestIdentity:
    """Type, name, kind and operation of a span."""

    def test_no_type(self) -> None:
        """A span with a run id that is of no type is told, and nothing more is said of it."""
        span = export("embed", SpanKind.CLIENT, {"tcc.runId": "r-1", "gen_ai.operation.name": "embeddings"})
        assert check_span(span) == [
            "type: 'embed' with operation 'embeddings' is none of run, step, tool_call, feedback"
        ]

    def test_no_operation(self) -> None:
        """A missing operation is told, the type being known by the name."""
        assert check_span(changed("step", {"gen_ai.operation.name": MISSING})) == [
            "gen_ai.operation.name: missing; every step has it"
        ]

    def test_unknown_operation(self) -> None:
        """A wrong operation is told, the type being known by the name."""
        assert check_span(changed("step", {"gen_ai.operation.name": "other"})) == [
            "gen_ai.operation.name: expected one of 'invoke_agent', 'chat', 'execute_tool', got str 'other'",
        ]

    def test_operation_on_feedback(self) -> None:
        """Feedback has no operation."""
        assert check_span(changed("feedback", {"gen_ai.operation.name": "chat"})) == [
            "gen_ai.operation.name: not registered for a feedback; register it in semconv/"
        ]

    @pytest.mark.parametrize(
        ("type_", "name", "expected"),
        [
            ("run", "invoke_agent other", "'invoke_agent' or 'invoke_agent clerk'"),
            ("step", "chat  gpt-4o-mini", "'chat' or 'chat gpt-4o-mini'"),
            ("step", "chat gpt-4o-mini-2024-07-18", "'chat' or 'chat gpt-4o-mini'"),
            ("tool_call", "find", "'execute_tool' or 'execute_tool find'"),
        ],
    )
    def test_name(self, type_: str, name: str, expected: str) -> None:
        """A name is the operation, or the operation, one space and the key attribute."""
        assert check_span(changed(type_, {}, name=name)) == [f"name: expected {expected}, got {name!r}"]

    def test_name_without_key_attribute(self) -> None:
        """A name tells nothing that no attribute tells."""
        span = export("invoke_agent clerk", SpanKind.INTERNAL, BARE["run"])
        assert check_span(span) == ["name: expected 'invoke_agent', got 'invoke_agent clerk'"]

    @pytest.mark.parametrize(
        ("type_", "kind", "expected"),
        [
            ("run", SpanKind.SERVER, "expected INTERNAL for a run, got SERVER"),
            ("step", SpanKind.INTERNAL, "expected CLIENT for a step, got INTERNAL"),
            ("tool_call", SpanKind.CLIENT, "expected INTERNAL for a tool_call, got CLIENT"),
            ("feedback", SpanKind.PRODUCER, "expected INTERNAL for a feedback, got PRODUCER"),
        ],
    )
    def test_kind(self, type_: str, kind: SpanKind, expected: str) -> None:
        """Each type has its kind."""
        assert check_span(changed(type_, {}, kind=kind)) == [f"kind: {expected}"]


class TestKeys:
    """Which keys a span has."""

    @pytest.mark.parametrize(
        ("type_", "key", "value"),
        [
            ("run", "gen_ai.request.model", "m"),
            ("run", "gen_ai.usage.input_tokens", 1),
            ("run", "gen_ai.request.temperature", 0.5),
            ("run", "tcc.madeUp", "x"),
            ("run", "tcc.metadata", "x"),
            ("run", "user.email", "a@example.com"),
            ("run", "error.message", "x"),
            ("step", "tcc.metadata.region", "eu"),
            ("tool_call", "tcc.cost", 1.0),
            ("feedback", "tcc.agent", "clerk"),
        ],
    )
    def test_unregistered(self, type_: str, key: str, value: Any) -> None:
        """A key of a namespace of the registry must be registered for the span's type."""
        problems = check_span(changed(type_, {key: value}))
        assert f"{key}: not registered for a {type_}; register it in semconv/" in problems

    @pytest.mark.parametrize(
        ("type_", "key"),
        [("step", "gen_ai.provider.name"), ("feedback", "gen_ai.evaluation.name")],
    )
    def test_required(self, type_: str, key: str) -> None:
        """A required key that is missing is told."""
        assert check_span(changed(type_, {key: MISSING})) == [f"{key}: missing; every {type_} has it"]

    @pytest.mark.parametrize(
        ("type_", "key", "rule"),
        [
            ("run", "gen_ai.input.messages", "run.prompt"),
            ("step", "gen_ai.input.messages", "step.prompt"),
            ("step", "gen_ai.output.messages", "step.response"),
            ("tool_call", "gen_ai.tool.name", "tool_call.name"),
        ],
    )
    def test_broken_rule(self, type_: str, key: str, rule: str) -> None:
        """A span that ended well without a field it needs is told, with the rule."""
        expected = f"{key}: missing on a {type_} that ended well; the rule is {rule}"
        assert check_span(changed(type_, {key: MISSING}, name=BARE_NAMES[type_])) == [expected]

    def test_name_of_tool_without_content(self) -> None:
        """With content off a tool call still needs its name, which is no content."""
        span = export(
            "execute_tool",
            SpanKind.INTERNAL,
            {"tcc.runId": "r-1", "gen_ai.operation.name": "execute_tool", "tcc.contentCaptured": False},
        )
        assert check_span(span) == [
            "gen_ai.tool.name: missing on a tool_call that ended well; the rule is tool_call.name"
        ]

    @pytest.mark.parametrize(
        ("key", "twin"),
        [
            ("gen_ai.conversation.id", "tcc.sessionId"),
            ("user.id", "tcc.userId"),
            ("user.name", "tcc.userName"),
            ("gen_ai.agent.name", "tcc.agent"),
        ],
    )
    def test_twins(self, key: str, twin: str) -> None:
        """Two names of one thing are both there, with one value."""
        value = SPANS["run"][2][key]
        gone = changed("run", {key: MISSING}, name="invoke_agent")
        assert check_span(gone) == [f"{key}: expected the same value as {twin}, got None and {value!r}"]
        alone = changed("run", {twin: MISSING})
        assert check_span(alone) == [f"{key}: expected the same value as {twin}, got {value!r} and None"]
        other = changed("run", {twin: "x"})
        assert check_span(other) == [f"{key}: expected the same value as {twin}, got {value!r} and 'x'"]

    @pytest.mark.parametrize("key", ["tcc.cost", "tcc.costSource"])
    def test_cost_and_source(self, key: str) -> None:
        """A cost and its source are both there or neither."""
        assert check_span(changed("step", {key: MISSING})) == [
            "tcc.cost and tcc.costSource: only one of them is there"
        ]


class TestValues:
    """Types and ranges of values."""

    @pytest.mark.parametrize(
        ("type_", "key", "value", "expected"),
        [
            ("run", "tcc.runId", 7, "expected string, got int 7"),
            ("run", "tcc.orgName", True, "expected string, got bool True"),
            ("run", "tcc.conversational", 1, "expected boolean, got int 1"),
            ("run", "tcc.conversational", "true", "expected boolean, got str 'true'"),
            ("run", "tcc.metadata.mixed", b"x", "expected template[any], got bytes b'x'"),
            ("run", "tcc.truncated", "x", "expected string[], got str 'x'"),
            ("step", "gen_ai.response.finish_reasons", "stop", "expected string[], got str 'stop'"),
            ("step", "gen_ai.response.finish_reasons", [1], "expected string[], got tuple (1,)"),
            ("step", "gen_ai.usage.input_tokens", 1.0, "expected int, got float 1.0"),
            ("step", "gen_ai.usage.input_tokens", True, "expected int, got bool True"),
            ("step", "gen_ai.usage.input_tokens", -1, "expected at least 0, got int -1"),
            ("step", "tcc.cost", 1, "expected double, got int 1"),
            ("step", "tcc.cost", -0.5, "expected at least 0, got float -0.5"),
            (
                "step",
                "tcc.costSource",
                "guessed",
                "expected one of 'reported', 'computed', got str 'guessed'",
            ),
            ("step", "tcc.statusCode", 3, "expected one of 0, 1, 2, got int 3"),
            ("step", "tcc.statusCode", "0", "expected enum[int], got str '0'"),
            ("step", "tcc.contentCaptured", True, "expected one of False, got bool True"),
            ("feedback", "gen_ai.evaluation.score.value", 1, "expected double, got int 1"),
            ("feedback", "gen_ai.evaluation.score.value", 0.5, "expected one of 1.0, 0.0, got float 0.5"),
            (
                "feedback",
                "gen_ai.evaluation.score.label",
                "meh",
                "expected one of 'thumbs_up', 'thumbs_down', got str 'meh'",
            ),
        ],
    )
    def test_wrong_value(self, type_: str, key: str, value: Any, expected: str) -> None:
        """A value of the wrong type or range is told with what was expected."""
        span = changed(type_, {key: value})
        if isinstance(value, bytes) and not isinstance((span.attributes or {}).get(key), bytes):
            pytest.skip("this release of the SDK turns bytes into text")
        assert check_span(span) == [f"{key}: {expected}"]

    @pytest.mark.parametrize(
        ("key", "value", "shown"),
        [
            ("tcc.metadata.text", "\ud800", r"str '\ud800'"),
            ("tcc.metadata.list", ["x", "\udfff"], r"str '\udfff'"),
            ("tcc.metadata.number", float("nan"), "float nan"),
            ("tcc.metadata.number", float("-inf"), "float -inf"),
            ("tcc.metadata.number", 2**63, "int 9223372036854775808"),
        ],
    )
    def test_value_that_gets_lost(self, key: str, value: Any, shown: str) -> None:
        """A value that OTLP cannot carry, or receivers choke on, is told."""
        assert check_span(changed("run", {key: value})) == [
            f"{key}: {shown} does not survive the way to a collector"
        ]

    def test_allowed_key_keeps_its_type(self) -> None:
        """An allowed key that is registered elsewhere must still hold a value of its type."""
        key = "gen_ai.usage.input_tokens"
        assert check_span(changed("run", {key: "12"}), frozenset({key})) == [
            f"{key}: expected int, got str '12'"
        ]


class TestContent:
    """Attributes that hold JSON text."""

    @pytest.mark.parametrize(
        "text",
        ["", "Where is A-17?", '[{"role":"user"', "[NaN]", "[Infinity]", "[" * 100_000],
        ids=["empty", "prose", "cut", "NaN", "Infinity", "too deep"],
    )
    def test_no_json(self, text: str) -> None:
        """Text that is no JSON by the standard is told."""
        (problem,) = check_span(changed("run", {"gen_ai.input.messages": text}))
        assert problem.startswith("gen_ai.input.messages: expected JSON, got str ")

    def test_no_text(self) -> None:
        """A structured value instead of JSON text is told."""
        assert check_span(changed("tool_call", {"gen_ai.tool.call.arguments": ["x"]})) == [
            "gen_ai.tool.call.arguments: expected JSON text, got tuple ('x',)"
        ]

    def test_lone_surrogate(self) -> None:
        """A lone surrogate is told, also where JSON spells it with an escape."""
        assert check_span(changed("tool_call", {"gen_ai.tool.call.result": '{"value":"\\ud800"}'})) == [
            "gen_ai.tool.call.result: a lone surrogate in it does not survive the way to a collector"
        ]

    @pytest.mark.parametrize(
        ("type_", "key", "value", "expected"),
        [
            ("run", "gen_ai.input.messages", {}, "$: {} is not of type 'array'"),
            ("run", "gen_ai.input.messages", ["x"], "$[0]: 'x' is not of type 'object'"),
            ("run", "gen_ai.input.messages", [{"parts": []}], "$[0]: 'role' is a required property"),
            (
                "run",
                "gen_ai.input.messages",
                [{"role": "", "parts": []}],
                "$[0].role: '' should be non-empty",
            ),
            ("run", "gen_ai.input.messages", [{"role": "user"}], "$[0]: 'parts' is a required property"),
            (
                "step",
                "gen_ai.output.messages",
                [{"role": "user", "parts": [], "finish_reason": ""}],
                "$[0].role: 'assistant' was expected",
            ),
            (
                "step",
                "gen_ai.output.messages",
                [{"role": "assistant", "parts": []}],
                "$[0]: 'finish_reason' is a required property",
            ),
            (
                "run",
                "gen_ai.system_instructions",
                [{"type": "note", "content": "x"}],
                "$[0].type: 'text' was expected",
            ),
            (
                "step",
                "gen_ai.tool.definitions",
                [{"type": "function"}],
                "$[0]: 'name' is a required property",
            ),
            (
                "step",
                "gen_ai.tool.definitions",
                [{"type": "function", "name": "f", "parameters": "x"}],
                "$[0].parameters: 'x' is not of type 'object', 'boolean', 'null'",
            ),
            (
                "step",
                "gen_ai.tool.definitions",
                [{"type": "function", "name": "f", "input_schema": {}}],
                "$[0]: False schema does not allow {}",
            ),
            ("tool_call", "gen_ai.tool.call.arguments", [1], "$: [1] is not of type 'object'"),
            ("tool_call", "gen_ai.tool.call.result", None, "$: None is not of type 'object'"),
        ],
    )
    def test_wrong_form(self, type_: str, key: str, value: Any, expected: str) -> None:
        """JSON that is not of the form of its schema is told with the place."""
        assert check_span(changed(type_, {key: json.dumps(value)})) == [f"{key}: {expected}"]

    @pytest.mark.parametrize(
        ("part", "expected"),
        [
            ({"content": "x"}, ": 'type' is a required property"),
            ({"type": ""}, ".type: '' should be non-empty"),
            ({"type": "text"}, ": 'content' is a required property"),
            ({"type": "text", "content": None}, ".content: None is not of type 'string'"),
            (
                {"type": "text", "content": "", "x": 1},
                ": Additional properties are not allowed ('x' was unexpected)",
            ),
            ({"type": "reasoning"}, ": 'content' is a required property"),
            ({"type": "tool_call", "id": "c"}, ": 'name' is a required property"),
            ({"type": "tool_call_response", "id": "c"}, ": 'response' is a required property"),
            ({"type": "file", "modality": "image"}, ": 'file_id' is a required property"),
            (
                {"type": "uri", "modality": "image", "uri": "data:,x"},
                ".uri: 'data:,x' should not be valid under {'pattern': '^\\\\s*[dD][aA][tT][aA]:'}",
            ),
            (
                {"type": "blob", "modality": "image", "content": "AA==", "size": 1, "digest": "sha256:0a"},
                ".content: '' was expected",
            ),
            (
                {"type": "blob", "modality": "image", "content": "", "digest": "sha256:0a"},
                ": 'size' is a required property",
            ),
        ],
        ids=lambda item: json.dumps(item) if isinstance(item, dict) else "",
    )
    def test_wrong_part(self, part: dict[str, Any], expected: str) -> None:
        """A part of a known type that lacks a field, has one too many or carries data is told."""
        messages = json.dumps([{"role": "user", "parts": [part]}])
        assert check_span(changed("run", {"gen_ai.input.messages": messages})) == [
            f"gen_ai.input.messages: $[0].parts[0]{expected}"
        ]


class TestStatus:
    """Status, error type and status code agree."""

    def test_ok(self) -> None:
        """Status OK is told."""
        assert check_span(changed("run", {}, status=Status(StatusCode.OK))) == [
            "status: expected UNSET or ERROR, got OK"
        ]

    def test_error_without_type(self) -> None:
        """An error has a type."""
        assert check_span(changed("run", {"tcc.statusCode": 2}, status=ERROR)) == [
            "error.type: missing with status ERROR"
        ]

    def test_type_without_error(self) -> None:
        """What went well has no error type."""
        assert check_span(changed("run", {"error.type": "ValueError"})) == [
            "error.type: present with status UNSET"
        ]

    def test_code_without_error(self) -> None:
        """Status code 2 is an error."""
        assert check_span(changed("run", {"tcc.statusCode": 2})) == [
            "tcc.statusCode: got 2 with status UNSET"
        ]

    @pytest.mark.parametrize("code", [0, 1])
    def test_error_without_code(self, code: int) -> None:
        """An error has no other status code than 2."""
        changes = {"tcc.statusCode": code, "error.type": "timeout"}
        assert check_span(changed("run", changes, status=ERROR)) == [
            f"tcc.statusCode: got {code} with status ERROR"
        ]

    def test_violations_without_error(self) -> None:
        """A span that broke a rule is an error."""
        assert check_span(changed("run", {"tcc.violations": ["run.prompt"]})) == [
            "tcc.violations: expected status ERROR beside it, got UNSET"
        ]


class TestContentOff:
    """A span that says content was switched off carries none."""

    @pytest.mark.parametrize(
        ("type_", "expected"),
        [
            ("run", ["gen_ai.input.messages", "gen_ai.system_instructions", "gen_ai.output.messages"]),
            ("step", ["gen_ai.input.messages", "gen_ai.output.messages"]),
            ("tool_call", ["gen_ai.tool.call.arguments", "gen_ai.tool.call.result"]),
            ("feedback", ["gen_ai.evaluation.explanation"]),
        ],
    )
    def test_content(self, type_: str, expected: list[str]) -> None:
        """Each content attribute that is there is told."""
        changes = {"tcc.contentCaptured": False, "gen_ai.tool.definitions": MISSING}
        assert check_span(changed(type_, changes)) == [
            f"{key}: present although content is switched off" for key in expected
        ]

    def test_tool_definitions(self) -> None:
        """What tool definitions say beyond type and name is told."""
        changes = {
            "tcc.contentCaptured": False,
            "gen_ai.input.messages": MISSING,
            "gen_ai.output.messages": MISSING,
        }
        assert check_span(changed("step", changes)) == [
            "gen_ai.tool.definitions: 'description' present although content is switched off",
            "gen_ai.tool.definitions: 'parameters' present although content is switched off",
        ]

    def test_exception(self) -> None:
        """The message and the stack trace of an exception are content."""
        span = export(
            "tcc.feedback",
            SpanKind.INTERNAL,
            {**BARE["feedback"], "tcc.contentCaptured": False, "error.type": "ValueError"},
            status=ERROR,
            error=ValueError("no"),
        )
        assert check_span(span) == [
            "exception.message: present although content is switched off",
            "exception.stacktrace: present although content is switched off",
        ]


class TestEvents:
    """Events of a span."""

    def test_other_event(self) -> None:
        """An event that is not registered is told."""
        assert check_span(changed("run", {}, events=[("gen_ai.choice", {})])) == [
            "event 'gen_ai.choice': not registered, only exception is"
        ]

    def test_attributes_of_exception(self) -> None:
        """Missing, unknown and wrong attributes of an exception are told."""
        event = ("exception", {"exception.message": 1, "exception.escaped": True, "code": 5})
        assert check_span(changed("run", {}, events=[event])) == [
            "event 'exception': exception.type: missing",
            "event 'exception': exception.message: expected string, got int 1",
            "event 'exception': exception.escaped: expected string, got bool True",
            "event 'exception': code: not registered for this event",
        ]

    def test_allowed_key(self) -> None:
        """A key that is allowed by name may be on an event too."""
        event = ("exception", {"exception.type": "ValueError", "code": 5})
        assert check_span(changed("run", {}, events=[event]), frozenset({"code"})) == []
