"""Arguments over environment over defaults, in one frozen object."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, asdict
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from contextcompany.settings.destination import Destination, Source
from contextcompany.settings.settings import Settings, load

if TYPE_CHECKING:
    from collections.abc import Mapping

PLATFORM = "https://api.thecontext.company/v1/traces"
PLATFORM_DEV = "https://dev.thecontext.company/v1/traces"
SECRET = "hunter22"
KEY = f"service_{SECRET}{SECRET}"
DEV_KEY = f"dev_{SECRET}{SECRET}"

LOCAL = Destination("http://localhost:4318/v1/traces", Source.LOCAL)


def set_all(monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, str]) -> None:
    """Set environment variables for one test."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


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
        "run_timeout": None,
        "service_name": None,
        "resource_attributes": (),
        "debug": False,
    }


B = "https://b.example/v1/traces"
TENANT = (("x-tenant", "t"),)

FROM_ENVIRONMENT: list[tuple[str, dict[str, str], Destination]] = [
    ("nothing", {}, LOCAL),
    ("url", {"TCC_URL": "https://b.example"}, Destination(B, Source.OURS)),
    ("full url", {"TCC_URL": f"{B}?x=1"}, Destination(f"{B}?x=1", Source.OURS)),
    (
        "verbatim url",
        {"TCC_TRACES_URL": "https://b.example/x"},
        Destination("https://b.example/x", Source.OURS),
    ),
    (
        "verbatim over completed",
        {"TCC_TRACES_URL": "https://b.example/x", "TCC_URL": "https://c.example"},
        Destination("https://b.example/x", Source.OURS),
    ),
    ("url and key", {"TCC_URL": "https://b.example", "TCC_API_KEY": KEY}, Destination(B, Source.OURS, KEY)),
    (
        "url and dev key",
        {"TCC_URL": "https://b.example", "TCC_API_KEY": DEV_KEY},
        Destination(B, Source.OURS, DEV_KEY),
    ),
    ("key", {"TCC_API_KEY": KEY}, Destination(PLATFORM, Source.PLATFORM, KEY)),
    ("dev key", {"TCC_API_KEY": DEV_KEY}, Destination(PLATFORM_DEV, Source.PLATFORM, DEV_KEY)),
    ("key with white space", {"TCC_API_KEY": f" {KEY}\n"}, Destination(PLATFORM, Source.PLATFORM, KEY)),
    (
        "url and headers",
        {"TCC_URL": "https://b.example", "TCC_HEADERS": "x-tenant=t"},
        Destination(B, Source.OURS, None, TENANT),
    ),
    (
        "key and headers",
        {"TCC_API_KEY": KEY, "TCC_HEADERS": "x-tenant=t"},
        Destination(PLATFORM, Source.PLATFORM, KEY, TENANT),
    ),
    (
        "otel endpoint",
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "https://b.example"},
        Destination(B, Source.OTEL),
    ),
    (
        "otel traces endpoint, verbatim",
        {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://b.example/x"},
        Destination("https://b.example/x", Source.OTEL),
    ),
    (
        "otel traces endpoint over endpoint",
        {
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://b.example/x",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "https://c.example",
        },
        Destination("https://b.example/x", Source.OTEL),
    ),
    (
        "otel headers",
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "https://b.example", "OTEL_EXPORTER_OTLP_HEADERS": "x-tenant=t"},
        Destination(B, Source.OTEL, None, TENANT),
    ),
    (
        "otel headers without otel endpoint",
        {"OTEL_EXPORTER_OTLP_HEADERS": f"authorization={SECRET}"},
        LOCAL,
    ),
    (
        "ours over otel, without its headers",
        {
            "TCC_URL": "https://b.example",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "https://c.example",
            "OTEL_EXPORTER_OTLP_HEADERS": f"authorization={SECRET}",
        },
        Destination(B, Source.OURS),
    ),
    (
        "the platform over otel, without its headers",
        {
            "TCC_API_KEY": KEY,
            "OTEL_EXPORTER_OTLP_ENDPOINT": "https://c.example",
            "OTEL_EXPORTER_OTLP_TRACES_HEADERS": f"authorization={SECRET}",
        },
        Destination(PLATFORM, Source.PLATFORM, KEY),
    ),
]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [(variables, expected) for _, variables, expected in FROM_ENVIRONMENT],
    ids=[name for name, _, _ in FROM_ENVIRONMENT],
)
def test_destinations_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    variables: dict[str, str],
    expected: Destination,
) -> None:
    """The environment names one destination, with the key and the headers that belong to it, in silence."""
    set_all(monkeypatch, variables)
    assert load().destination == expected
    assert warnings(caplog) == []


