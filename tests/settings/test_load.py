"""Which destination arguments and environment name together, and which key and headers go there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from contextcompany.settings.destination import Destination, Source
from contextcompany.settings.settings import load

if TYPE_CHECKING:
    from collections.abc import Mapping

PLATFORM = "https://api.thecontext.company/v1/traces"
PLATFORM_DEV = "https://dev.thecontext.company/v1/traces"
SECRET = "hunter22"
KEY = f"service_{SECRET}{SECRET}"
DEV_KEY = f"dev_{SECRET}{SECRET}"

LOCAL = Destination("http://localhost:4318/v1/traces", Source.LOCAL)
B = "https://b.example/v1/traces"
TENANT = (("x-tenant", "t"),)


def set_all(monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, str]) -> None:
    """Set environment variables for one test."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the warnings so far."""
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


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


@pytest.mark.parametrize(
    "wrong",
    [
        {"capture_content": "false"},
        {"disabled": "false"},
        {"allow_insecure": 1},
        {"debug": "yes"},
        {"api_key": 5},
        {"tcc_url": 5},
        {"service_name": 3},
        {"headers": "a=b"},
        {"resource_attributes": [("a", 1)]},
        {"exporter": 3},
        {"tracer_provider": 3},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_arguments_of_another_type_raise_at_once(wrong: dict[str, Any]) -> None:
    """A setting of another type is a TypeError that names it: "false" as text must not mean true."""
    with pytest.raises(TypeError, match=next(iter(wrong))):
        load(**wrong)
