"""Ids of runs, traces and spans.

A run's id decides the trace id and span id of a root run, so that another process that knows only
the run id lands in the same trace. All other ids come from a private generator, seeded by the
operating system, which an application's `random.seed` cannot make repeat.
"""

from __future__ import annotations

import os
import random
from hashlib import blake2b
from typing import Final
from uuid import UUID

from opentelemetry.trace import SpanContext, TraceFlags

from contextcompany.sdk import IdGenerator

_RANDOM_BITS: Final = (1 << 56) - 1
# What RFC 9562 fixes in a UUID of version 4: the version and the variant.
_FIXED_BITS: Final = 4 << 76 | 2 << 62
_FREE_BITS: Final = (1 << 128) - 1 & ~(0xF << 76) & ~(0x3 << 62)
_random = random.Random()  # noqa: S311  (ids, not secrets; seeded by the system)


def _reseed() -> None:
    _random.seed(os.urandom(32))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reseed)


def new_id() -> str:
    """Return a new random UUID (version 4) as text."""
    digits = f"{_random.getrandbits(128) & _FREE_BITS | _FIXED_BITS:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def id_text(name: str, value: str | UUID | None) -> str | None:
    """Return an id given by the caller as text; an empty one counts as not given.

    Raises:
        TypeError: for anything but text, a UUID or None.
    """
    if value is None:
        return None
    if isinstance(value, str):
        return value or None
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{name} must be text or a uuid.UUID: got {type(value).__name__}; pass str({name})")


def derived_ids(run_id: str) -> tuple[int, int]:
    """Return the trace id and span id of the root run with this id, by blake2b over its text."""
    digest = blake2b(run_id.encode("utf-8", "surrogatepass"), digest_size=24).digest()
    return int.from_bytes(digest[:16], "big") or 1, int.from_bytes(digest[16:], "big") or 1


def is_sampled(run_id: str, rate: float) -> bool:
    """Return whether a root run with this id is among the share of runs that is recorded.

    The same in every process, and what a smaller rate takes a larger one takes too. 1.0 takes every
    run and 0.0 none. The bits compared are the last 56 of the derived trace id, so that samplers
    further on that go by the trace id choose alike.

    Source: OpenTelemetry, "TraceState: Probability Sampling", rejection threshold.
    """
    return derived_ids(run_id)[0] & _RANDOM_BITS >= (1.0 - rate) * (_RANDOM_BITS + 1)


def derived_context(run_id: str) -> SpanContext:
    """Return the span context of the root run with this id, as another process sees it."""
    trace_id, span_id = derived_ids(run_id)
    return SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def random_trace_id() -> int:
    """Return a new random trace id."""
    return _random.getrandbits(128) or 1


def random_span_id() -> int:
    """Return a new random span id."""
    return _random.getrandbits(64) or 1


class PrivateIdGenerator(IdGenerator):
    """Generate span and trace ids that an application's `random.seed` cannot make repeat."""

    def generate_trace_id(self) -> int:
        """Return a random trace id."""
        return random_trace_id()

    def generate_span_id(self) -> int:
        """Return a random span id."""
        return random_span_id()

    def is_trace_id_random(self) -> bool:
        """Return True: hashed and random ids alike are uniform in their last 56 bits."""
        return True
