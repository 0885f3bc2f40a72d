"""Messages as a page shows them."""

from __future__ import annotations

import pytest

from contextcompany.local.dashboard.run.message_view import (
    data_view,
    indented,
    message_view,
    part_view,
    whole_text,
)
from contextcompany.local.reading.conversation import Conversation, Message, Part

SAID = Conversation(
    system=(Part("text", "be brief"),),
    asked=(
        Message("user", (Part("text", "one"), Part("media", "AAAA", name="image/png"))),
        Message("tool", (Part("result", '{"a": 1}', call_id="c-1"),)),
    ),
    answered=(Message("assistant", (Part("call", "{}", name="search", call_id="c-2"),), "stop"),),
    arguments='{"q": 1}',
    result="done",
)


def test_each_part_can_be_had_whole() -> None:
    """The source that a view names leads back to the text it shows."""
    for place, messages in (("asked", SAID.asked), ("answered", SAID.answered)):
        for number, message in enumerate(messages):
            view = message_view(message, f"{place}.{number}")
            assert view.role == message.role
            assert [whole_text(SAID, part.source) for part in view.parts] == [
                part.text for part in message.parts
            ]
    assert whole_text(SAID, part_view(SAID.system[0], "system.0").source) == "be brief"
    for text, name in ((SAID.arguments, "arguments"), (SAID.result, "result")):
        view_of_data = data_view(text, name)
        assert view_of_data is not None
        assert whole_text(SAID, view_of_data.source) == text


@pytest.mark.parametrize(
    "source",
    [
        "",
        "asked",
        "asked.0",
        "asked.9.0",
        "asked.0.9",
        "asked.-1.0",
        "asked.0.-1",
        "asked.0.0.0",
        "asked.x.y",
        "asked.0." + "9" * 5000,
        "system",
        "system.1",
        "system.-1",
        "system.0.0",
        "elsewhere.0.0",
    ],
)
def test_a_source_that_names_nothing_gives_nothing(source: str) -> None:
    """An address that was typed or forged is answered with nothing, and never with another part."""
    assert whole_text(SAID, source) is None


def test_data_in_words_is_shown_as_data() -> None:
    """A model that answers in JSON is easier to read with line breaks in it."""
    assert indented('{"a":[1,{"b":"ü"}]}') == '{\n  "a": [\n    1,\n    {\n      "b": "ü"\n    }\n  ]\n}'
    assert "j-key" in part_view(Part("text", '{"a": 1}'), "answered.0.0").body.head


@pytest.mark.parametrize("text", ["", "word", "[not json", "{" * 100_000, "12", '"text"', "[" * 300_000])
def test_other_text_stays_as_it_stands(text: str) -> None:
    """What is no object and no list, or nests without end, is text."""
    assert indented(text) is None


def test_there_is_no_view_of_no_arguments() -> None:
    """A tool call without arguments shows none."""
    assert data_view(None, "arguments") is None
