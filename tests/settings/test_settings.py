"""Arguments over environment over defaults, in one frozen object."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, asdict
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from contextcompany.settings.destination import Destination, Source
from contextcompany.settings.settings import Settings, load

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "hunter22"
KEY = f"service_{SECRET}{SECRET}"

LOCAL = Destination("http://localhost:4318/v1/traces", Source.LOCAL)


def mask(text: str, name: str) -> str:
    """Be a hook."""
    return f"{name}: {len(text)}"


async def mask_later(text: str, name: str) -> str:
    """Be what cannot be a hook."""
    return mask(text, name)


class Later:
    """Be an object that cannot be a hook."""

    async def __call__(self, text: str, name: str) -> str:
        """Return a text too late."""
        return mask(text, name)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the warnings so far."""
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


def test_defaults() -> None:
    """With no argument and no variable: the local default, content on, nothing off, nothing limited."""
    assert load() == Settings(destination=LOCAL)
    assert asdict(load()) == {
        "destination": asdict(LOCAL),
        "tracer_provider": None,
        "exporter": None,
        "foreign_parent": "parent",
        "capture_content": True,
        "disabled": False,
        "sample_rate": 1.0,
        "keep_errors": False,
        "run_timeout": None,
        "service_name": None,
        "resource_attributes": (),
        "debug": False,
        "redact": None,
        "redact_secrets": "errors",
        "on_sigterm": False,
        "spool": True,
        "spool_dir": None,
        "proxies": False,
        "ca_bundle": None,
        "dashboard_url": None,
    }


BAD = [
    ("TCC_URL", "localhost:4318"),
    ("TCC_URL", f"ftp://joe:{SECRET}@a.example"),
    ("TCC_URL", f"ftp://a.example/?key={SECRET}"),
    ("TCC_URL", KEY),
    ("TCC_TRACES_URL", "/v1/traces"),
    ("TCC_API_KEY", "a\tb\x01" + SECRET),
    ("TCC_API_KEY", "ключ" + SECRET),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318"),
    ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://a:b:c"),
    ("TCC_DISABLED", "perhaps"),
    ("OTEL_SDK_DISABLED", "perhaps"),
    ("TCC_DEBUG", "perhaps"),
    ("TCC_ALLOW_INSECURE", "perhaps"),
    ("TCC_PROXIES", "perhaps"),
    ("TCC_KEEP_ERRORS", "perhaps"),
    ("TCC_DASHBOARD_URL", "localhost:4318"),
    ("TCC_DASHBOARD_URL", f"ftp://joe:{SECRET}@a.example"),
    ("TCC_SAMPLE_RATE", "most"),
    ("TCC_SAMPLE_RATE", "10%"),
    ("TCC_SAMPLE_RATE", "0,5"),
    ("TCC_SAMPLE_RATE", "1.1"),
    ("TCC_SAMPLE_RATE", "-0.1"),
    ("TCC_SAMPLE_RATE", "nan"),
    ("TCC_SAMPLE_RATE", "inf"),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_bad_variable_is_one_warning_and_the_default(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str, value: str
) -> None:
    """No deployment crashes on it: the default is used, and one warning names it and shows no secret."""
    monkeypatch.setenv(name, value)
    assert load() == Settings(destination=LOCAL)
    assert load() == Settings(destination=LOCAL)
    assert len(warnings(caplog)) == 1
    assert name in warnings(caplog)[0]
    assert SECRET not in warnings(caplog)[0]


@pytest.mark.parametrize("value", ["perhaps", "flase", "none"])
def test_a_bad_word_about_content_captures_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, value: str
) -> None:
    """Where it cannot be read whether content may leave, none leaves, and one warning says so."""
    monkeypatch.setenv("TCC_CAPTURE_CONTENT", value)
    assert [load(), load()] == [Settings(destination=LOCAL, capture_content=False)] * 2
    assert len(warnings(caplog)) == 1
    assert "TCC_CAPTURE_CONTENT" in warnings(caplog)[0]


