"""The form for feedback."""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextcompany.local.dashboard.run.feedback_form import FeedbackFormError, Given, read_feedback


@pytest.mark.parametrize(
    ("fields", "given"),
    [
        ({"score": "up", "text": ""}, Given("up", "")),
        ({"score": "down", "text": " too\r\nslow "}, Given("down", "too\nslow")),
        ({"text": "x" * 2_000}, Given(None, "x" * 2_000)),
    ],
)
def test_a_thumb_a_text_or_both_are_feedback(fields: dict[str, str], given: Given) -> None:
    """What a browser sends is read; its line ends become those of everyone."""
    assert read_feedback(urlencode(fields).encode()).checked() == given


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "nothing to send"),
        (b"text=+++", "nothing to send"),
        (b"score=sideways", "up or down"),
        (b"text=" + b"x" * 2_001, "too long"),
        (None, "too long"),
        (b"a=1&" * 30, "nothing to send"),
    ],
)
def test_what_is_no_feedback_is_refused_with_a_reason(body: bytes | None, words: str) -> None:
    """The message says what to do."""
    with pytest.raises(FeedbackFormError, match=words):
        read_feedback(body).checked()


@given(st.binary(max_size=200))
def test_no_body_breaks_the_form(body: bytes) -> None:
    """Any bytes are read to a form that is right or refused."""
    form = read_feedback(body)
    with suppress(FeedbackFormError):
        given = form.checked()
        assert given.score or given.text
