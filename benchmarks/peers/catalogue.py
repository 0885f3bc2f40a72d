"""Who is measured, in which environment, and what is known of each beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from benchmarks.peers.recorder import Recorder

_SDK: Final = (
    "opentelemetry.trace",
    "opentelemetry.sdk.trace",
    "opentelemetry.sdk.trace.export",
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
)


@dataclass(frozen=True, slots=True)
class Peer:
    """One way to record a run.

    Attributes:
        name: what tables call it.
        adapter: its module in `benchmarks.peers.adapters`.
        environment: the folder in `.venvs` that it is installed in.
        distribution: whose version tables tell.
        imports: what an application imports of it; empty where another peer has the same.
        spans_per_run: how many spans, or requests of its own kind, come of a run.
        is_blocking: whether the caller waits for each delivery; such a peer records fewer runs where that
            would take hours.
        keeps_on_disk: whether what a process could not deliver waits on disk for the next one.
        delivers: whether spans go anywhere at all.
    """

    name: str
    adapter: str
    environment: str
    distribution: str
    imports: tuple[str, ...] = ()
    spans_per_run: int = 6
    is_blocking: bool = False
    keeps_on_disk: bool = False
    delivers: bool = True

    def setup(self, url: str) -> Recorder:
        """Set the library up in this process, to send to a collector with this base URL."""
        recorder: Recorder = import_module(f"benchmarks.peers.adapters.{self.adapter}").setup(url)
        return recorder


RAW: Final = Peer("raw", "raw", "peer-contextcompany-otel", "opentelemetry-sdk", _SDK)
QUIET: Final = Peer("raw, nothing sent", "raw_noop", RAW.environment, RAW.distribution, delivers=False)
OURS: Final = Peer(
    "contextcompany-otel",
    "ours",
    "peer-contextcompany-otel",
    "contextcompany-otel",
    ("contextcompany",),
    keeps_on_disk=True,
)
PEERS: Final = (
    RAW,
    Peer("raw + JSON messages", "raw_json", RAW.environment, RAW.distribution),
    QUIET,
    OURS,
    Peer("traceloop-sdk", "traceloop", "peer-traceloop-sdk", "traceloop-sdk", ("traceloop.sdk",)),
    Peer(
        "opentelemetry-util-genai",
        "util_genai",
        "peer-opentelemetry-util-genai",
        "opentelemetry-util-genai",
        ("opentelemetry.util.genai.handler",),
    ),
    Peer(
        "openinference",
        "openinference",
        "peer-openinference-instrumentation",
        "openinference-instrumentation",
        ("openinference.instrumentation",),
    ),
    Peer("langfuse", "langfuse_sdk", "peer-langfuse", "langfuse", ("langfuse",)),
    Peer("mlflow-tracing", "mlflow_tracing", "peer-mlflow-tracing", "mlflow-tracing", ("mlflow",)),
    Peer("logfire", "logfire_sdk", "peer-logfire", "logfire", ("logfire",)),
    Peer("lmnr", "lmnr_sdk", "peer-lmnr", "lmnr", ("lmnr",)),
    Peer(
        "contextcompany (the original)",
        "original",
        "older",
        "contextcompany",
        ("contextcompany",),
        is_blocking=True,
    ),
)


def peer(name: str) -> Peer:
    """Return the peer whose name or adapter this is; ValueError where there is none."""
    for candidate in PEERS:
        if name in (candidate.name, candidate.adapter):
            return candidate
    known = ", ".join(candidate.adapter for candidate in PEERS)
    raise ValueError(f"there is no peer {name!r}: choose of {known}")
