"""See what AI agents do: runs, steps and tool calls as OpenTelemetry spans.

Importing this package loads nothing of OpenTelemetry; a public name loads what it needs when it is
first used (PEP 562).
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from contextcompany.imports import gate

if TYPE_CHECKING:
    from contextcompany.agents.agent import Agent
    from contextcompany.agents.asking import model
    from contextcompany.agents.wrapping import agent
    from contextcompany.context.current import ContextThreadPoolExecutor, current_context
    from contextcompany.context.run_context import FrozenRunContext, RunContext
    from contextcompany.context.tool import tool
    from contextcompany.delivery.spans.processor import RunSpanProcessor
    from contextcompany.integrations.asgi import ASGIMiddleware
    from contextcompany.integrations.collecting.collection import Collection, collect
    from contextcompany.integrations.collecting.handing_out import tracer_provider
    from contextcompany.integrations.wsgi import WSGIMiddleware
    from contextcompany.recording.handles.attaching import attach
    from contextcompany.recording.handles.feedback import submit_feedback, submit_feedback_async
    from contextcompany.recording.handles.run import Run
    from contextcompany.recording.handles.runs import current_run, run
    from contextcompany.recording.handles.step import Step
    from contextcompany.recording.handles.steps import step
    from contextcompany.recording.handles.tool_call import ToolCall
    from contextcompany.recording.handles.tool_calls import tool_call
    from contextcompany.recording.places.ambient import identity
    from contextcompany.recording.places.injecting import inject
    from contextcompany.runtime.control import configure, flush, shutdown, stats
    from contextcompany.runtime.results import FlushResult, Stats

    __version__: str

__all__ = [
    "ASGIMiddleware",
    "Agent",
    "Collection",
    "ContextThreadPoolExecutor",
    "FlushResult",
    "FrozenRunContext",
    "Run",
    "RunContext",
    "RunSpanProcessor",
    "Stats",
    "Step",
    "ToolCall",
    "WSGIMiddleware",
    "__version__",
    "agent",
    "attach",
    "collect",
    "configure",
    "current_context",
    "current_run",
    "flush",
    "identity",
    "inject",
    "model",
    "run",
    "shutdown",
    "stats",
    "step",
    "submit_feedback",
    "submit_feedback_async",
    "tool",
    "tool_call",
    "tracer_provider",
]

_HOMES = {
    "ASGIMiddleware": "contextcompany.integrations.asgi",
    "Agent": "contextcompany.agents.agent",
    "Collection": "contextcompany.integrations.collecting.collection",
    "ContextThreadPoolExecutor": "contextcompany.context.current",
    "FlushResult": "contextcompany.runtime.results",
    "FrozenRunContext": "contextcompany.context.run_context",
    "Run": "contextcompany.recording.handles.run",
    "RunContext": "contextcompany.context.run_context",
    "RunSpanProcessor": "contextcompany.delivery.spans.processor",
    "Stats": "contextcompany.runtime.results",
    "Step": "contextcompany.recording.handles.step",
    "ToolCall": "contextcompany.recording.handles.tool_call",
    "WSGIMiddleware": "contextcompany.integrations.wsgi",
    "agent": "contextcompany.agents.wrapping",
    "attach": "contextcompany.recording.handles.attaching",
    "collect": "contextcompany.integrations.collecting.collection",
    "configure": "contextcompany.runtime.control",
    "current_context": "contextcompany.context.current",
    "current_run": "contextcompany.recording.handles.runs",
    "flush": "contextcompany.runtime.control",
    "identity": "contextcompany.recording.places.ambient",
    "inject": "contextcompany.recording.places.injecting",
    "model": "contextcompany.agents.asking",
    "run": "contextcompany.recording.handles.runs",
    "shutdown": "contextcompany.runtime.control",
    "stats": "contextcompany.runtime.control",
    "step": "contextcompany.recording.handles.steps",
    "submit_feedback": "contextcompany.recording.handles.feedback",
    "submit_feedback_async": "contextcompany.recording.handles.feedback",
    "tool": "contextcompany.context.tool",
    "tool_call": "contextcompany.recording.handles.tool_calls",
    "tracer_provider": "contextcompany.integrations.collecting.handing_out",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is not None:
        # A fork while another thread is in here would leave the module locked in the child.
        with gate:
            from importlib import import_module

            value = getattr(import_module(home), name)
    elif name == "__version__":
        from contextcompany.version import VERSION

        value = VERSION
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _warn_of_namesake() -> None:
    """Warn once where the registry's original distribution, which has the same import name, is installed."""
    for folder in sys.path:
        try:
            entries = os.listdir(folder or ".")  # noqa: PTH208  (pathlib would double the import time)
        except OSError:
            continue
        if any(entry.startswith("contextcompany-") and entry.endswith(".dist-info") for entry in entries):
            import warnings

            warnings.warn(
                "the distributions contextcompany and contextcompany-otel are both installed and share "
                "an import name, so which one is imported is chance: pip uninstall both, "
                "then install contextcompany-otel",
                RuntimeWarning,
                stacklevel=2,
            )
            return


_warn_of_namesake()
