"""Environment variables: what they may say, and that a bad one is one warning and the default."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from requests.utils import check_header_validity

from contextcompany.diagnostics import said
from contextcompany.settings import environment

NAME = "TCC_SAMPLE"


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the warnings so far."""
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, None), ("", None), ("  \t", None), ("x", "x"), ("  x y \n", "x y")],
)
def test_text(monkeypatch: pytest.MonkeyPatch, value: str | None, expected: str | None) -> None:
    """A text comes without the white space around it; unset and empty are the same."""
    if value is not None:
        monkeypatch.setenv(NAME, value)
    assert environment.text(NAME) == expected


@pytest.mark.parametrize("default", [True, False])
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((value, True) for value in ("1", "true", "True", "TRUE", "yes", "on", " true ")),
        *((value, False) for value in ("0", "false", "False", "FALSE", "no", "off", " off ")),
    ],
)
def test_flags(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    value: str,
    expected: bool,
    default: bool,
) -> None:
    """The words for yes and no are read in any case, whatever the default is, and nothing is said."""
    monkeypatch.setenv(NAME, value)
    assert environment.flag(NAME, default=default) is expected
    assert warnings(caplog) == []


@pytest.mark.parametrize("default", [True, False])
@pytest.mark.parametrize("value", [None, "", " "])
def test_flags_that_are_not_set(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, value: str | None, default: bool
) -> None:
    """An unset or empty flag is the default, and nothing is said."""
    if value is not None:
        monkeypatch.setenv(NAME, value)
    assert environment.flag(NAME, default=default) is default
    assert warnings(caplog) == []


@pytest.mark.parametrize("default", [True, False])
@pytest.mark.parametrize("value", ["maybe", "2", "-", "sk-hunter22hunter22"])
def test_bad_flags(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, value: str, default: bool
) -> None:
    """Any other word is the default and one warning, which names the variable and not its value."""
    monkeypatch.setenv(NAME, value)
    assert environment.flag(NAME, default=default) is default
    assert environment.flag(NAME, default=default) is default
    said_once = warnings(caplog)
    assert len(said_once) == 1
    assert NAME in said_once[0]
    assert "hunter22" not in said_once[0]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", ()),
        ("a=1", (("a", "1"),)),
        ("a=1,b=2", (("a", "1"), ("b", "2"))),
        (" A = 1 , B=2 ,", (("a", "1"), ("b", "2"))),
        ("authorization=Bearer%20x%3D%3D", (("authorization", "Bearer x=="),)),
        ("authorization=Basic dTpw==", (("authorization", "Basic dTpw=="),)),
        ("x-mlflow-experiment-id=0", (("x-mlflow-experiment-id", "0"),)),
        ("a=", (("a", ""),)),
    ],
)
def test_headers(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    value: str,
    expected: tuple[tuple[str, str], ...],
) -> None:
    """Headers are pairs with commas between, percent-encoded, their names in lower case."""
    monkeypatch.setenv(NAME, value)
    assert environment.headers(NAME) == expected
    assert warnings(caplog) == []


@pytest.mark.parametrize(
    "bad", ["hunter22", "=hunter22", "a b=hunter22", "a=hunter22%0d%0ax-b: 1", "ä=hunter22", "a=%00hunter22"]
)
def test_bad_headers(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, bad: str) -> None:
    """A part that is no header is left out with one warning that does not show it; its neighbours stay."""
    monkeypatch.setenv(NAME, f"a=1,{bad},c=3")
    assert environment.headers(NAME) == (("a", "1"), ("c", "3"))
    environment.headers(NAME)
    said_once = warnings(caplog)
    assert len(said_once) == 1
    assert NAME in said_once[0]
    assert "hunter22" not in said_once[0]


@given(st.text(max_size=8), st.text(max_size=8))
def test_what_counts_as_a_header_can_be_sent(key: str, value: str) -> None:
    """Whatever passes the check is taken by the HTTP client, so that no request fails for its headers."""
    if environment.is_header(key, value):
        check_header_validity((key, value))
        f"{key}: {value}\r\n".encode("latin-1")


@pytest.mark.parametrize("value", ["ключ", "密码", "key€", "a\ud800"])
def test_what_no_header_can_carry(value: str) -> None:
    """A value beyond Latin-1 has no place in an HTTP header."""
    assert not environment.is_header("authorization", value)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30))
def test_any_value_is_survived(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """No value of a variable raises, whatever it is read as."""
    monkeypatch.setenv(NAME, value)
    assert environment.text(NAME) in {None, value.strip()}
    assert environment.flag(NAME, default=True) in {True, False}
    assert isinstance(environment.headers(NAME), tuple)
    assert environment.checked(NAME, float, 1.5) is not None
    said.forget()


def test_values_with_a_form_of_their_own(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A value is what its reader makes of it; what the reader refuses is one warning and the default."""
    assert environment.checked(NAME, int, 7) == 7
    monkeypatch.setenv(NAME, "12")
    assert environment.checked(NAME, int, 7) == 12
    assert warnings(caplog) == []
    monkeypatch.setenv(NAME, "twelve")
    assert environment.checked(NAME, int, 7) == 7
    assert environment.checked(NAME, int, 7) == 7
    assert len(warnings(caplog)) == 1
    assert NAME in warnings(caplog)[0]


@pytest.mark.parametrize(
    ("value", "expected"), [(None, "one"), ("", "one"), ("one", "one"), (" TWO ", "two"), ("none", "three")]
)
def test_words(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, value: str | None, expected: str
) -> None:
    """A known word is read in any case, nothing is the default, and any other word one warning."""
    if value is not None:
        monkeypatch.setenv(NAME, value)
    for _ in range(2):
        assert environment.word(NAME, ("one", "two", "three"), default="one", doubtful="three") == expected
    refused = ["TCC_SAMPLE is none of one, two, three; three is used: set it to one of them"]
    assert warnings(caplog) == (refused if value == "none" else [])
