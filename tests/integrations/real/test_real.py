"""Real instrumentations of a real client beside a real second backend: everybody gets their own."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from contextcompany.local.embedded.collector import Collector
from tests.integrations.real.server import MODEL, ScriptedServer

if TYPE_CHECKING:
    from contextcompany.local.otlp.spans import SpanRecord

PROGRAM = Path(__file__).with_name("application.py")
SCENES = ("chat", "stream", "tool", "fail")
LIBRARIES = ("openinference", "openllmetry", "openinference openllmetry")


@dataclass(frozen=True)
class Outcome:
    """What a program left behind: spans at the application's backend and at ours, headers, and its words."""

    application: tuple[SpanRecord, ...]
    ours: tuple[SpanRecord, ...]
    traceparents: tuple[str | None, ...]
    said: str

    @property
    def seen_of_the_application(self) -> list[tuple[Any, ...]]:
        """Return everything about the application's spans but times and the server's port."""
        return sorted(
            (
                span.trace_id,
                span.span_id,
                span.parent_span_id,
                span.name,
                span.kind,
                span.status_code,
                span.status_message,
                span.scope_name,
                {key: value for key, value in span.attributes.items() if key != "gen_ai.openai.api_base"},
                tuple((event.name, sorted(event.attributes)) for event in span.events),
            )
            for span in self.application
        )


def run(order: str, libraries: str, requests: int = 1, ratio: str | None = None, **more: str) -> Outcome:
    """Run the program to its end, with backends and a model of its own."""
    with Collector() as application, Collector() as ours, ScriptedServer() as server:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("TCC_", "OTEL_"))}
        environment = {
            **kept,
            "ORDER": order,
            "LIBRARIES": libraries,
            "REQUESTS": str(requests),
            "SCENES": " ".join(SCENES if ratio is None else ()),
            "MODEL_URL": server.url,
            "APP_URL": application.url,
            "TCC_URL": ours.url,
            "TCC_SPOOL": "false",
            "OTEL_EXPORTER_OTLP_ENDPOINT": application.url,
            **({} if ratio is None else {"RATIO": ratio}),
            **more,
        }
        command = [sys.executable, str(PROGRAM)]
        if order == "nobody" or "OTEL_PYTHON_CONFIGURATOR" in more:
            command.insert(0, str(Path(sys.executable).with_name("opentelemetry-instrument")))
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=50, check=False
        )
        assert done.returncode == 0, done.stderr
        return Outcome(application.store.spans(), ours.store.spans(), tuple(server.traceparents), done.stderr)


@lru_cache
def alone(libraries: str, requests: int = 1, ratio: str | None = None) -> Outcome:
    """Return what the same program leaves behind without us."""
    return run("alone", libraries, requests, ratio)


def tree(spans: tuple[SpanRecord, ...], trace_id: str) -> list[str]:
    """Return the spans of a trace with those above them; `?` for a parent that is not there."""
    by_id = {span.span_id: span for span in spans if span.trace_id == trace_id}

    def path(span: SpanRecord) -> str:
        if span.parent_span_id is None:
            return span.name
        above = by_id.get(span.parent_span_id)
        return f"{path(above) if above else '?'} > {span.name}"

    return [path(span) for span in sorted(by_id.values(), key=lambda span: span.start_ns)]


def assert_right(ours: tuple[SpanRecord, ...], libraries: str) -> None:
    """Hold that our tree has each request once, with all that the instrumentation knows of it."""
    bare = "openai.chat" if libraries.endswith("openllmetry") else "ChatCompletion"
    for run_id, steps in (("run-0", [*SCENES, "bare"]), ("run--1", list(SCENES))):
        spans = [span for span in ours if span.attributes["tcc.runId"] == run_id]
        (trace_id,) = {span.trace_id for span in spans}
        names = [
            "chat" if name == "fail" and libraries == "openinference" else "chat gpt-5" for name in SCENES
        ]
        top = tree(ours, trace_id)[0]
        expected = [f"{top} > {name}" for name in names] + [f"{top} > {bare}"] * (len(steps) > len(names))
        assert [path.replace(" gpt-5", "") for path in tree(ours, trace_id)] == [
            path.replace(" gpt-5", "") for path in (top, *expected)
        ]
        for span, scene in zip(sorted(spans, key=lambda span: span.start_ns)[1:], steps, strict=True):
            assert_request(span, scene)


