"""contextcompany-otel."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from tests.conformance.adapter import Adapter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from concurrent.futures import ThreadPoolExecutor
    from contextlib import AbstractContextManager


class Contextcompany(Adapter):
    """This package."""

    distribution = "contextcompany-otel"
    means: ClassVar[Mapping[str, str]] = {
        "setup": "`tcc.configure(tcc_url=…)`",
        "run": "`with tcc.run()`",
        "step": "`with tcc.step()`",
        "decorate": "`@tcc.agent`",
        "propagate": "`run.wrap(function)`",
        "executor": "`tcc.ContextThreadPoolExecutor`",
        "inject": "`tcc.inject()`",
        "attach": "`with tcc.attach(carrier)`",
    }
    keeps_on_disk = True
    remark = (
        "What it could not deliver in the two seconds that it takes of an exit waits on disk, and counts as "
        "arrived once the next process has delivered it; that happens where this machine is very busy."
    )

    def setup(self, url: str) -> None:
        """See `Adapter`."""
        import contextcompany as tcc

        tcc.configure(tcc_url=url)

    @contextmanager
    def run(self, name: str) -> Iterator[object]:
        """See `Adapter`."""
        import contextcompany as tcc

        with tcc.run(run_id=name) as run:
            run.metadata({"tcc.agent": name}).prompt("a question").response("an answer")
            yield run

    @contextmanager
    def step(self, name: str) -> Iterator[object]:
        """See `Adapter`."""
        import contextcompany as tcc

        with tcc.step(step_id=name) as step:
            step.prompt("a question").response("an answer")
            yield step

    def decorate(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        """See `Adapter`."""
        import contextcompany as tcc

        decorated: Callable[..., Any] = tcc.agent(name=name)(function)
        return decorated

    def propagate(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """See `Adapter`."""
        import contextcompany as tcc

        run = tcc.current_run()
        assert run is not None
        wrapped: Callable[..., Any] = run.wrap(function)
        return wrapped

    def executor(self) -> ThreadPoolExecutor:
        """See `Adapter`."""
        import contextcompany as tcc

        return tcc.ContextThreadPoolExecutor(2)

    def inject(self) -> dict[str, str]:
        """See `Adapter`."""
        import contextcompany as tcc

        return dict(tcc.inject())

    def attach(self, carrier: Mapping[str, str]) -> AbstractContextManager[object]:
        """See `Adapter`."""
        import contextcompany as tcc

        attached: AbstractContextManager[object] = tcc.attach(carrier)
        return attached

    def flush(self) -> None:
        """See `Adapter`."""
        import contextcompany as tcc

        tcc.flush(timeout=30)

    def recover(self) -> None:
        """See `Adapter`; what is on disk goes in the background, beside what `flush` waits for."""
        import contextcompany as tcc

        given_up = time.monotonic() + 20
        while any(Path(os.environ["XDG_STATE_HOME"]).rglob("*.otlp")) and time.monotonic() < given_up:
            tcc.flush(timeout=1)
            time.sleep(0.05)

    def is_current_visible(self) -> bool:
        """See `Adapter`."""
        import contextcompany as tcc

        return tcc.current_run() is not None

    @staticmethod
    def label(name: str, attributes: Mapping[str, Any]) -> str | None:
        """See `Adapter`."""
        return str(attributes.get("tcc.stepId") or attributes.get("tcc.agent") or name)