FLAGS = [
    ("capture_content", "TCC_CAPTURE_CONTENT", True),
    ("disabled", "TCC_DISABLED", False),
    ("debug", "TCC_DEBUG", False),
    ("spool", "TCC_SPOOL", True),
    ("proxies", "TCC_PROXIES", False),
    ("keep_errors", "TCC_KEEP_ERRORS", False),
]


@pytest.mark.parametrize(("field", "variable", "default"), FLAGS)
def test_flags(monkeypatch: pytest.MonkeyPatch, field: str, variable: str, default: bool) -> None:
    """Each flag is its argument, else its variable, else its default."""
    assert getattr(load(), field) is default
    monkeypatch.setenv(variable, str(not default).lower())
    assert getattr(load(), field) is not default
    arguments: dict[str, Any] = {field: default}
    assert getattr(load(**arguments), field) is default


def test_allow_insecure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clear text for keys is allowed by its argument, else by TCC_ALLOW_INSECURE, else not."""
    url = "http://collector:4318"
    assert load(tcc_url=url).destination.may_carry_credentials is False
    assert load(tcc_url=url, allow_insecure=True).destination.may_carry_credentials is True
    monkeypatch.setenv("TCC_ALLOW_INSECURE", "1")
    assert load(tcc_url=url).destination.may_carry_credentials is True
    assert load(tcc_url=url, allow_insecure=False).destination.may_carry_credentials is False
    monkeypatch.setenv("TCC_URL", url)
    assert load().destination.may_carry_credentials is True


@pytest.mark.parametrize("word", ["every", "none", "error", "1"])
def test_a_bad_word_about_secrets_masks_them_all(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, word: str
) -> None:
    """Where it cannot be read which texts lose their secrets, all do, and one warning says so."""
    monkeypatch.setenv("TCC_REDACT_SECRETS", word)
    assert [load(), load()] == [Settings(destination=LOCAL, redact_secrets="all")] * 2
    assert warnings(caplog) == [
        "TCC_REDACT_SECRETS is none of errors, all; all is used: set it to one of them"
    ]


@pytest.mark.parametrize(("word", "expected"), [("errors", "errors"), ("all", "all"), (" ALL ", "all")])
def test_redact_secrets(monkeypatch: pytest.MonkeyPatch, word: str, expected: str) -> None:
    """Which texts lose their secrets is said by the argument, else by the variable."""
    monkeypatch.setenv("TCC_REDACT_SECRETS", word)
    assert load().redact_secrets == expected
    assert load(redact_secrets="errors").redact_secrets == "errors"
    assert load(redact_secrets="all").redact_secrets == "all"


def test_a_bad_word_about_the_spool_keeps_nothing_on_disk(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where it cannot be read whether the disk may be used, it is not, and one warning says so."""
    monkeypatch.setenv("TCC_SPOOL", "none")
    assert [load(), load()] == [Settings(destination=LOCAL, spool=False)] * 2
    assert warnings(caplog) == ["TCC_SPOOL is neither true nor false; false is used: set it to true or false"]


