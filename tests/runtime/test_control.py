"""The four functions that steer the package: what they take, what they say of it, what they refuse."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import contextcompany as tcc
from contextcompany.runtime import control
from contextcompany.runtime.process import process
from contextcompany.runtime.results import FlushResult, Stats
from contextcompany.settings import settings as settings_room
from contextcompany.settings.settings import load
from tests.servers.program import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

VARIABLE = re.compile(r"\bTCC_[A-Z]+(?:_[A-Z]+)*\b")
# What others named too; read by OpenTelemetry's resource or by us.
FOREIGN_VARIABLES = {
    "OTEL_SDK_DISABLED",
    "OTEL_SERVICE_NAME",
    "OTEL_RESOURCE_ATTRIBUTES",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
}

URL = "http://localhost:9/v1/traces"
ARGUMENTS: dict[str, Any] = {
    "api_key": "key-of-mine",
    "tcc_url": URL,
    "traces_url": URL,
    "headers": {"x-tenant": "t"},
    "tracer_provider": TracerProvider(shutdown_on_exit=False),
    "exporter": InMemorySpanExporter(),
    "foreign_parent": "link",
    "capture_content": False,
    "disabled": True,
    "sample_rate": 0.5,
    "keep_errors": True,
    "allow_insecure": True,
    "run_timeout": 30.0,
    "service_name": "shop",
    "resource_attributes": {"deployment": "eu"},
    "debug": True,
    "redact": lambda text, name: "",
    "redact_secrets": "all",
    "on_sigterm": False,
    "spool": False,
    "spool_dir": "spools",
    "proxies": True,
    "ca_bundle": ".",
    "dashboard_url": "http://localhost:9",
}


def described_arguments(function: Callable[..., object]) -> list[str]:
    """Return the names that the `Args:` section of a docstring describes, in order."""
    section = (inspect.getdoc(function) or "").partition("Args:\n")[2].partition("\n\n")[0]
    return re.findall(r"^    (\w+): ", section, re.MULTILINE)


def test_configure_takes_what_the_settings_take() -> None:
    """No argument of the settings is missing, misspelt, in another order, or of another default."""
    ours, theirs = inspect.signature(tcc.configure), inspect.signature(load)
    assert list(ours.parameters.values()) == list(theirs.parameters.values())
    assert {parameter.kind for parameter in ours.parameters.values()} == {inspect.Parameter.KEYWORD_ONLY}
    assert ours.return_annotation == "None"


@pytest.mark.parametrize("name", ["configure", "flush", "shutdown", "stats"])
def test_each_argument_is_described(name: str) -> None:
    """The docstring describes every argument, in the order of the signature, and no other."""
    function = getattr(tcc, name)
    assert function is getattr(control, name)
    assert described_arguments(function) == list(inspect.signature(function).parameters)


def test_each_variable_is_named() -> None:
    """Every environment variable that the settings read stands in the docstring, and no other one."""
    sources = (ROOT / "src" / "contextcompany" / "settings").glob("*.py")
    read = {word for source in sources for word in VARIABLE.findall(source.read_text(encoding="utf-8"))}
    documented = inspect.getdoc(tcc.configure) or ""
    assert set(VARIABLE.findall(documented)) == read
    assert {word for word in FOREIGN_VARIABLES if word not in documented} == set()


@pytest.mark.parametrize("name", inspect.signature(load).parameters)
def test_each_argument_arrives(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is passed is in force as the settings understand it."""
    monkeypatch.chdir(tmp_path)
    given = {name: ARGUMENTS[name]}
    tcc.configure(**given)
    assert process.instance().settings == load(**given)
    if name != "on_sigterm":
        assert process.instance().settings != load()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"tcc_url": "nowhere"}, "tcc_url"),
        ({"traces_url": "ftp://b.example"}, "traces_url"),
        ({"tcc_url": URL, "traces_url": URL}, "tcc_url and traces_url"),
        ({"headers": {"no header": "x"}}, "header"),
        ({"headers": {"x-a": "two\nlines"}}, "header"),
        ({"api_key": "two\nlines"}, "api_key"),
        ({"foreign_parent": "sibling"}, "foreign_parent"),
        ({"redact_secrets": "some"}, "redact_secrets"),
        ({"sample_rate": 2}, "sample_rate"),
        ({"run_timeout": 0}, "run_timeout"),
        ({"run_timeout": float("nan")}, "run_timeout"),
        ({"ca_bundle": "not-there"}, "ca_bundle"),
        ({"dashboard_url": "nowhere"}, "dashboard_url"),
    ],
)
def test_a_value_that_cannot_be_meant_raises(arguments: dict[str, Any], word: str) -> None:
    """The caller gets a ValueError that names the argument, and nothing is put in force."""
    with pytest.raises(ValueError, match=word):
        tcc.configure(**arguments)
    assert process.instance().settings == load()


@pytest.mark.parametrize(
    "arguments",
    [
        {"api_key": 7},
        {"tcc_url": b"http://localhost"},
        {"traces_url": 7},
        {"headers": [("x-a", "b")]},
        {"tracer_provider": "global"},
        {"exporter": print},
        {"capture_content": "no"},
        {"disabled": 1},
        {"sample_rate": "all"},
        {"keep_errors": "yes"},
        {"allow_insecure": "yes"},
        {"service_name": 7},
        {"resource_attributes": "a=b"},
        {"debug": "1"},
        {"redact": "all"},
        {"on_sigterm": "yes"},
        {"spool": "off"},
        {"spool_dir": 7},
        {"proxies": "yes"},
        {"ca_bundle": 7},
        {"dashboard_url": 7},
    ],
    ids=lambda arguments: next(iter(arguments)),
)
def test_a_value_of_another_type_raises(arguments: dict[str, Any]) -> None:
    """The caller gets a TypeError that names the argument, and nothing is put in force."""
    with pytest.raises(TypeError, match=next(iter(arguments))):
        tcc.configure(**arguments)
    assert process.instance().settings == load()


def test_an_argument_that_is_none_raises() -> None:
    """A misspelt argument and a positional one are errors of the call."""
    call: Any = tcc.configure
    with pytest.raises(TypeError, match="tcc_uri"):
        call(tcc_uri=URL)
    with pytest.raises(TypeError, match="positional"):
        call(URL)


@pytest.mark.parametrize("function", [tcc.flush, tcc.shutdown], ids=["flush", "shutdown"])
@pytest.mark.parametrize("timeout", [-1, float("nan"), True, "5", None])
def test_a_timeout_that_is_none_raises(function: Callable[[Any], FlushResult], timeout: object) -> None:
    """Whatever is no number of seconds from 0 on is a ValueError, and nothing is flushed or shut down."""
    with pytest.raises(ValueError, match="timeout"):
        function(timeout)
    assert not process.is_stopped


@pytest.mark.parametrize("timeout", [0, 0.0, 1e308, float("inf")])
def test_any_patience_is_taken(timeout: float) -> None:
    """No time at all, and for ever, are times: with nothing to do both return at once, and complete."""
    nothing = FlushResult(complete=True, delivered=0, pending=0)
    assert tcc.flush(timeout) == nothing
    assert tcc.shutdown(timeout) == nothing
    assert tcc.stats() == Stats(delivered=0, pending=0)


def test_the_times_that_are_documented() -> None:
    """Without an argument a flush waits at most 5 seconds and a shutdown 2."""
    defaults = [
        inspect.signature(function).parameters["timeout"].default for function in (tcc.flush, tcc.shutdown)
    ]
    assert defaults == [5.0, 2.0]
    assert settings_room.patience("timeout", defaults[0]) == 5.0