def assert_request(span: SpanRecord, scene: str) -> None:
    """Hold that a span says what the model was asked and what it answered."""
    found = span.attributes
    assert found["gen_ai.operation.name"] == "chat"
    assert '"content":"be nice"' in str(found["gen_ai.input.messages"]).replace(": ", ":")
    assert f"please {scene}" in str(found["gen_ai.input.messages"])
    assert found["gen_ai.provider.name"] == "openai"
    if scene == "fail":
        assert span.status_code == "ERROR"
        assert "gen_ai.usage.input_tokens" not in found
        return
    assert span.status_code != "ERROR"
    assert found["gen_ai.request.model"] == "gpt-5"
    assert found["gen_ai.response.model"] == MODEL
    assert found["gen_ai.usage.input_tokens"] == 19
    assert found["gen_ai.usage.output_tokens"] == 7
    assert found["gen_ai.usage.cache_read.input_tokens"] == 4
    assert "tcc.cost" in found
    answer = str(found["gen_ai.output.messages"])
    assert ("search" in answer) if scene == "tool" else ("answer " in answer)


@pytest.mark.parametrize("libraries", LIBRARIES)
@pytest.mark.parametrize("order", ["application", "ours"])
def test_either_order(order: str, libraries: str) -> None:
    """Whoever sets up first, the application's spans and headers are as without us, and ours are right."""
    found, without = run(order, libraries), alone(libraries)
    assert found.seen_of_the_application == without.seen_of_the_application
    assert found.traceparents == without.traceparents
    assert without.ours == ()
    assert len(without.application) > 0
    assert not any(key.startswith("tcc.") for span in found.application for key in span.attributes)
    assert all("tcc.runId" in span.attributes for span in found.ours)
    assert_right(found.ours, libraries)


def test_one_in_a_hundred() -> None:
    """A sampler of 1 % takes as many traces with us as without us, and we record every run."""
    found, without = (
        run("application", "openllmetry", requests=100, ratio="0.01"),
        alone("openllmetry", 100, "0.01"),
    )
    assert len({span.trace_id for span in without.application}) == 1
    assert found.seen_of_the_application == without.seen_of_the_application
    assert found.traceparents == without.traceparents
    assert len([span for span in found.ours if span.name == "invoke_agent"]) == 100
    assert len([span for span in found.ours if span.name == "openai.chat"]) == 1


def test_opentelemetry_instrument(tmp_path: Path) -> None:
    """Under `opentelemetry-instrument`, which makes provider and instrumentation, nothing changes either."""
    folder = tmp_path / "shop_distro-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: shop-distro\nVersion: 1\n", encoding="utf-8"
    )
    (folder / "entry_points.txt").write_text(
        "[opentelemetry_configurator]\nshop = shop_distro:Configurator\n"
        "[opentelemetry_id_generator]\ncounting = shop_distro:CountingIds\n",
        encoding="utf-8",
    )
    (tmp_path / "shop_distro.py").write_text(
        "from opentelemetry.sdk._configuration import _OTelSDKConfigurator\n"
        "from opentelemetry.sdk.trace.id_generator import IdGenerator\n"
        "class Configurator(_OTelSDKConfigurator):\n    pass\n"
        "class CountingIds(IdGenerator):\n"
        "    traces = spans = 0\n"
        "    def generate_trace_id(self):\n        self.traces += 1\n        return self.traces\n"
        "    def generate_span_id(self):\n        self.spans += 1\n        return self.spans\n",
        encoding="utf-8",
    )
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    settings = {
        "PYTHONPATH": path,
        "OTEL_PYTHON_CONFIGURATOR": "shop",
        "OTEL_PYTHON_ID_GENERATOR": "counting",
        "OTEL_TRACES_EXPORTER": "otlp_proto_http",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_SERVICE_NAME": "shop",
    }
    both = "openinference openllmetry"
    found, without = run("nobody", both, 1, None, **settings), run("alone", both, 1, None, **settings)
    assert len(without.application) > 0
    assert found.seen_of_the_application == without.seen_of_the_application
    assert found.traceparents == without.traceparents
    names = {span.name for span in found.ours}
    assert "invoke_agent" in names
    assert all("tcc.runId" in span.attributes for span in found.ours)


@pytest.mark.parametrize("libraries", LIBRARIES)
def test_a_program_without_tracing(libraries: str) -> None:
    """With our provider the same trees come out where there is no other, and requests carry our trace."""
    found = run("handed out", libraries)
    assert found.application == ()
    assert_right(found.ours, libraries)
    traces = {span.trace_id for span in found.ours}
    carried = {header.split("-")[1] for header in found.traceparents if header is not None}
    assert len(found.traceparents) == 9
    assert carried == traces
