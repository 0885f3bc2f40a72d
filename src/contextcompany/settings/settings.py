"""The one frozen object that arguments and environment become."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final, Literal

from contextcompany.settings import arguments, environment
from contextcompany.settings import destination as places
from contextcompany.settings.dashboard import dashboard_address

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from opentelemetry.trace import TracerProvider

    from contextcompany.sdk import SpanExporter
    from contextcompany.settings.destination import Destination

_LONGEST_WAIT: Final = 1_000_000.0
# What other programs of a machine read, where its network has certificates of its own.
_TRUST_VARIABLES: Final = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")

ForeignParent = Literal["parent", "link"]
RedactSecrets = Literal["errors", "all"]
Redact = Callable[[str, str], str]
"""A function that gets each text with the name of its attribute and returns what may leave."""


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
        sample_rate: the share of runs that is recorded, from 0 to 1.
        keep_errors: whether runs beyond that share are recorded too, and delivered if they fail.
        run_timeout: seconds after which a run that was never ended is closed, or None.
        service_name: `service.name` of our own resource, or None for OTEL_SERVICE_NAME.
        resource_attributes: further attributes of our own resource.
        debug: whether debug lines are logged.
        redact: the user's hook over each recorded text, or None.
        redact_secrets: where the built-in secret patterns apply: errors alone, or every text.
        on_sigterm: whether SIGTERM delivers what waits before the previous handler is called.
        spool: whether what cannot be delivered is kept on disk.
        spool_dir: the folder for that, absolute, or None for one under the user's state directory.
        proxies: whether the proxies that the environment names are used.
        ca_bundle: a file or folder of certificates to trust instead of the usual ones, or None.
        dashboard_url: where people look at runs, or None for the dashboard of the local collector.
    """

    destination: Destination
    tracer_provider: TracerProvider | None = field(default=None, repr=False)
    exporter: SpanExporter | None = field(default=None, repr=False)
    foreign_parent: ForeignParent = "parent"
    capture_content: bool = True
    disabled: bool = False
    sample_rate: float = 1.0
    keep_errors: bool = False
    run_timeout: float | None = None
    service_name: str | None = None
    resource_attributes: tuple[tuple[str, str], ...] = ()
    debug: bool = False
    # Not shown: what a hook closes over may be a key.
    redact: Redact | None = field(default=None, repr=False)
    redact_secrets: RedactSecrets = "errors"
    on_sigterm: bool = False
    spool: bool = True
    spool_dir: str | None = None
    proxies: bool = False
    ca_bundle: str | None = None
    dashboard_url: str | None = None

    @property
    def has_destination(self) -> bool:
        """Return whether somebody told this package where to send: a URL, a key or an exporter."""
        return self.exporter is not None or self.destination.is_ours


def content_is_captured() -> bool:
    """Return what the environment says of content capture (`TCC_CAPTURE_CONTENT`, default on).

    A value that cannot be read means off: whoever set it did not mean the default.
    """
    return environment.flag("TCC_CAPTURE_CONTENT", default=True, doubtful=False)


def texts_to_mask() -> RedactSecrets:
    """Return where the environment wants secrets masked (`TCC_REDACT_SECRETS`, default errors).

    A word that is not known means all: whoever set it did not mean the default.
    """
    return environment.word("TCC_REDACT_SECRETS", ("errors", "all"), default="errors", doubtful="all")


def share_of_runs() -> float:
    """Return the share of runs that the environment wants recorded (`TCC_SAMPLE_RATE`, default all)."""
    return environment.checked("TCC_SAMPLE_RATE", _share, 1.0)