def test_the_same_origin_by_another_route_keeps_otel_headers_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Headers of OTEL_* travel only when the destination came from OTEL_*, not when a run names its URL."""
    set_all(
        monkeypatch,
        {
            "OTEL_EXPORTER_OTLP_ENDPOINT": "https://b.example",
            "OTEL_EXPORTER_OTLP_HEADERS": f"authorization={SECRET}",
        },
    )
    assert load(tcc_url="https://b.example").destination == Destination(B, Source.OURS)


FROM_ARGUMENTS: list[tuple[str, dict[str, str], dict[str, Any], Destination]] = [
    ("url", {}, {"tcc_url": "https://b.example"}, Destination(B, Source.OURS)),
    (
        "traces url",
        {},
        {"traces_url": "https://b.example/x"},
        Destination("https://b.example/x", Source.OURS),
    ),
    ("key", {}, {"api_key": KEY}, Destination(PLATFORM, Source.PLATFORM, KEY)),
    ("dev key", {}, {"api_key": DEV_KEY}, Destination(PLATFORM_DEV, Source.PLATFORM, DEV_KEY)),
    ("both", {}, {"api_key": KEY, "tcc_url": "https://b.example"}, Destination(B, Source.OURS, KEY)),
    ("empty ones", {}, {"api_key": "", "tcc_url": ""}, LOCAL),
    (
        "key for the url of the environment",
        {"TCC_URL": "https://b.example", "TCC_API_KEY": "other"},
        {"api_key": KEY},
        Destination(B, Source.OURS, KEY),
    ),
    (
        "url of the environment's own origin",
        {"TCC_URL": "https://b.example", "TCC_API_KEY": KEY},
        {"tcc_url": "https://b.example/v1/traces"},
        Destination(B, Source.OURS, KEY),
    ),
    (
        "headers",
        {},
        {"tcc_url": "https://b.example", "headers": {"X-Tenant": "t"}},
        Destination(B, Source.OURS, None, TENANT),
    ),
    (
        "headers beside those of the environment",
        {"TCC_URL": "https://b.example", "TCC_HEADERS": "x-tenant=old,x-other=1"},
        {"headers": {"x-tenant": "t"}},
        Destination(B, Source.OURS, None, (("x-tenant", "t"), ("x-other", "1"))),
    ),
    (
        "headers of the environment for a url that only an argument names",
        {"TCC_HEADERS": "x-tenant=t"},
        {"tcc_url": "https://b.example"},
        Destination(B, Source.OURS, None, TENANT),
    ),
    (
        "headers of the environment for a key that only an argument names",
        {"TCC_HEADERS": "x-tenant=t"},
        {"api_key": KEY},
        Destination(PLATFORM, Source.PLATFORM, KEY, TENANT),
    ),
]


@pytest.mark.parametrize(
    ("variables", "arguments", "expected"),
    [(variables, arguments, expected) for _, variables, arguments, expected in FROM_ARGUMENTS],
    ids=[name for name, _, _, _ in FROM_ARGUMENTS],
)
def test_destinations_of_arguments(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    variables: dict[str, str],
    arguments: dict[str, Any],
    expected: Destination,
) -> None:
    """Arguments win over the environment, which completes them; nothing is said about it."""
    set_all(monkeypatch, variables)
    assert load(**arguments).destination == expected
    assert warnings(caplog) == []


def test_the_key_of_the_environment_stays_with_its_origin(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A URL argument of another origin gets neither key nor headers of the environment, and one warning."""
    set_all(
        monkeypatch,
        {"TCC_URL": "https://a.example", "TCC_API_KEY": KEY, "TCC_HEADERS": f"x-api-key={SECRET}"},
    )
    assert load(tcc_url="https://b.example").destination == Destination(B, Source.OURS)
    assert len(warnings(caplog)) == 1
    assert SECRET not in warnings(caplog)[0]


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
    ("TCC_CAPTURE_CONTENT", "perhaps"),
    ("TCC_DISABLED", "perhaps"),
    ("OTEL_SDK_DISABLED", "perhaps"),
    ("TCC_DEBUG", "perhaps"),
    ("TCC_ALLOW_INSECURE", "perhaps"),
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


def test_a_bad_url_does_not_send_its_key_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key of a collector whose URL cannot be read stays at home: it was not given to the platform."""
    set_all(monkeypatch, {"TCC_URL": "collector.internal:4318", "TCC_API_KEY": "key-of-our-collector"})
    assert load().destination == LOCAL


def test_otel_over_grpc_is_not_spoken(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An OTEL endpoint for gRPC is no destination of ours, and one warning says what to do."""
    set_all(
        monkeypatch,
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://b.example:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
    )
    assert load().destination == LOCAL
    assert len(warnings(caplog)) == 1


FLAGS = [
    ("capture_content", "TCC_CAPTURE_CONTENT", True),
    ("disabled", "TCC_DISABLED", False),
    ("debug", "TCC_DEBUG", False),
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
    ({"api_key": "a\nb"}, "api_key"),
    ({"headers": {"a b": "1"}}, "headers"),
    ({"headers": {"a": "1\r\nx: 2"}}, "headers"),
    ({"headers": {"a": "ж"}}, "headers"),
    ({"headers": {"a": 1}}, "headers"),
    ({"foreign_parent": "sibling"}, "foreign_parent"),
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
        api_key=KEY, tcc_url=f"https://joe:{SECRET}@b.example?t={SECRET}", headers={"x-api-key": SECRET}
    )
    assert SECRET not in repr(settings)
    assert "https://b.example/v1/traces" in repr(settings)
