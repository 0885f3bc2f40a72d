"""Which settings the environment puts in force, and where each comes from; never a key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from contextcompany.cli.doctor.findings import SettingLine
from contextcompany.settings import environment
from contextcompany.settings.destination import Source, traces_url
from contextcompany.settings.settings import load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contextcompany.settings.destination import Destination
    from contextcompany.settings.settings import Settings

DEFAULT: Final = "default"

_OURS: Final = ("TCC_TRACES_URL", "TCC_URL")
_OTEL: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_KEY: Final = "TCC_API_KEY"
_HEADERS: Final = {
    Source.OURS: ("TCC_HEADERS",),
    Source.PLATFORM: ("TCC_HEADERS",),
    Source.OTEL: ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"),
    Source.LOCAL: (),
}
_CERTIFICATES: Final = (
    "TCC_CA_BUNDLE",
    "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_CERTIFICATE",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
)
# The field of the settings, and the variables that may have set it.
_FIELDS: Final = (
    ("capture_content", ("TCC_CAPTURE_CONTENT",)),
    ("disabled", ("TCC_DISABLED", "OTEL_SDK_DISABLED")),
    ("sample_rate", ("TCC_SAMPLE_RATE",)),
    ("keep_errors", ("TCC_KEEP_ERRORS",)),
    ("redact_secrets", ("TCC_REDACT_SECRETS",)),
    ("spool", ("TCC_SPOOL",)),
    ("spool_dir", ("TCC_SPOOL_DIR",)),
    ("proxies", ("TCC_PROXIES",)),
    ("ca_bundle", _CERTIFICATES),
    ("dashboard_url", ("TCC_DASHBOARD_URL",)),
    ("debug", ("TCC_DEBUG",)),
)
# What OpenTelemetry reads by itself.
_RESOURCE: Final = (
    ("service_name", "OTEL_SERVICE_NAME"),
    ("resource_attributes", "OTEL_RESOURCE_ATTRIBUTES"),
)


def settings_in_force() -> tuple[Settings, tuple[SettingLine, ...]]:
    """Return what `configure()` without arguments puts in force, and each setting as it may be shown.

    Warnings about variables that cannot be read are logged, as they are for an application.
    """
    settings = load()
    destination = settings.destination
    lines = [
        SettingLine("destination", destination.shown, _source_of(destination)),
        _key_line(destination),
        _headers_line(destination),
        SettingLine(
            "allow_insecure",
            _text(destination.allow_insecure),
            _first_set(("TCC_ALLOW_INSECURE",)) or DEFAULT,
        ),
    ]
    for name, variables in _FIELDS:
        value: object = getattr(settings, name)
        by_default = value is None or value == _DEFAULTS.get(name)
        source = _first_set(variables) or DEFAULT
        if name == "ca_bundle":
            # Of several the first that names something that exists.
            source = next((one for one in variables if value and environment.text(one) == value), source)
        if source != DEFAULT and by_default and _is_said_otherwise(name, source):
            source = f"{DEFAULT}, as {source} cannot be used"
        lines.append(SettingLine(name, _text(value), source))
    for name, variable in _RESOURCE:
        found = environment.text(variable)
        shown = found if name == "service_name" else _names_in(found)
        lines.append(SettingLine(name, shown or "not set", DEFAULT if found is None else variable))
    return settings, tuple(lines)


def _source_of(destination: Destination) -> str:
    if destination.source is Source.LOCAL:
        unusable = _first_set(_OURS)
        return DEFAULT if unusable is None else f"{DEFAULT}, as {unusable} cannot be used"
    if destination.source is Source.PLATFORM:
        return f"{DEFAULT} for {_KEY}"
    names = _OURS if destination.source is Source.OURS else _OTEL
    for name, is_verbatim in zip(names, (True, False), strict=True):
        value = environment.text(name)
        try:
            if value is not None and traces_url(value, verbatim=is_verbatim)[0] == destination.url:
                return name
        except ValueError:
            continue
    return names[-1]


def _key_line(destination: Destination) -> SettingLine:
    said = environment.text(_KEY)
    if destination.key is not None:
        return SettingLine("api_key", f"set, {len(destination.key):,} characters", _KEY)
    if said is not None:
        return SettingLine("api_key", f"set, {len(said):,} characters, and not used", _KEY)
    return SettingLine("api_key", "not set", DEFAULT)


def _headers_line(destination: Destination) -> SettingLine:
    names = ", ".join(name for name, _ in destination.headers)
    variable = _first_set(_HEADERS[destination.source])
    return SettingLine("headers", names or "none", (variable or "the URL") if names else DEFAULT)


def _first_set(variables: Sequence[str]) -> str | None:
    return next((name for name in variables if environment.text(name) is not None), None)


def _is_said_otherwise(name: str, variable: str) -> bool:
    """Tell whether a variable that is set does not say what is in force, which is the default."""
    said = (environment.text(variable) or "").lower()
    default = _DEFAULTS.get(name)
    if isinstance(default, bool):
        return said not in ({"1", "true", "yes", "on"} if default else {"0", "false", "no", "off"})
    if isinstance(default, float):
        try:
            return float(said) != default
        except ValueError:
            return True
    return said != default


def _text(value: object) -> str:
    if value is None:
        return "not set"
    return value if isinstance(value, str) else json.dumps(value)


def _names_in(pairs: str | None) -> str:
    # Values may hold anything.
    return ", ".join(filter(None, (pair.partition("=")[0].strip() for pair in (pairs or "").split(","))))


_DEFAULTS: Final[dict[str, object]] = {
    "capture_content": True,
    "disabled": False,
    "sample_rate": 1.0,
    "keep_errors": False,
    "redact_secrets": "errors",
    "spool": True,
    "proxies": False,
    "debug": False,
}
