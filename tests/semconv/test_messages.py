"""Chat messages of every shape in the form of the conventions."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import anthropic.types
import openai.types.chat
import openai.types.responses
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contextcompany.semconv.messages import (
    input_messages,
    output_messages,
    system_instructions,
    user_messages,
)
from contextcompany.semconv.values import MAX_VALUE_BYTES, freeze, to_json
from tests.semconv import hostile
from tests.semconv.shapes import needs_official, official_problems, problems

PNG = b"\x89PNG\r\n" * 1000
BASE64 = base64.b64encode(PNG).decode()
BLOB = {
    "type": "blob",
    "modality": "image",
    "mime_type": "image/png",
    "content": "",
    "size": len(PNG),
    "digest": f"sha256:{hashlib.sha256(PNG).hexdigest()}",
}
CALL = {"type": "tool_call", "id": "c", "name": "weather", "arguments": {"city": "London"}}
OPENAI_CALL = {
    "id": "c",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city":"London"}'},
}


def text(content: str) -> dict[str, Any]:
    """Return the part that stands for text."""
    return {"type": "text", "content": content}


def message(role: str, *parts: Any) -> dict[str, Any]:
    """Return the message of a role; text stands for a part of it."""
    return {"role": role, "parts": [text(part) if isinstance(part, str) else part for part in parts]}


def recorded(name: str, found: Any) -> Any:
    """Return messages as they stand on a span: to those of a model the recording adds why it stopped."""
    return [{**item, "finish_reason": ""} for item in found] if name == "output-messages" else found


Cases = dict[str, tuple[Any, list[Any]]]

ANY: Cases = {
    "nothing": (None, [message("user", "")]),
    "empty text": ("", [message("user", "")]),
    "empty list": ([], [message("user", "")]),
    "text": ("hello", [message("user", "hello")]),
    "number": (3, [message("user", "3")]),
    "boolean": (True, [message("user", "true")]),
    "other data": ({"question": "q"}, [message("user", '{"question":"q"}')]),
    "list of other data": ([{"a": 1}, "b"], [message("user", '[{"a":1},"b"]')]),
    "texts": (["a", "b"], [message("user", "a", "b")]),
    "a person": ({"role": "admin", "email": "e"}, [message("user", '{"role":"admin","email":"e"}')]),
    "bytes": (
        PNG,
        [message("user", {**{key: BLOB[key] for key in BLOB if key != "mime_type"}, "modality": "document"})],
    ),
}

OPENAI: Cases = {
    "conversation": (
        [
            {"role": "system", "content": "Be brief."},
            {"role": "developer", "content": "Be kind."},
            {"role": "user", "content": "Weather?", "name": "ada"},
            {"role": "assistant", "content": None, "tool_calls": [OPENAI_CALL]},
            {"role": "tool", "tool_call_id": "c", "content": '{"celsius": 15}'},
            {"role": "assistant", "content": "15 degrees."},
        ],
        [
            message("system", "Be brief."),
            message("system", "Be kind."),
            {"role": "user", "name": "ada", "parts": [text("Weather?")]},
            message("assistant", CALL),
            message("tool", {"type": "tool_call_response", "id": "c", "response": {"celsius": 15}}),
            message("assistant", "15 degrees."),
        ],
    ),
    "one message": ({"role": "user", "content": "hello"}, [message("user", "hello")]),
    "without role": ({"content": "hello"}, [message("user", "hello")]),
    "parts": (
        [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{BASE64}"}},
                    "and this?",
                ],
            }
        ],
        [message("user", "What is this?", BLOB, "and this?")],
    ),
    "text beside calls": (
        {"role": "assistant", "content": "Let me look.", "tool_calls": [OPENAI_CALL]},
        [message("assistant", "Let me look.", CALL)],
    ),
    "empty text beside calls": (
        {"role": "assistant", "content": "", "tool_calls": [OPENAI_CALL]},
        [message("assistant", CALL)],
    ),
    "old function call": (
        [
            {"role": "assistant", "content": None, "function_call": {"name": "weather", "arguments": "{}"}},
            {"role": "function", "name": "weather", "content": "sunny"},
        ],
        [
            message("assistant", {"type": "tool_call", "name": "weather", "arguments": {}}),
            {
                "role": "tool",
                "name": "weather",
                "parts": [{"type": "tool_call_response", "response": "sunny"}],
            },
        ],
    ),
    "everything a model says": (
        {
            "role": "assistant",
            "content": "hi",
            "reasoning_content": "hm",
            "refusal": "no",
            "audio": {"id": "audio_1"},
            "annotations": [{"type": "url_citation"}],
            "tool_calls": None,
        },
        [
            message(
                "assistant",
                {"type": "reasoning", "content": "hm"},
                "hi",
                {"type": "annotations", "annotations": [{"type": "url_citation"}]},
                {"type": "refusal", "content": "no"},
                {"type": "file", "modality": "audio", "file_id": "audio_1"},
            )
        ],
    ),
    "message without content": ({"role": "assistant", "content": None}, [message("assistant", "")]),
    "unknown part": (
        {"role": "user", "content": [{"type": "hologram", "url": "u", "depth": None}]},
        [message("user", {"type": "hologram", "url": "u"})],
    ),
}

RESPONSES: Cases = {
    "items": (
        [
            {"role": "user", "content": [{"type": "input_text", "text": "Weather?"}]},
            {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "hm"}]},
            {
                "type": "function_call",
                "id": "f",
                "call_id": "c",
                "name": "weather",
                "arguments": '{"city":"London"}',
            },
            {"type": "function_call_output", "call_id": "c", "output": "sunny"},
            {
                "type": "message",
                "id": "m",
                "role": "assistant",
                "status": "completed",
                "content": [{"type": "output_text", "text": "Sunny.", "annotations": []}],
            },
            {"type": "message", "role": "user", "content": "Thanks"},
        ],
        [
            message("user", "Weather?"),
            message("assistant", {"type": "reasoning", "content": "hm"}, CALL),
            message("tool", {"type": "tool_call_response", "id": "c", "response": "sunny"}),
            message("assistant", "Sunny."),
            message("user", "Thanks"),
        ],
    ),
    "approval": (
        [{"type": "mcp_approval_response", "approval_request_id": "a", "approve": True}],
        [message("tool", {"type": "mcp_approval_response", "approval_request_id": "a", "approve": True})],
    ),
}

ANTHROPIC: Cases = {
    "conversation": (
        [
            {"role": "user", "content": "Weather?"},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "s"},
                    {"type": "text", "text": "Let me look."},
                    {"type": "tool_use", "id": "c", "name": "weather", "input": {"city": "London"}},
                ],
            },
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "sunny"}]},
        ],
        [
            message("user", "Weather?"),
            message("assistant", {"type": "reasoning", "content": "hm"}, "Let me look.", CALL),
            message("tool", {"type": "tool_call_response", "id": "c", "response": "sunny"}),
        ],
    ),
    "result and question": (
        [
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "c", "content": "sunny"},
                    {"type": "text", "text": "And tomorrow?"},
                ],
            }
        ],
        [message("user", {"type": "tool_call_response", "id": "c", "response": "sunny"}, "And tomorrow?")],
    ),
    "blocks": (
        [
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": BASE64}},
            {"type": "text", "text": "What is this?"},
        ],
        [message("user", BLOB, "What is this?")],
    ),
    "one block": ({"type": "text", "text": "hello"}, [message("user", "hello")]),
    "blocks before a message": (
        ["a", {"type": "text", "text": "b"}, {"role": "assistant", "content": "c"}, "d", {"x": 1}],
        [message("user", "a", "b"), message("assistant", "c"), message("user", "d", '{"x":1}')],
    ),
}

CONVENTIONS: Cases = {
    "messages": (
        [message("user", "a"), message("assistant", CALL), {"role": "tool", "name": "n", "parts": []}],
        [message("user", "a"), message("assistant", CALL), {"role": "tool", "name": "n", "parts": []}],
    ),
    "Google": (
        [{"role": "model", "parts": [{"text": "hello"}]}],
        [message("assistant", "hello")],
    ),
}

GROUPS = {
    "any": ANY,
    "OpenAI": OPENAI,
    "Responses": RESPONSES,
    "Anthropic": ANTHROPIC,
    "conventions": CONVENTIONS,
}
CASES = {f"{group}: {name}": case for group, cases in GROUPS.items() for name, case in cases.items()}


@pytest.mark.parametrize(("value", "expected"), CASES.values(), ids=CASES)
def test_prompts_of_every_shape_have_one_form(value: Any, expected: list[Any]) -> None:
    """What a model was given becomes messages with roles and parts, whole."""
    plain, cut = freeze(value)
    assert (input_messages(plain), cut) == (expected, False)
    assert user_messages(plain) == expected
    assert problems("input-messages", expected) == []


@needs_official
@pytest.mark.parametrize("expected", [case[1] for case in CASES.values()], ids=CASES)
def test_prompts_satisfy_the_official_schema(expected: list[Any]) -> None:
    """The form of every known shape is one of the conventions."""
    assert official_problems("input-messages", expected) == []


LISTS = {
    name: case
    for name, case in CASES.items()
    if isinstance(case[0], list) and not name.startswith(("any", "Anthropic: b"))
}


@pytest.mark.parametrize(("value", "expected"), LISTS.values(), ids=LISTS)
def test_a_json_list_of_messages_is_read(value: Any, expected: list[Any]) -> None:
    """A step's prompt that is the JSON of chat messages becomes these messages; a run's stays text."""
    text_of_value = json.dumps(value, indent=1)
    assert input_messages(freeze(f"\n {text_of_value}")[0]) == expected
    assert user_messages(text_of_value) == [message("user", text_of_value)]


@pytest.mark.parametrize(
    "value",
    [
        "[]",
        "[1, 2]",
        '["a"]',
        "[see above]",
        '[{"role": "user", "content": "a"}, 3]',
        '[{"role": "admin"}]',
        '[{"type": "text", "text": "a"}]',
        '{"role": "user", "content": "a"}',
        '[{"role": "user", "content": "cut',
        "[" * 100_000,
    ],
    ids=range(10),
)
def test_other_json_stays_text(value: str) -> None:
    """JSON that is no list of chat messages is what the user wrote."""
    assert input_messages(value) == [message("user", value)]


def test_an_image_over_the_limit_in_json_text_leaves_the_messages_readable() -> None:
    """The JSON of messages with a large screenshot is read, and the screenshot is size and digest."""
    image = PNG * 300
    encoded = base64.b64encode(image).decode()
    assert len(encoded) > MAX_VALUE_BYTES
    value = [
        {
            "role": "user",
            "content": [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{encoded}"}}],
        },
        {
            "role": "user",
            "content": [
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": encoded}},
                {"type": "text", "text": "What is this?"},
            ],
        },
    ]
    blob = BLOB | {"size": len(image), "digest": f"sha256:{hashlib.sha256(image).hexdigest()}"}
    expected = [message("user", blob), message("user", blob, "What is this?")]
    for given_value in (value, json.dumps(value)):
        plain, cut = freeze(given_value)
        assert (input_messages(plain), cut) == (expected, False)


def test_a_prompt_is_as_it_was_when_it_was_frozen() -> None:
    """Messages appended later, and parts changed later, are not recorded."""
    value = [{"role": "user", "content": [{"type": "text", "text": "a"}]}]
    plain, _ = freeze(value)
    value[0]["content"][0]["text"] = "changed"  # type: ignore[index]
    value.append({"role": "assistant", "content": "later"})
    assert input_messages(plain) == [message("user", "a")]


def openai_completion() -> openai.types.chat.ChatCompletion:
    """Return a completion with two choices, as the client builds it."""
    choice = {"finish_reason": "tool_calls", "logprobs": None}
    return openai.types.chat.ChatCompletion.model_validate(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": "gpt-5",
            "choices": [
                {
                    "index": 0,
                    **choice,
                    "message": {"role": "assistant", "content": None, "tool_calls": [OPENAI_CALL]},
                },
                {"index": 1, **choice, "message": {"role": "assistant", "content": "hi", "refusal": None}},
            ],
        }
    )


def openai_response() -> openai.types.responses.Response:
    """Return a response of the Responses API, as the client builds it."""
    return openai.types.responses.Response.model_validate(
        {
            "id": "resp_1",
            "object": "response",
            "created_at": 1,
            "model": "gpt-5",
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "output": [
                {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "hm"}]},
                {
                    "type": "function_call",
                    "id": "f",
                    "call_id": "c",
                    "name": "weather",
                    "arguments": '{"city":"London"}',
                },
                {
                    "type": "message",
                    "id": "m",
                    "role": "assistant",
                    "status": "completed",
                    "content": [
                        {"type": "output_text", "text": "hi", "annotations": []},
                        {"type": "refusal", "refusal": "no"},
                    ],
                },
                {"type": "image_generation_call", "id": "i", "status": "completed", "result": BASE64},
            ],
        }
    )


def anthropic_message() -> anthropic.types.Message:
    """Return a message of Anthropic, as the client builds it."""
    return anthropic.types.Message.model_validate(
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "claude-sonnet-4-5",
            "stop_reason": "tool_use",
            "stop_sequence": None,
            "usage": {"input_tokens": 1, "output_tokens": 1},
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "s"},
                {"type": "text", "text": "hi", "citations": None},
                {"type": "tool_use", "id": "c", "name": "weather", "input": {"city": "London"}},
            ],
        }
    )


THOUGHT = {"type": "reasoning", "content": "hm"}
REFUSED = {"type": "refusal", "content": "no"}
DRAWN = {
    "type": "server_tool_call",
    "id": "i",
    "name": "image_generation",
    "server_tool_call": {
        "type": "image_generation",
        "result": {key: BLOB[key] for key in BLOB if key != "mime_type"},
    },
}

ANSWERS: Cases = {
    "nothing": (None, [message("assistant", "")]),
    "empty list": ([], [message("assistant", "")]),
    "text": ("hi", [message("assistant", "hi")]),
    "text that is JSON": (
        '[{"role": "user", "content": "a"}]',
        [message("assistant", '[{"role": "user", "content": "a"}]')],
    ),
    "structured output": ({"answer": 42}, [message("assistant", '{"answer":42}')]),
    "structured choices": (
        {"choices": [{"label": "a"}]},
        [message("assistant", '{"choices":[{"label":"a"}]}')],
    ),
    "structured list of choices": ({"choices": ["a"]}, [message("assistant", '{"choices":["a"]}')]),
    "structured output field": ({"output": ["a"]}, [message("assistant", '{"output":["a"]}')]),
    "OpenAI completion": (openai_completion(), [message("assistant", CALL), message("assistant", "hi")]),
    "OpenAI message": (openai_completion().choices[0].message, [message("assistant", CALL)]),
    "OpenAI message as dict": (
        {"role": "assistant", "content": None, "tool_calls": [OPENAI_CALL]},
        [message("assistant", CALL)],
    ),
    "OpenAI message without role": (
        {"content": None, "tool_calls": [OPENAI_CALL]},
        [message("assistant", CALL)],
    ),
    "OpenAI text completion": (
        {"object": "text_completion", "choices": [{"text": "hi", "index": 0, "finish_reason": "stop"}]},
        [message("assistant", "hi")],
    ),
    "OpenAI completion without choices": (
        {"object": "chat.completion", "choices": []},
        [message("assistant", "")],
    ),
    "OpenAI response": (openai_response(), [message("assistant", THOUGHT, CALL, "hi", REFUSED, DRAWN)]),
    "OpenAI response items": (
        openai_response().output,
        [message("assistant", THOUGHT, CALL, "hi", REFUSED, DRAWN)],
    ),
    "OpenAI response without output": ({"object": "response", "output": []}, [message("assistant", "")]),
    "Anthropic message": (anthropic_message(), [message("assistant", THOUGHT, "hi", CALL)]),
    "Anthropic blocks": (anthropic_message().content, [message("assistant", THOUGHT, "hi", CALL)]),
    "Anthropic block": (anthropic_message().content[2], [message("assistant", CALL)]),
    "messages": (
        [{"role": "assistant", "content": "a"}, {"role": "tool", "tool_call_id": "c", "content": "b"}],
        [
            message("assistant", "a"),
            message("assistant", {"type": "tool_call_response", "id": "c", "response": "b"}),
        ],
    ),
    "conventions": ([message("assistant", "hi", CALL)], [message("assistant", "hi", CALL)]),
}


@pytest.mark.parametrize(("value", "expected"), ANSWERS.values(), ids=ANSWERS)
def test_answers_of_every_shape_have_one_form(value: Any, expected: list[Any]) -> None:
    """What a model gave back becomes messages of the assistant, whole."""
    plain, cut = freeze(value)
    assert (output_messages(plain), cut) == (expected, False)
    assert problems("output-messages", recorded("output-messages", expected)) == []


@needs_official
@pytest.mark.parametrize("expected", [case[1] for case in ANSWERS.values()], ids=ANSWERS)
def test_answers_satisfy_the_official_schema(expected: list[Any]) -> None:
    """The form of every known answer is one of the conventions."""
    assert official_problems("output-messages", expected) == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Be brief.", [text("Be brief.")]),
        (None, [text("")]),
        ([], [text("")]),
        (
            ["a", {"type": "text", "text": "b", "cache_control": {"type": "ephemeral"}}],
            [text("a"), text("b")],
        ),
        ({"role": "system", "content": "a"}, [text("a")]),
        (
            [
                {"role": "system", "content": "a"},
                {"role": "developer", "content": [{"type": "text", "text": "b"}]},
            ],
            [text("a"), text("b")],
        ),
        ({"type": "text", "content": "a"}, [text("a")]),
        ({"tone": "kind"}, [text('{"tone":"kind"}')]),
        ([{"type": "hologram", "of": "a"}], [text('[{"type":"hologram","of":"a"}]')]),
        (
            {"role": "system", "content": [{"type": "hologram", "of": "a"}]},
            [text('{"type":"hologram","of":"a"}')],
        ),
    ],
)
def test_system_prompts_are_text_parts(value: Any, expected: list[Any]) -> None:
    """A system prompt is text, however it was given."""
    assert system_instructions(freeze(value)[0]) == expected
    assert problems("system-instructions", expected) == []


@pytest.mark.parametrize("limit", [1024, 5000, MAX_VALUE_BYTES])
def test_long_conversations_are_cut_within_their_form(limit: int) -> None:
    """Cut to any size, messages keep their form: texts are shortened first, then messages dropped."""
    turn = [
        {"role": "user", "content": "question " + "word " * 300},
        {"role": "assistant", "content": "answer", "tool_calls": [OPENAI_CALL] * 3},
        {"role": "tool", "tool_call_id": "c", "content": json.dumps({"rows": [{"a": 1}] * 50})},
    ]
    whole = input_messages(freeze(turn * 1000, 4 * MAX_VALUE_BYTES)[0])
    shorter, cut = to_json(whole, limit)
    found = json.loads(shorter)
    assert (len(shorter.encode()) <= limit, cut) == (True, True)
    assert problems("input-messages", found) == []
    assert found
    assert [item["role"] for item in found] == [item["role"] for item in whole[: len(found)]]


CONVERTERS = {
    "input-messages": (input_messages, user_messages),
    "output-messages": (output_messages,),
    "system-instructions": (system_instructions,),
}


def converted(value: Any, limit: int) -> list[tuple[str, Any]]:
    """Return all that a value can become, with the name of the schema for each."""
    plains = [freeze(value)[0], freeze(json.dumps(value, default=str))[0]]
    return [
        (name, json.loads(to_json(convert(plain), limit)[0]))
        for name, converters in CONVERTERS.items()
        for convert in converters
        for plain in plains
    ]


LIMITS = st.sampled_from([1024, MAX_VALUE_BYTES])


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(hostile.CHATS, LIMITS)
def test_any_value_satisfies_our_schemas(value: Any, limit: int) -> None:
    """Whatever a setter was given becomes valid JSON in the form of our own schemas."""
    for name, found in converted(value, limit):
        assert (name, problems(name, recorded(name, found))) == (name, [])


@needs_official
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(hostile.CHATS, LIMITS)
def test_any_value_satisfies_the_official_schemas(value: Any, limit: int) -> None:
    """Whatever a setter was given becomes valid JSON in the form of the conventions."""
    for name, found in converted(value, limit):
        assert (name, official_problems(name, found)) == (name, [])


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(hostile.VALUES)
def test_hostile_values_become_messages(value: object) -> None:
    """Objects that raise wherever they can become messages by our schemas."""
    plain, _ = freeze(value)
    for name, converters in CONVERTERS.items():
        for convert in converters:
            assert problems(name, recorded(name, json.loads(to_json(convert(plain))[0]))) == []
