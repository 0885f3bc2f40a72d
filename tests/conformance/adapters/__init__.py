"""The packages that are compared, ours first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.conformance.adapters.contextcompany_otel import Contextcompany
from tests.conformance.adapters.langfuse_sdk import Langfuse
from tests.conformance.adapters.logfire_sdk import Logfire
from tests.conformance.adapters.traceloop_sdk import Traceloop

if TYPE_CHECKING:
    from tests.conformance.adapter import Adapter

OURS: Final[type[Adapter]] = Contextcompany
PEERS: Final[tuple[type[Adapter], ...]] = (Langfuse, Logfire, Traceloop)


def adapter(distribution: str) -> type[Adapter]:
    """Return the adapter of a distribution; ValueError where there is none."""
    for candidate in (OURS, *PEERS):
        if candidate.distribution == distribution:
            return candidate
    known = ", ".join(candidate.distribution for candidate in (OURS, *PEERS))
    raise ValueError(f"there is no adapter for {distribution!r}: choose one of {known}")
