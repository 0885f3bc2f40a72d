"""Text from spans as a page may show it."""

from __future__ import annotations

import html
import json
import re
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextcompany.local.dashboard.run.plain_text import MOST_SHOWN, code, prose, visible

_TAGS = re.compile(r"</?(?:p|pre|code|span)(?: [^<>]*)?>")


def _seen(markup: str) -> str:
    """What a reader sees: the markup that may be there taken off, the rest as a browser shows it."""
    return html.unescape(_TAGS.sub("", markup))


@pytest.mark.parametrize("show", [prose, code])
@given(text=st.text(max_size=4000) | st.from_regex(r"(```[a-z]*\n|<[a-z/]+ ?>|[\"{}\[\]:,0-9 \n]){0,80}"))
def test_no_text_becomes_markup(show: type, text: str) -> None:
    """Beside the few tags of our own, nothing of a page that holds any text is a tag or an entity of it."""
    shown = show(text)
    for piece in (str(shown.head), str(shown.rest)):
        bare = _TAGS.sub("", piece)
        assert "<" not in bare
        assert ">" not in bare
        assert not re.search(r"&(?!(?:amp|lt|gt|#34|#39);)", bare)


@given(st.text(alphabet=st.characters(), max_size=300))
def test_what_cannot_be_seen_is_shown_as_its_escape(text: str) -> None:
    """Controls, direction marks, tags and halves of surrogate pairs never reach a page as they are."""
    shown = _seen(str(visible(text)))
    shown.encode()
    kinds = {unicodedata.category(character) for character in shown} - {"Cf"}
    assert not kinds & {"Cs", "Zl", "Zp"}
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\U000e0020-\U000e007f]", shown
    )


def test_hostile_characters_are_named() -> None:
    """The escape of a terminal, a turn of the direction and a hidden letter each show what they are."""
    assert _seen(str(visible("a\x1b[31m\u202eb\U000e0041\ud800"))) == "a\\x1b[31m\\u202eb\\U000e0041\\ud800"


def test_joiners_of_scripts_and_emoji_stay() -> None:
    """Families of emoji and words of Persian look as they were written."""
    for text in ("👩‍👩‍👧", "می\u200cخواهم", "e\u0301"):  # noqa: RUF001
        assert str(visible(text)) == text


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Zl", "Zp")), max_size=6000))
def test_code_shows_every_character_once(text: str) -> None:
    """What is folded is all of the text; only line feeds at its end are left out."""
    shown = code(text)
    assert _seen(f"{shown.head}{shown.rest}") == text.rstrip("\n")
    assert shown.left_out == 0


def test_a_long_text_is_folded_and_an_endless_one_cut() -> None:
    """The beginning is seen, more is a click away, and what is not on the page is counted."""
    text = "\n".join(f"line {number}" for number in range(10_000))
    shown = prose(text)
    assert "line 27" in shown.head
    assert "line 28" not in shown.head
    assert "line 28" in shown.rest
    assert shown.length == len(text)
    assert shown.left_out == len(text) - MOST_SHOWN
    assert len(shown.head) + len(shown.rest) < 2 * MOST_SHOWN


def test_a_fold_that_would_hide_a_few_lines_is_none() -> None:
    """A text that is a little too long is shown whole."""
    shown = prose("\n".join(["word"] * 31))
    assert not shown.rest
    assert shown.lines == 0


def test_fenced_code_is_set_apart() -> None:
    """A fence makes a block that names its language; what stands in it is text all the same."""
    shown = str(prose("Look:\n```python\nif a < b:\n    pass\n```\nDone.").head)
    assert '<pre class="fence" data-language="python"><code>if a &lt; b:\n    pass</code></pre>' in shown
    assert shown.endswith('<p dir="auto">Done.</p>')


def test_both_halves_of_folded_code_are_code() -> None:
    """A block that is longer than what is seen at once goes on as code behind the fold."""
    shown = prose("```sql\n" + "\n".join(f"SELECT {number};" for number in range(60)) + "\n```")
    assert str(shown.head).startswith('<pre class="fence" data-language="sql">')
    assert str(shown.rest).startswith('<pre class="fence" data-language="sql">')
    assert "SELECT 59;" in shown.rest


def test_a_language_cannot_leave_its_attribute() -> None:
    """What stands behind a fence is a name or is left out."""
    shown = str(prose('```"><script>alert(1)</script>\nx\n```').head)
    assert "<script" not in shown


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=8,
    )
)
def test_json_keeps_its_text(value: object) -> None:
    """Colours add nothing to JSON and take nothing from it."""
    text = json.dumps([value], indent=2)
    assert _seen(f"{code(text).head}{code(text).rest}") == text


def test_the_parts_of_json_are_told_apart() -> None:
    """Keys, texts, numbers and words each have their class."""
    shown = str(code('{"key": ["text", -1.5e3, null]}').head)
    assert '<span class="j-key">&#34;key&#34;</span>' in shown
    assert '<span class="j-string">&#34;text&#34;</span>' in shown
    assert '<span class="j-number">-1.5e3</span>' in shown
    assert '<span class="j-word">null</span>' in shown


@pytest.mark.parametrize(
    "text",
    [
        "~" * (MOST_SHOWN - 1) + "`",
        "~~~" + " " * (MOST_SHOWN - 4) + "`",
        "```" + "a" * (MOST_SHOWN - 4) + "`",
    ],
)
def test_no_line_takes_long_to_look_through(text: str) -> None:
    """What looks like the fence of code to its end and then is none is not tried again from each sign."""
    begun = time.process_time()
    prose(text)
    assert time.process_time() - begun < 0.5
