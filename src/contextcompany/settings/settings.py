"""The one frozen object that arguments and environment become."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from contextcompany.settings import destination as places
from contextcompany.settings import environment

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider

    from contextcompany.sdk import SpanExporter
    from contextcompany.settings.destination import Destination, Headers

_LONGEST_WAIT: Final = 1_000_000.0

ForeignParent = Literal["parent", "link"]


@dataclass(frozen=True, slots=True)
class Settings:
    """What is recorded and where it goes; made by `load`, read everywhere, changed nowhere.

    Attributes:
        destination: the collector of runs that name none of their own.
        tracer_provider: the application's provider that spans are made by, or None for ours.
        exporter: takes the spans instead of the OTLP transport, or None.
        foreign_parent: what a root run does under an application's span.
        capture_content: whether prompts, responses, arguments and results are recorded.
        disabled: whether nothing is recorded at all.
        run_timeout: seconds after which a run that was never ended is closed, or None.
        service_name: `service.name` of our own resource, or None for OTEL_SERVICE_NAME.
        resource_attributes: further attributes of our own resource.
        debug: whether debug lines are logged.
    """

    destination: Destination
    tracer_provider: TracerProvider | None = field(default=None, repr=False)
    exporter: SpanExporter | None = field(default=None, repr=False)
    foreign_parent: ForeignParent = "parent"
    capture_content: bool = True
    disabled: bool = False
    run_timeout: float | None = None
    service_name: str | None = None
    resource_attributes: tuple[tuple[str, str], ...] = ()
    debug: bool = False

    @property
    def has_destination(self) -> bool:
        """Return whether somebody told this package where to send: a URL, a key or an exporter."""
        return self.exporter is not None or self.destination.is_ours


def content_is_captured() -> bool:
    """Return what the environment says of content capture (`TCC_CAPTURE_CONTENT`, default on).

    A value that cannot be read means off: whoever set it did not mean the default.
    """
    return environment.flag("TCC_CAPTURE_CONTENT", default=True, doubtful=False)


def load(
    *,
    api_key: str | None = None,
    tcc_url: str | None = None,
    traces_url: str | None = None,
    headers: Mapping[str, str] | None = None,
    tracer_provider: TracerProvider | None = None,
    exporter: SpanExporter | None = None,
    foreign_parent: ForeignParent = "parent",
    capture_content: bool | None = None,
    disabled: bool | None = None,
    allow_insecure: bool | None = None,
    run_timeout: float | None = None,
    service_name: str | None = None,
    resource_attributes: Mapping[str, str] | None = None,
    debug: bool | None = None,
) -> Settings:
    """Return the settings in force: each argument, else its environment variable, else the default.

    Raises:
        TypeError: for an argument of another type.
        ValueError: for an argument that is no URL, no header, no known word, or no positive number.
    """
    if foreign_parent not in ("parent", "link"):
        raise ValueError(f"foreign_parent must be 'parent' or 'link': got {foreign_parent!r}; choose one")
    if traces_url is not None and tcc_url is not None:
        raise ValueError("tcc_url and traces_url name the same thing: got both; pass one of them")
    _check_types(
        text={"api_key": api_key, "tcc_url": tcc_url, "traces_url": traces_url, "service_name": service_name},
        flags={
            "capture_content": capture_content,
            "disabled": disabled,
            "allow_insecure": allow_insecure,
            "debug": debug,
        },
        mappings={"headers": headers, "resource_attributes": resource_attributes},
        methods={"exporter": (exporter, "export"), "tracer_provider": (tracer_provider, "get_tracer")},
    )
    insecure = (
        allow_insecure
        if allow_insecure is not None
        else environment.flag("TCC_ALLOW_INSECURE", default=False)
    )
    base = places.from_environment(allow_insecure=insecure)
    # Headers of the environment belong to its destination; where it names none, to the one given here.
    loose = (
        environment.headers("TCC_HEADERS") if not base.is_ours and (api_key or tcc_url or traces_url) else ()
    )
    target = places.resolve(
        base,
        api_key=api_key or None,
        tcc_url=traces_url if traces_url is not None else (tcc_url or None),
        url_is_verbatim=traces_url is not None,
        headers=loose + _checked_headers(headers or {}),
    )
    switched_off = disabled if disabled is not None else environment.flag("TCC_DISABLED", default=False)
    return Settings(
        destination=target,
        tracer_provider=tracer_provider,
        exporter=exporter,
        foreign_parent=foreign_parent,
        capture_content=content_is_captured() if capture_content is None else capture_content,
        disabled=switched_off or environment.flag("OTEL_SDK_DISABLED", default=False),
        run_timeout=seconds("run_timeout", run_timeout),
        service_name=service_name,
        resource_attributes=tuple(
            (str(key), str(value)) for key, value in (resource_attributes or {}).items()
        ),
        debug=environment.flag("TCC_DEBUG", default=False) if debug is None else debug,
    )


def seconds(name: str, value: float | None) -> float | None:
    """Check a duration in seconds.

    Raises:
        ValueError: for anything but None or a positive finite number.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf"):
        raise ValueError(
            f"{name} must be a positive number of seconds: got {value!r}; pass e.g. 30.0 or None"
        )
    return float(value)


def _check_types(
    *,
    text: Mapping[str, object],
    flags: Mapping[str, object],
    mappings: Mapping[str, object],
    methods: Mapping[str, tuple[object, str]],
) -> None:
    """Raise TypeError for the first argument that is not what it must be; None is always allowed."""
    for group, kind, wanted in (
        (text, str, "text"),
        (flags, bool, "True, False"),
        (mappings, Mapping, "a dict"),
    ):
        for name, value in group.items():
            if value is not None and not isinstance(value, kind):
                raise TypeError(f"{name} must be {wanted} or None: got {type(value).__name__}; correct it")
    for name, (value, method) in methods.items():
        if value is not None and not callable(getattr(value, method, None)):
            raise TypeError(f"{name} must have {method}(): got {type(value).__name__}; pass such an object")


def patience(name: str, value: float) -> float:
    """Check how long a caller waits, and cut it to what clocks can hold.

    Raises:
        ValueError: for anything but a number of seconds from 0 on.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
        raise ValueError(f"{name} must be a number of seconds from 0 on: got {value!r}; pass e.g. 5.0")
    return min(float(value), _LONGEST_WAIT)


def _checked_headers(headers: Mapping[str, str]) -> Headers:
    pairs: list[tuple[str, str]] = []
    for key, value in headers.items():
        if not isinstance(key, str) or not isinstance(value, str) or not environment.is_header(key, value):
            # The value may be a key, so it is not said.
            raise ValueError(f"headers must be text without line breaks: got {key!r} with an unusable value")
        pairs.append((key.lower(), value))
    return tuple(pairs)
