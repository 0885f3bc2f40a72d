"""The work of an agent, recorded, with every call to the package measured."""

from __future__ import annotations

from array import array
from time import perf_counter
from typing import TYPE_CHECKING, Any, NoReturn

import contextcompany as tcc

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.ledger import Ledger


class Load:
    """Record runs with a step and a tool call each.

    Attributes:
        ledger: where each span is noted before it is started or ended.
        latencies: seconds that each call to the package took.
    """

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.latencies = array("d")

    def run(self, size: int = 100, *, poisoned: bool = False) -> None:
        """Record one run.

        Args:
            size: characters of each text.
            poisoned: whether the run's own span is one that a collector may hate.
        """
        call = self._call
        text = "x" * size
        run = self._started(call(tcc.run))
        call(run.prompt, text, system_prompt="Answer in one word.")
        if poisoned:
            call(run.metadata, note="poison")
        step = self._started(call(run.step))
        call(step.prompt, text)
        call(step.response, text)
        call(step.model, "gpt-4o-mini", "gpt-4o-mini-2024-07-18")
        call(step.tokens, 100, 20, 30)
        tool = self._started(call(step.tool_call, "search"))
        call(tool.args, {"query": "weather", "limit": 3})
        call(tool.result, {"hits": [text]})
        self._ended(tool)
        self._ended(step)
        call(run.response, text)
        self._ended(run)

    def open(self) -> tuple[Any, Any]:
        """Leave a run and a step open."""
        run = self._started(tcc.run())
        run.prompt("This is never answered.")
        step = self._started(run.step())
        step.prompt("Nor is this.")
        return run, step

    def crash(self, error: Exception) -> NoReturn:
        """Raise in the middle of a run and a step."""
        with tcc.run() as run:
            self._started(run)
            run.prompt("What goes wrong?")
            with run.step() as step:
                self._started(step)
                raise error

    def _call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        began = perf_counter()
        result = function(*args, **kwargs)
        self.latencies.append(perf_counter() - began)
        return result

    def _started(self, handle: Any) -> Any:
        span = handle.span.get_span_context()
        if span.is_valid:  # while the package shuts down, nothing more is recorded
            self.ledger.started(f"{span.span_id:016x}")
        return handle

    def _ended(self, handle: Any) -> None:
        span = handle.span.get_span_context()
        if span.is_valid:
            self.ledger.ends(f"{span.span_id:016x}")
        self._call(handle.end)
