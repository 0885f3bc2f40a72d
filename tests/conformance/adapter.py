"""The handful of operations that a program needs of a package."""

from __future__ import annotations

from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, ClassVar, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

OPERATIONS: Final = ("setup", "run", "step", "decorate", "propagate", "executor", "inject", "attach")
"""What the page tells of each package, in this order."""


class Adapter(ABC):
    """One package, used as its documentation says and with its defaults.

    Attributes:
        distribution: the name of the distribution.
        means: what each operation of `OPERATIONS` uses; one that is left out is not offered by the package,
            and the plain thing stands in its place.
        keeps_on_disk: whether what a process could not deliver waits on disk for the next one; it counts as
            arrived when that one delivers it.
        remark: what a reader should know beside it, in whole sentences.
    """

    distribution: ClassVar[str]
    means: ClassVar[Mapping[str, str]]
    keeps_on_disk: ClassVar[bool] = False
    remark: ClassVar[str] = ""

    @abstractmethod
    def setup(self, url: str) -> None:
        """Make the package send to a collector with this base URL, as at the start of an application."""

    @abstractmethod
    def run(self, name: str) -> AbstractContextManager[object]:
        """Record what is done inside as the outermost unit of the package: an agent, a workflow, a run."""

    @abstractmethod
    def step(self, name: str) -> AbstractContextManager[object]:
        """Record what is done inside as a unit below the current one: a request to a model, a task."""

    @abstractmethod
    def decorate(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        """Apply the decorator of the package to a function, coroutine function or (async) generator."""

    def propagate(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function for another thread that works below what is current here."""
        return function

    def executor(self) -> ThreadPoolExecutor:
        """Return a thread pool whose work is recorded below what is current where it is submitted."""
        return ThreadPoolExecutor(2)

    @abstractmethod
    def inject(self) -> dict[str, str]:
        """Return what another process needs to know to work below what is current here."""

    @abstractmethod
    def attach(self, carrier: Mapping[str, str]) -> AbstractContextManager[object]:
        """Work below the place that a carrier of another process names."""

    @abstractmethod
    def flush(self) -> None:
        """Deliver what has ended."""

    def recover(self) -> None:  # noqa: B027  (most packages keep nothing)
        """Deliver what an earlier process kept on disk; only where `keeps_on_disk`."""

    @abstractmethod
    def is_current_visible(self) -> bool:
        """Tell whether a unit of the package is current here."""

    @staticmethod
    @abstractmethod
    def label(name: str, attributes: Mapping[str, Any]) -> str | None:
        """Return the name that the program gave to the unit behind a span, None for a span that is no unit.

        Spans of the application keep their name.
        """
