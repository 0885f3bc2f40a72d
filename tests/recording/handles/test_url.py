"""Where people look at a run: the address that handles give."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import contextcompany as tcc

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Record nothing for longer than a test: nothing listens where these runs would go."""
    yield
    tcc.shutdown(0)


def url_of_a_run(tcc_url: str | None = None, api_key: str | None = None) -> str | None:
    """Return what a run says, given these arguments."""
    handle = tcc.run("run/1 ü", tcc_url=tcc_url, api_key=api_key)
    try:
        return handle.url
    finally:
        handle.error("not needed")


def test_the_local_default_has_a_dashboard() -> None:
    """With nothing set, every handle of a run says where the local collector shows it."""
    tcc.configure()
    run = tcc.run("run/1 ü")
    step, call = run.step(), run.tool_call("search")
    expected = "http://localhost:4318/runs/run%2F1%20%C3%BC"
    assert [run.url, step.url, call.url, copy.copy(run).url] == [expected] * 4
    run.error("not needed")
    assert run.url == expected


@pytest.mark.parametrize(
    ("tcc_url", "expected"),
    [
        ("http://127.0.0.1:9", "http://127.0.0.1:9/runs/run%2F1%20%C3%BC"),
        ("https://collector.example", None),
    ],
)
def test_a_collector_elsewhere_has_none(tcc_url: str, expected: str | None) -> None:
    """Where spans go to another machine the address is not known, be that set for all runs or for one."""
    assert url_of_a_run(tcc_url=tcc_url, api_key="key") == expected
    tcc.configure(tcc_url=tcc_url, api_key="key")
    assert url_of_a_run() == expected


def test_a_dashboard_of_another_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """`dashboard_url` counts for all runs that go to the usual destination, and for no other."""
    monkeypatch.setenv("TCC_DASHBOARD_URL", "https://runs.example/team")
    tcc.configure(tcc_url="https://collector.example")
    assert url_of_a_run() == "https://runs.example/team/runs/run%2F1%20%C3%BC"
    assert url_of_a_run(tcc_url="https://collector.example:443/") == url_of_a_run()
    assert url_of_a_run(tcc_url="https://other.example") is None
    assert url_of_a_run(tcc_url="http://localhost:9") == "http://localhost:9/runs/run%2F1%20%C3%BC"


def test_runs_that_nobody_records_have_none() -> None:
    """What is switched off, or beyond the sample rate, is on no dashboard."""
    tcc.configure(disabled=True, dashboard_url="https://runs.example")
    assert url_of_a_run() is None
    tcc.configure(sample_rate=0.0, dashboard_url="https://runs.example")
    assert url_of_a_run() is None


def test_runs_that_others_deliver_have_none_unless_it_is_named() -> None:
    """An exporter, or the application's provider, sends where we cannot know."""
    tcc.configure(exporter=InMemorySpanExporter())
    assert url_of_a_run() is None
    provider = TracerProvider(shutdown_on_exit=False)
    tcc.configure(tracer_provider=provider)
    assert url_of_a_run() is None
    tcc.configure(tracer_provider=provider, dashboard_url="https://runs.example")
    assert url_of_a_run() == "https://runs.example/runs/run%2F1%20%C3%BC"
    tcc.configure(tracer_provider=provider, tcc_url="http://localhost:9")
    assert url_of_a_run() == "http://localhost:9/runs/run%2F1%20%C3%BC"
    assert trace.get_tracer_provider() is not provider