def _share(text: str) -> float:
    try:
        return arguments.check_share("TCC_SAMPLE_RATE", float(text))
    except ValueError:
        raise ValueError(f"it must be a number from 0 to 1, but is {text!r}; set it to e.g. 0.1") from None


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
    sample_rate: float | None = None,
    keep_errors: bool | None = None,
    allow_insecure: bool | None = None,
    run_timeout: float | None = None,
    service_name: str | None = None,
    resource_attributes: Mapping[str, str] | None = None,
    debug: bool | None = None,
    redact: Redact | None = None,
    redact_secrets: RedactSecrets | None = None,
    on_sigterm: bool = False,
    spool: bool | None = None,
    spool_dir: str | os.PathLike[str] | None = None,
    proxies: bool | None = None,
    ca_bundle: str | os.PathLike[str] | None = None,
    dashboard_url: str | None = None,
) -> Settings:
    """Return the settings in force: each argument, else its environment variable, else the default.

    Raises:
        TypeError: for an argument of another type.
        ValueError: for an argument that is no URL, no header, no known word, no share, or no
            positive number.
    """
    arguments.check_word("foreign_parent", foreign_parent, ("parent", "link"))
    if redact_secrets is not None:
        arguments.check_word("redact_secrets", redact_secrets, ("errors", "all"))
    if traces_url is not None and tcc_url is not None:
        raise ValueError("tcc_url and traces_url name the same thing: got both; pass one of them")
    arguments.check_types(
        text={
            "api_key": api_key,
            "tcc_url": tcc_url,
            "traces_url": traces_url,
            "service_name": service_name,
            "dashboard_url": dashboard_url,
        },
        flags={
            "capture_content": capture_content,
            "disabled": disabled,
            "keep_errors": keep_errors,
            "allow_insecure": allow_insecure,
            "debug": debug,
            "on_sigterm": on_sigterm,
            "spool": spool,
            "proxies": proxies,
        },
        mappings={"headers": headers, "resource_attributes": resource_attributes},
        methods={"exporter": (exporter, "export"), "tracer_provider": (tracer_provider, "get_tracer")},
    )
    arguments.check_function("redact", redact, "(text, attribute name) -> text")
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
        url_name="tcc_url" if traces_url is None else "traces_url",
        headers=loose + arguments.checked_headers(headers or {}),
    )
    switched_off = disabled if disabled is not None else environment.flag("TCC_DISABLED", default=False)
    return Settings(
        destination=target,
        tracer_provider=tracer_provider,
        exporter=exporter,
        foreign_parent=foreign_parent,
        capture_content=content_is_captured() if capture_content is None else capture_content,
        disabled=switched_off or environment.flag("OTEL_SDK_DISABLED", default=False),
        sample_rate=(
            share_of_runs() if sample_rate is None else arguments.check_share("sample_rate", sample_rate)
        ),
        keep_errors=(
            environment.flag("TCC_KEEP_ERRORS", default=False) if keep_errors is None else keep_errors
        ),
        run_timeout=seconds("run_timeout", run_timeout),
        service_name=service_name,
        resource_attributes=tuple(
            (str(key), str(value)) for key, value in (resource_attributes or {}).items()
        ),
        debug=environment.flag("TCC_DEBUG", default=False) if debug is None else debug,
        redact=redact,
        redact_secrets=texts_to_mask() if redact_secrets is None else redact_secrets,
        on_sigterm=bool(on_sigterm),
        # A word that cannot be read means off: what was recorded is then on no disk.
        spool=environment.flag("TCC_SPOOL", default=True, doubtful=False) if spool is None else spool,
        spool_dir=arguments.path("spool_dir", spool_dir or environment.text("TCC_SPOOL_DIR")),
        proxies=environment.flag("TCC_PROXIES", default=False) if proxies is None else proxies,
        ca_bundle=_trusted(ca_bundle, target),
        dashboard_url=_dashboard(dashboard_url),
    )


def _dashboard(given: str | None) -> str | None:
    if given:
        return dashboard_address(given)
    read = partial(dashboard_address, name="TCC_DASHBOARD_URL")
    return environment.checked("TCC_DASHBOARD_URL", read, None)


def _trusted(ca_bundle: str | os.PathLike[str] | None, target: Destination) -> str | None:
    """Return the certificates to trust: those given, else what the environment names.

    Raises:
        ValueError: for a path that does not exist.
    """
    given = arguments.path("ca_bundle", ca_bundle)
    if given is not None:
        return arguments.existing("ca_bundle", given)
    otel = ("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE")
    variables = ("TCC_CA_BUNDLE", *(otel if target.source is places.Source.OTEL else ()), *_TRUST_VARIABLES)
    for name in variables:
        found = environment.checked(name, partial(arguments.existing, name), None)
        if found is not None:
            return found
    return None


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


def patience(name: str, value: float) -> float:
    """Check how long a caller waits, and cut it to what clocks can hold.

    Raises:
        ValueError: for anything but a number of seconds from 0 on.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
        raise ValueError(f"{name} must be a number of seconds from 0 on: got {value!r}; pass e.g. 5.0")
    return min(float(value), _LONGEST_WAIT)
