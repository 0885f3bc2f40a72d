"""Which runs are recorded: decided at the root, by its run id, alike in every process."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from contextcompany.diagnostics import logger, said
from contextcompany.propagation import ids
from contextcompany.runtime.process import process

if TYPE_CHECKING:
    from opentelemetry.trace import SpanContext

    from contextcompany.runtime.holding import HeldRun
    from contextcompany.runtime.instance import Instance
    from contextcompany.runtime.places import Place


class Decision(NamedTuple):
    """What sampling says of a run.

    Attributes:
        is_recorded: whether spans are made at all.
        rate: the share of runs that is recorded.
        held: what holds the spans back until it is known whether the root run fails, or None.
    """

    is_recorded: bool
    rate: float
    held: HeldRun | None = None


_ALWAYS = Decision(is_recorded=True, rate=1.0)


def decide(run_id: str, instance: Instance, around: Place | None, *, is_shared: bool) -> Decision:
    """Decide on a run: one inside another follows it, whatever its own id.

    Args:
        run_id: the run.
        instance: the settings in force.
        around: the run around it, or None for a root.
        is_shared: whether the application's provider makes the spans, which nobody can hold back.
    """
    if around is None and instance.settings.sample_rate >= 1.0:
        return _ALWAYS
    if around is not None:
        is_recorded = not around.is_off and (around.held is None or not is_shared)
        return Decision(is_recorded, around.sample_rate, around.held)
    settings = instance.settings
    rate = settings.sample_rate
    if ids.is_sampled(run_id, rate):
        return Decision(is_recorded=True, rate=rate)
    if not settings.keep_errors:
        return Decision(is_recorded=False, rate=rate)
    if not is_shared:
        return Decision(is_recorded=True, rate=rate, held=process.holding.new_run())
    if said.first("keep_errors on a shared provider"):
        logger.info(
            "keep_errors does nothing here: the application's own provider makes the spans and passes them "
            "on at once, so runs beyond sample_rate are not recorded, whether they fail or not"
        )
    return Decision(is_recorded=False, rate=rate)


def is_sampled_elsewhere(run_id: str, remote: SpanContext | None, instance: Instance) -> bool:
    """Return whether a run of another process is recorded there, told from its id.

    A carrier counts where it says that nothing is recorded of this very run. What it says of the
    trace of an application, whose sampler is none of ours, does not.
    """
    if (
        remote is not None
        and not remote.trace_flags.sampled
        and remote.trace_id == ids.derived_ids(run_id)[0]
    ):
        return False
    rate = instance.settings.sample_rate
    return rate >= 1.0 or ids.is_sampled(run_id, rate)
