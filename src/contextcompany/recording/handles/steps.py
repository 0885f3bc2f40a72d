"""Start steps: recorded ones, and those of runs that are left out."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Self

from contextcompany.propagation import ids
from contextcompany.recording.handles.off import OffHandle, unrecorded
from contextcompany.recording.handles.step import MOST_NAME_BYTES, Step
from contextcompany.recording.places.placing import place_of
from contextcompany.recording.spans.moments import nanoseconds
from contextcompany.recording.spans.start import start_child
from contextcompany.semconv import attributes as names
from contextcompany.semconv.values import clean_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from contextcompany.recording.handles.handle import Handle
    from contextcompany.recording.spans.moments import Moment
    from contextcompany.runtime.places import Place

_NO_FIELDS: Mapping[str, object] = MappingProxyType({})


class OffStep(OffHandle, Step):
    """A step of which nothing is recorded."""

    __slots__ = ()

    @property
    def step_id(self) -> str:
        """Return the step's id, given or generated, now if need be."""
        if not self._step_id:
            self._step_id = ids.new_id()
        return self._step_id

    @property
    def _own_id(self) -> str:
        return self.step_id

    def prompt(self, text: object) -> Self:  # noqa: ARG002
        """See `Step.prompt`."""
        return self._set("prompt()", "prompt")

    def response(self, text: object) -> Self:  # noqa: ARG002
        """See `Step.response`."""
        return self._set("response()", "response")

    def model(
        self,
        requested: str | None = None,  # noqa: ARG002
        used: str | None = None,  # noqa: ARG002
        *,
        provider: str | None = None,  # noqa: ARG002
    ) -> Self:
        """See `Step.model`."""
        self._recording.require_open("model()")
        return self

    def tokens(
        self,
        prompt_uncached: int | None = None,  # noqa: ARG002
        prompt_cached: int | None = None,  # noqa: ARG002
        completion: int | None = None,  # noqa: ARG002
        *,
        cache_write: int | None = None,  # noqa: ARG002
        reasoning: int | None = None,  # noqa: ARG002
    ) -> Self:
        """See `Step.tokens`."""
        self._recording.require_open("tokens()")
        return self

    def cost(self, real_total: float) -> Self:  # noqa: ARG002
        """See `Step.cost`."""
        self._recording.require_open("cost()")
        return self

    def finish_reason(self, reason: str | None) -> Self:  # noqa: ARG002
        """See `Step.finish_reason`."""
        self._recording.require_open("finish_reason()")
        return self

    def tool_definitions(self, definitions: object) -> Self:  # noqa: ARG002
        """See `Step.tool_definitions`."""
        self._recording.require_open("tool_definitions()")
        return self


def step(
    run_id: str | UUID | None = None,
    step_id: str | UUID | None = None,
    api_key: str | None = None,
    tcc_url: str | None = None,
    *,
    provider: str | None = None,
    start_time: Moment | None = None,
    carrier: Mapping[str, str] | None = None,
) -> Step:
    """Start a step of a run: one request to a model.

    Args:
        run_id: the run, of this process or another; left out where a run is current.
        step_id: the step's id, generated if left out.
        api_key: a key for this step alone, else the run's.
        tcc_url: a collector for this step alone, else the run's.
        provider: who serves the model (`gen_ai.provider.name`), else told from the model's name.
        start_time: when the request began, if not now.
        carrier: the W3C trace context of the run in another process (`traceparent`).

    Raises:
        ValueError: without a run id where no run is current, or for a URL that is none.
        TypeError: for an id that is neither text nor UUID.
    """
    place = place_of(ids.id_text("run_id", run_id), api_key, tcc_url, carrier, function="step()")
    remote = bool(carrier) and place.span_context.is_remote
    return new_step(place, step_id, provider=provider, start_time=start_time, directly=remote)


def new_step(
    place: Place,
    step_id: str | UUID | None,
    *,
    provider: str | None,
    start_time: Moment | None,
    run: Handle | None = None,
    directly: bool = False,
) -> Step:
    """Start a step at a place; `directly` under the place's own span, whatever is current."""
    given_id = None if step_id is None else ids.id_text("step_id", step_id)
    started_at = None if start_time is None else nanoseconds("start_time", start_time)
    if place.is_off:
        return OffStep(unrecorded("step", place), step_id=given_id or "", run=run)
    known_id = given_id or ids.new_id()
    recording = start_child(
        "step",
        place,
        below=place.as_span() if directly else None,
        attributes={
            names.TCC_STEP_ID: known_id if given_id is None else clean_text(given_id)[0],
            names.GEN_AI_PROVIDER_NAME: names.PROVIDER_OTHER
            if provider is None
            else clean_text(provider, MOST_NAME_BYTES)[0],
        },
        fields=_NO_FIELDS,
        start_time=started_at,
    )
    made = Step(recording, step_id=known_id, run=run)
    return made if provider is None else made.model(provider=provider)