def test_the_folder_of_the_spool(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The folder is the argument, else TCC_SPOOL_DIR; it is absolute, and a later chdir does not move it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert load().spool_dir is None
    monkeypatch.setenv("TCC_SPOOL_DIR", "~/spool")
    assert load().spool_dir == str(tmp_path / "home" / "spool")
    assert load(spool_dir="").spool_dir == str(tmp_path / "home" / "spool")
    assert load(spool_dir="here").spool_dir == str(tmp_path / "here")
    assert load(spool_dir=tmp_path / "there").spool_dir == str(tmp_path / "there")


def test_what_else_delivery_is_told() -> None:
    """A hook and the wish to deliver at SIGTERM stand in the settings as they were given."""
    settings = load(redact=mask, on_sigterm=True)
    assert settings == Settings(destination=LOCAL, redact=mask, on_sigterm=True)
    assert settings.redact is mask


@pytest.mark.parametrize(
    ("text", "expected"), [("0", 0.0), ("1", 1.0), ("0.25", 0.25), (" 1e-3 ", 0.001), ("", 1.0)]
)
def test_sample_rate(monkeypatch: pytest.MonkeyPatch, text: str, expected: float) -> None:
    """The share of runs is the argument, else TCC_SAMPLE_RATE, else all; 0 is a share too."""
    monkeypatch.setenv("TCC_SAMPLE_RATE", text)
    assert load().sample_rate == expected
    assert [load(sample_rate=rate).sample_rate for rate in (0, 0.0, 0.5, 1)] == [0.0, 0.0, 0.5, 1.0]


def test_a_bad_sample_rate_is_said(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """The warning says what the variable holds and what it may hold."""
    monkeypatch.setenv("TCC_SAMPLE_RATE", "10%")
    assert load().sample_rate == 1.0
    assert warnings(caplog) == [
        "TCC_SAMPLE_RATE is not used: it must be a number from 0 to 1, but is '10%'; set it to e.g. 0.1"
    ]


def test_otel_sdk_disabled(monkeypatch: pytest.MonkeyPatch) -> None:
    """OTEL_SDK_DISABLED switches us off, whatever is said of TCC_DISABLED."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert load().disabled is True
    monkeypatch.setenv("TCC_DISABLED", "false")
    assert load().disabled is True


MISUSE: list[tuple[dict[str, Any], str]] = [
    ({"tcc_url": "localhost"}, "tcc_url"),
    ({"traces_url": "localhost"}, "url"),
    ({"tcc_url": "https://a.example", "traces_url": "https://a.example"}, "both"),
    ({"dashboard_url": "localhost"}, "dashboard_url"),
    ({"api_key": "a\nb"}, "api_key"),
    ({"headers": {"a b": "1"}}, "headers"),
    ({"headers": {"a": "1\r\nx: 2"}}, "headers"),
    ({"headers": {"a": "ж"}}, "headers"),
    ({"headers": {"a": 1}}, "headers"),
    ({"foreign_parent": "sibling"}, "foreign_parent"),
    ({"redact_secrets": "some"}, "redact_secrets"),
    ({"redact_secrets": True}, "redact_secrets"),
    ({"sample_rate": 1.01}, "sample_rate must be a number from 0 to 1: got 1.01"),
    ({"sample_rate": -0.1}, "sample_rate"),
    ({"sample_rate": float("nan")}, "sample_rate"),
    ({"sample_rate": float("inf")}, "sample_rate"),
    ({"run_timeout": 0}, "run_timeout"),
    ({"run_timeout": -1.0}, "run_timeout"),
    ({"run_timeout": float("nan")}, "run_timeout"),
    ({"run_timeout": float("inf")}, "run_timeout"),
    ({"run_timeout": True}, "run_timeout"),
    ({"run_timeout": "5"}, "run_timeout"),
]


@pytest.mark.parametrize(("arguments", "named"), MISUSE)
def test_misuse_raises(arguments: dict[str, Any], named: str) -> None:
    """A wrong argument raises at once, and the message names it."""
    with pytest.raises(ValueError, match=named):
        load(**arguments)


WRONG_TYPES: list[tuple[dict[str, Any], str]] = [
    ({"redact": "mask"}, "redact must be a function"),
    ({"redact": mask_later}, "has to be awaited"),
    ({"redact": Later()}, "has to be awaited"),
    ({"on_sigterm": "yes"}, "on_sigterm"),
    ({"spool": "off"}, "spool"),
    ({"spool_dir": 1}, "spool_dir"),
    ({"spool_dir": b"/spool"}, "spool_dir"),
    ({"proxies": 1}, "proxies"),
    ({"dashboard_url": 1}, "dashboard_url"),
    ({"sample_rate": "0.1"}, "sample_rate must be a number from 0 to 1: got str"),
    ({"sample_rate": True}, "sample_rate"),
    ({"keep_errors": 1}, "keep_errors"),
]


@pytest.mark.parametrize(("arguments", "named"), WRONG_TYPES)
def test_wrong_types_raise(arguments: dict[str, Any], named: str) -> None:
    """An argument of another type raises at once, and the message names it."""
    with pytest.raises(TypeError, match=named):
        load(**arguments)


def test_errors_about_headers_show_no_value() -> None:
    """The value of a header may be a key, so the error does not show it."""
    with pytest.raises(ValueError, match="x-api-key") as caught:
        load(headers={"x-api-key": f"{SECRET}\n"})
    assert SECRET not in str(caught.value)


def test_what_else_arguments_say() -> None:
    """The other arguments stand in the settings as they were given."""
    provider = TracerProvider(shutdown_on_exit=False)
    exporter = InMemorySpanExporter()
    assert load(
        tracer_provider=provider,
        exporter=exporter,
        foreign_parent="link",
        run_timeout=30,
        service_name="agent",
        resource_attributes={"deployment.environment": "test"},
    ) == Settings(
        destination=LOCAL,
        tracer_provider=provider,
        exporter=exporter,
        foreign_parent="link",
        run_timeout=30.0,
        service_name="agent",
        resource_attributes=(("deployment.environment", "test"),),
    )


def test_certificates_to_trust(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """They are the argument's, else those of the first variable that names something that is there."""
    given, ours, theirs = (tmp_path / name for name in ("given.pem", "ours.pem", "theirs.pem"))
    for file in (given, ours, theirs):
        file.touch()
    assert load().ca_bundle is None
    monkeypatch.setenv("SSL_CERT_FILE", str(theirs))
    assert load().ca_bundle == str(theirs)
    monkeypatch.setenv("TCC_CA_BUNDLE", str(ours))
    assert load().ca_bundle == str(ours)
    assert load(ca_bundle=given).ca_bundle == str(given)
    with pytest.raises(ValueError, match="ca_bundle must name a file or folder"):
        load(ca_bundle=tmp_path / "missing.pem")
    monkeypatch.setenv("TCC_CA_BUNDLE", str(tmp_path / "missing.pem"))
    assert load().ca_bundle == str(theirs)


def test_certificates_of_opentelemetry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Those that OpenTelemetry names are for a destination that it names, and for no other."""
    file = tmp_path / "otel.pem"
    file.touch()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", str(file))
    assert load(tcc_url="https://collector.example").ca_bundle is None
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "https://otel.example")
    assert load().ca_bundle == str(file)


def test_the_dashboard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where people look is the argument, else TCC_DASHBOARD_URL, else not said."""
    monkeypatch.setenv("TCC_DASHBOARD_URL", "https://runs.example/team/")
    assert load().dashboard_url == load(dashboard_url="").dashboard_url == "https://runs.example/team"
    assert load(dashboard_url="http://localhost:9").dashboard_url == "http://localhost:9"


def test_settings_are_frozen() -> None:
    """Nobody changes settings after they were made."""
    with pytest.raises(FrozenInstanceError):
        load().disabled = True  # type: ignore[misc]


def test_whether_somebody_told_us_where_to_send(monkeypatch: pytest.MonkeyPatch) -> None:
    """A URL, a key or an exporter is a destination of ours; OTEL_* and the local default are none."""
    assert load().has_destination is False
    assert load(tcc_url="https://b.example").has_destination is True
    assert load(api_key=KEY).has_destination is True
    assert load(exporter=InMemorySpanExporter()).has_destination is True
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "https://b.example")
    assert load().has_destination is False


def test_the_repr_shows_no_secret() -> None:
    """Settings can be logged: no key, no header, no password, no query."""
    settings = load(
        api_key=KEY,
        tcc_url=f"https://joe:{SECRET}@b.example?t={SECRET}",
        dashboard_url=f"https://joe:{SECRET}@b.example?t={SECRET}#{SECRET}",
        headers={"x-api-key": SECRET},
        redact=partial(lambda salt, text, name: mask(salt + text, name), SECRET),
    )
    assert SECRET not in repr(settings)
    assert "https://b.example/v1/traces" in repr(settings)
