"""Templates: everything is escaped, and nothing that is missing passes silently."""

from __future__ import annotations

from pathlib import Path

import pytest
from jinja2 import UndefinedError

from contextcompany.local import dashboard
from contextcompany.local.dashboard.frame.rendering import STATIC, Pages

_FOLDER = Path(dashboard.__file__).parent
_TEMPLATES = sorted(path.name for path in (_FOLDER / "templates").iterdir())


def test_values_are_escaped() -> None:
    """What comes from a span stays text."""
    text = Pages().text("_options.html", values=('"><script>alert(1)</script>',))
    assert "<script" not in text
    assert "&#34;&gt;&lt;script&gt;" in text


def test_a_missing_value_is_an_error() -> None:
    """A template that names what it was not given fails instead of leaving a gap."""
    with pytest.raises(UndefinedError, match="values"):
        Pages().text("_options.html")


def test_half_a_surrogate_pair_does_not_break_a_page() -> None:
    """Text that cannot be encoded is replaced."""
    answer = Pages().answer("_options.html", values=("a\ud800b",))
    assert b"a?b" in answer.body


@pytest.mark.parametrize("name", _TEMPLATES)
def test_a_template_needs_nothing_that_the_policy_forbids(name: str) -> None:
    """No template switches escaping off or carries scripts, styles or handlers inside its markup."""
    source = (_FOLDER / "templates" / name).read_text("utf-8")
    for forbidden in (
        "|safe",
        "| safe",
        "autoescape",
        "<style",
        " style=",
        "javascript:",
        " onclick",
        " onload",
    ):
        assert forbidden not in source
    for script in source.split("<script")[1:]:
        assert 'src="/static/' in script.partition(">")[0]


@pytest.mark.parametrize("path", sorted(STATIC.iterdir()), ids=lambda path: path.name)
def test_a_static_file_reaches_for_nothing_elsewhere(path: Path) -> None:
    """Styles, scripts and pictures name no other host."""
    source = path.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
    assert "//" not in "".join(line for line in source.splitlines() if "http" in line)
    assert "eval(" not in source
    assert "document.write" not in source
