"""The functions by which an application steers this package: configure, flush, shutdown, stats."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contextcompany.runtime.process import process
from contextcompany.settings import settings as settings_room

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from opentelemetry.trace import TracerProvider

    from contextcompany.runtime.results import FlushResult, Stats
    from contextcompany.sdk import SpanExporter
    from contextcompany.settings.settings import ForeignParent, Redact, RedactSecrets


def configure(
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
) -> None:
    """Say what is recorded and where it goes, for the runs that start from now on.

    May be called again: each call states the whole configuration, and open runs keep theirs. What
    is left out comes from the environment, then from the defaults.

    Args:
        api_key: the platform's key, or your collector's bearer token (`TCC_API_KEY`).
        tcc_url: your collector; `/v1/traces` is appended where it is missing (`TCC_URL`).
        traces_url: the same, taken verbatim (`TCC_TRACES_URL`).
        headers: further headers for that destination (added to `TCC_HEADERS`).
        tracer_provider: make spans by the application's own provider.
        exporter: give spans to this `opentelemetry.sdk.trace.export.SpanExporter` instead.
        foreign_parent: `"parent"` keeps the trace of the application's span around a root run,
            `"link"` gives the run a trace of its own that links to it.
        capture_content: False leaves out prompts, responses, tool arguments and results
            (`TCC_CAPTURE_CONTENT`, default true).
        disabled: True records nothing (`TCC_DISABLED`, `OTEL_SDK_DISABLED`).
        sample_rate: the share of runs that is recorded, from 0 to 1, decided by the run's id
            (`TCC_SAMPLE_RATE`, default 1).
        keep_errors: True records the other runs too, holds them back, and delivers those that fail
            (`TCC_KEEP_ERRORS`, default false).
        allow_insecure: True lets keys travel in clear text to another machine
            (`TCC_ALLOW_INSECURE`).
        run_timeout: seconds after which a run that was never ended is closed; None for never.
        service_name: `service.name` of the resource (`OTEL_SERVICE_NAME`).
        resource_attributes: further attributes of the resource (`OTEL_RESOURCE_ATTRIBUTES`).
        debug: True logs debug lines on the logger `contextcompany` (`TCC_DEBUG`).
        redact: a function `(text, attribute name) -> text` over each text of a span: prompts,
            responses, arguments, results, metadata, errors, feedback. In JSON it gets each text by
            itself, never the frame. A text for which it raises, or returns no text, becomes
            `[redaction failed]`. Called in a background thread; for spans of an application's
            provider in the thread that records.
        redact_secrets: `"errors"` masks keys and passwords in error messages and stack traces,
            `"all"` in every text, after `redact` (`TCC_REDACT_SECRETS`, default `"errors"`).
        on_sigterm: True delivers what waits at SIGTERM, then calls the handler that was set before.
        spool: False keeps nothing on disk of what cannot be delivered (`TCC_SPOOL`, default on).
        spool_dir: the folder for that, else one under the user's state directory
            (`TCC_SPOOL_DIR`).
        proxies: True sends through the proxies that `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`
            name (`TCC_PROXIES`, default false).
        ca_bundle: a file or folder of certificates to trust (`TCC_CA_BUNDLE`, else
            `REQUESTS_CA_BUNDLE` or `SSL_CERT_FILE`, else the usual ones).
        dashboard_url: where people look at runs, for `run.url` (`TCC_DASHBOARD_URL`, default the
            dashboard of the local collector where spans go to this machine).

    Raises:
        TypeError: for an argument of another type.
        ValueError: for a URL that is none, an unusable header or key, a word that is not known, a
            rate outside of 0 to 1.
    """
    loaded = settings_room.load(
        api_key=api_key,
        tcc_url=tcc_url,
        traces_url=traces_url,
        headers=headers,
        tracer_provider=tracer_provider,
        exporter=exporter,
        foreign_parent=foreign_parent,
        capture_content=capture_content,
        disabled=disabled,
        sample_rate=sample_rate,
        keep_errors=keep_errors,
        allow_insecure=allow_insecure,
        run_timeout=run_timeout,
        service_name=service_name,
        resource_attributes=resource_attributes,
        debug=debug,
        redact=redact,
        redact_secrets=redact_secrets,
        on_sigterm=on_sigterm,
        spool=spool,
        spool_dir=spool_dir,
        proxies=proxies,
        ca_bundle=ca_bundle,
        dashboard_url=dashboard_url,
    )
    process.configure(loaded)


def flush(timeout: float = 5.0) -> FlushResult:
    """Send everything recorded so far and tell what became of it.

    Spans that the application's own provider makes are the business of its processors, and are only
    counted where a copy goes to a destination of ours.

    Args:
        timeout: seconds to wait at most.

    Raises:
        ValueError: for a timeout that is no number from 0 on.
    """
    return process.flush(settings_room.patience("timeout", timeout))


def shutdown(timeout: float = 2.0) -> FlushResult:
    """End open handles, send what waits, and record nothing more until `configure` is called.

    Args:
        timeout: seconds to wait at most.

    Raises:
        ValueError: for a timeout that is no number from 0 on.
    """
    return process.shutdown(settings_room.patience("timeout", timeout))


def stats() -> Stats:
    """Return what became of the spans of this process so far."""
    return process.stats()
