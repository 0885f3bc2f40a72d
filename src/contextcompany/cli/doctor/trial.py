"""Does a run arrive: one is recorded and sent as an application's are, and looked up where it can be."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from contextcompany.cli.asking import ask
from contextcompany.cli.doctor.findings import Finding
from contextcompany.recording.handles.runs import run as start_run
from contextcompany.runtime.control import configure, flush, shutdown
from contextcompany.semconv import attributes
from contextcompany.settings.dashboard import run_address

if TYPE_CHECKING:
    from contextcompany.runtime.results import FlushResult
    from contextcompany.settings.settings import Settings

TOPIC: Final = "test run"
AGENT: Final = "tcc doctor"

_FLUSH_SECONDS: Final = 10.0
_CLOSE_SECONDS: Final = 1.0
_LOOK_SECONDS: Final = 3.0
_PAUSE_SECONDS: Final = 0.1
_FOUND: Final = 200


def trial(settings: Settings, dashboard: str | None) -> tuple[Finding, ...]:
    """Send a run and tell what became of it.

    Args:
        settings: what the environment puts in force.
        dashboard: scheme, host and port of the local collector, if it is what answers.
    """
    if settings.disabled:
        advice = "unset TCC_DISABLED and OTEL_SDK_DISABLED to record"
        return (Finding(TOPIC, "problem", "recording is switched off, so no run is sent", advice),)
    # On disk it would be a surprise to whoever sends it tomorrow; and it is to be sent whatever the share is.
    configure(spool=False, sample_rate=1.0, keep_errors=False)
    run_id = f"tcc-doctor-{uuid4().hex}"
    run = start_run(run_id=run_id)
    run.metadata({attributes.TCC_AGENT: AGENT})
    run.prompt("Does a test run arrive?")
    run.response("It does, if you can read this.")
    run.end()
    url = run.url
    result = flush(_FLUSH_SECONDS)
    shutdown(_CLOSE_SECONDS)
    if not result:
        return (_undelivered(result),)
    found = [Finding(TOPIC, "ok", f"a run was sent and confirmed: {run_id}")]
    if dashboard is not None:
        found.append(_looked_up(dashboard, run_id, url))
    if settings.sample_rate < 1:
        found.insert(0, _shared(settings))
    return tuple(found)


def _shared(settings: Settings) -> Finding:
    rate = settings.sample_rate
    what = f"{rate:.3g} of the runs" if rate else "no run"
    besides = ", beside those that fail" if settings.keep_errors else ""
    return Finding(
        TOPIC, "note", f"TCC_SAMPLE_RATE lets {what} be recorded{besides}; this one is sent all the same"
    )


def _undelivered(result: FlushResult) -> Finding:
    reason = result.last_error or ", ".join(result.dropped) or "no answer in time"
    # Mostly the reason says itself what to check.
    says_what_to_do = "check" in reason or "set TCC" in reason
    advice = "" if says_what_to_do else "docs/delivery.md tells what a collector's answers mean"
    return Finding(TOPIC, "problem", f"the run was not taken: {reason}", advice)


def _looked_up(dashboard: str, run_id: str, url: str | None) -> Finding:
    path = run_address("/api", run_id)
    deadline = time.monotonic() + _LOOK_SECONDS
    while True:
        answer = ask(dashboard, path)
        if answer is not None and answer.status == _FOUND:
            return Finding(TOPIC, "ok", f"it is there: {url or run_address(dashboard, run_id)}")
        described = ask(dashboard, "/api/openapi.json")
        if described is None or described.status != _FOUND:
            return Finding(TOPIC, "note", "the collector there runs inside a program and has no dashboard")
        if time.monotonic() > deadline:
            advice = "look at the output of tcc serve"
            return Finding(TOPIC, "problem", "the run was confirmed, and is not on the dashboard", advice)
        time.sleep(_PAUSE_SECONDS)
