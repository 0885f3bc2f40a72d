"""Spans that the LiteLLM callback of older SDKs sends to `/v1/otel-steps`, each one a step.

They name their run in an attribute of metadata, say neither operation nor provider, and carry messages as
the provider's API has them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from contextcompany.semconv import attributes as names
from contextcompany.semconv import messages
from contextcompany.semconv.fields import as_text
from contextcompany.semconv.providers import infer_provider
from contextcompany.semconv.values import read_json, to_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from contextcompany.local.otlp.spans import AttributeValue, SpanRecord
    from contextcompany.semconv.plain import Plain

_RUN_ID: Final = f"metadata.{names.TCC_RUN_ID}"
_MESSAGES: Final[tuple[tuple[str, Callable[[Plain], Any]], ...]] = (
    (names.GEN_AI_INPUT_MESSAGES, messages.input_messages),
    (names.GEN_AI_OUTPUT_MESSAGES, messages.output_messages),
)


def step_of(span: SpanRecord) -> SpanRecord:
    """Write onto a span what makes it a step of its run."""
    found = dict(span.attributes)
    if _RUN_ID in found:
        found.setdefault(names.TCC_RUN_ID, found[_RUN_ID])
    found.setdefault(names.GEN_AI_OPERATION_NAME, names.OPERATION_CHAT)
    if names.GEN_AI_PROVIDER_NAME not in found:
        models = (found.get(names.GEN_AI_RESPONSE_MODEL), found.get(names.GEN_AI_REQUEST_MODEL))
        told = (infer_provider(model) for model in models if isinstance(model, str))
        found[names.GEN_AI_PROVIDER_NAME] = next(filter(None, told), names.PROVIDER_OTHER)
    reasons = _reasons(found.get(names.GEN_AI_RESPONSE_FINISH_REASONS))
    if reasons:
        found[names.GEN_AI_RESPONSE_FINISH_REASONS] = reasons
    for key, convert in _MESSAGES:
        value = found.get(key)
        if isinstance(value, str):
            plain, is_json = read_json(value)
            found[key] = to_json(convert(plain if is_json else value))[0]
    return replace(span, attributes=found)


def _reasons(value: AttributeValue) -> tuple[str, ...]:
    """Read the list that the callback writes as JSON text."""
    if not isinstance(value, str):
        return ()
    read, _ = read_json(value)
    return tuple(map(as_text, read)) if isinstance(read, list) else (value,)
