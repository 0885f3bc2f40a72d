"""Which settings are in force and where from; never a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contextcompany.cli.doctor.settings_in_force import settings_in_force

if TYPE_CHECKING:
    from pathlib import Path

    from contextcompany.cli.doctor.findings import SettingLine

KEY = "key-0123456789-secret"


@pytest.fixture(autouse=True)
def _no_spool_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TCC_SPOOL_DIR", raising=False)


def lines() -> dict[str, SettingLine]:
    """Return what is in force by name."""
    return {line.name: line for line in settings_in_force()[1]}


def said(name: str) -> tuple[str, str]:
    """Return value and source of one setting."""
    line = lines()[name]
    return line.value, line.source


def test_with_nothing_set_everything_is_the_default() -> None:
    """Each setting says so."""
    assert {line.source for line in lines().values()} == {"default"}
    assert said("destination") == ("http://localhost:4318/v1/traces", "default")
    assert said("api_key") == ("not set", "default")


@pytest.mark.parametrize(
    ("variables", "value", "source"),
    [
        ({"TCC_URL": "http://a.example"}, "http://a.example/v1/traces", "TCC_URL"),
        (
            {"TCC_URL": "http://a.example", "TCC_TRACES_URL": "http://b.example/t"},
            "http://b.example/t",
            "TCC_TRACES_URL",
        ),
        ({"TCC_URL": "http://a.example", "TCC_TRACES_URL": "odd"}, "http://a.example/v1/traces", "TCC_URL"),
        ({"TCC_API_KEY": KEY}, "https://api.thecontext.company/v1/traces", "default for TCC_API_KEY"),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://o.example"},
            "http://o.example/v1/traces",
            "OTEL_EXPORTER_OTLP_ENDPOINT",
        ),
        (
            {
                "OTEL_EXPORTER_OTLP_ENDPOINT": "http://o.example",
                "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://p.example/t",
            },
            "http://p.example/t",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        ),
    ],
)
def test_the_destination_and_who_named_it(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], value: str, source: str
) -> None:
    """Of several variables the one that counts is named."""
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    assert said("destination") == (value, source)


@pytest.mark.parametrize(
    ("variable", "text", "name", "value"),
    [
        ("TCC_CAPTURE_CONTENT", "no", "capture_content", "false"),
        ("TCC_CAPTURE_CONTENT", "perhaps", "capture_content", "false"),
        ("OTEL_SDK_DISABLED", "true", "disabled", "true"),
        ("TCC_SAMPLE_RATE", "0.25", "sample_rate", "0.25"),
        ("TCC_SPOOL", "true", "spool", "true"),
        ("TCC_SPOOL_DIR", "/spool", "spool_dir", "/spool"),
        (
            "TCC_DASHBOARD_URL",
            f"https://joe:{KEY}@runs.example?{KEY}",
            "dashboard_url",
            "https://runs.example",
        ),
        ("OTEL_SERVICE_NAME", "shop", "service_name", "shop"),
        ("OTEL_RESOURCE_ATTRIBUTES", f"team={KEY},zone=eu", "resource_attributes", "team, zone"),
        ("TCC_ALLOW_INSECURE", "1", "allow_insecure", "true"),
    ],
)
def test_a_variable_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str, name: str, value: str
) -> None:
    """What a variable sets is told with its name, also where that is the default."""
    monkeypatch.setenv(variable, text)
    assert said(name) == (value, variable)


@pytest.mark.parametrize(
    ("variable", "name"),
    [("TCC_SAMPLE_RATE", "sample_rate"), ("TCC_PROXIES", "proxies"), ("TCC_DASHBOARD_URL", "dashboard_url")],
)
def test_a_variable_that_cannot_be_read_is_not_the_source(
    monkeypatch: pytest.MonkeyPatch, variable: str, name: str
) -> None:
    """The default is in force, and why."""
    monkeypatch.setenv(variable, "perhaps")
    assert said(name)[1] == f"default, as {variable} cannot be used"


def test_a_url_that_cannot_be_read_is_not_passed_over_in_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in force instead is the default, and why."""
    monkeypatch.setenv("TCC_URL", "localhost:4318")
    assert said("destination") == (
        "http://localhost:4318/v1/traces",
        "default, as TCC_URL cannot be used",
    )


def test_the_certificates_that_count_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A variable that names nothing is not where they are from."""
    bundle = tmp_path / "ca.pem"
    bundle.touch()
    monkeypatch.setenv("TCC_CA_BUNDLE", str(tmp_path / "nothing.pem"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    assert said("ca_bundle") == (str(bundle), "REQUESTS_CA_BUNDLE")


def test_no_key_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys, passwords, queries and values of headers stay secret; what is there is told all the same."""
    monkeypatch.setenv("TCC_URL", f"https://joe:{KEY}@a.example/x?key={KEY}#{KEY}")
    monkeypatch.setenv("TCC_API_KEY", KEY)
    monkeypatch.setenv("TCC_HEADERS", f"x-tenant={KEY}")
    assert KEY not in repr(lines())
    assert said("api_key") == ("set, 21 characters", "TCC_API_KEY")
    assert said("headers") == ("authorization, x-tenant", "TCC_HEADERS")
    assert said("destination") == ("https://a.example/x/v1/traces", "TCC_URL")
    monkeypatch.setenv("TCC_URL", f"ftp://{KEY}")
    assert said("api_key") == ("set, 21 characters, and not used", "TCC_API_KEY")


VARIABLES = (
    "TCC_URL",
    "TCC_TRACES_URL",
    "TCC_API_KEY",
    "TCC_HEADERS",
    "TCC_DASHBOARD_URL",
    "TCC_SAMPLE_RATE",
    "TCC_DISABLED",
    "TCC_SPOOL_DIR",
    "TCC_CA_BUNDLE",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_RESOURCE_ATTRIBUTES",
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.sampled_from(VARIABLES), st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
    )
)
def test_any_environment_gives_lines(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    """Whatever the variables hold, nothing raises."""
    with monkeypatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        assert all(line.value and line.source for line in settings_in_force()[1])
