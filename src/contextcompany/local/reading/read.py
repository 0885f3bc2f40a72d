"""One span in the words of this package, whichever library wrote it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contextcompany.local.reading import facts
from contextcompany.local.reading.kinds import kind_of
from contextcompany.local.reading.reading import Reading, Usage
from contextcompany.local.reading.texts import prompt_text, response_text
from contextcompany.local.reading.vocabulary import vocabulary_of
from contextcompany.semconv import attributes
from contextcompany.semconv.text import valid_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contextcompany.local.otlp.spans import SpanRecord
    from contextcompany.local.reading.reading import Kind, Score
    from contextcompany.local.reading.vocabulary import Vocabulary

_SCORES: Final[Mapping[object, Score]] = {
    attributes.SCORE_LABEL_THUMBS_UP: "up",
    attributes.SCORE_LABEL_THUMBS_DOWN: "down",
}
_NO_USAGE: Final = Usage()
_MOST_NAME_CHARACTERS: Final = 1_000


def read(span: SpanRecord) -> Reading:
    """Read one span; never raises for what it holds, and all text of it can be encoded and stored."""
    found = span.attributes
    kind = kind_of(span)
    names = vocabulary_of(found)
    went = facts.status(span)
    error_type, error_message = facts.failure(span) if went != "ok" else ("", "")
    own_name = valid_text(span.name[:_MOST_NAME_CHARACTERS])
    model = requested = tool = ""
    used = _NO_USAGE
    agent = facts.text(found, names.agent_of_run if kind == "run" else names.agent)
    if kind == "step":
        answering, requested = facts.models(span, names)
        used = facts.usage(span, names, (answering, requested))
        # A request that failed was answered by no model.
        model = answering or ("" if went == "failed" else requested)
        name = requested or answering
    elif kind == "tool":
        name = tool = facts.text(found, names.tool) or own_name
    elif kind == "run":
        name = agent = agent or _agent_by_span(span, own_name)
    else:
        name = ""
    return Reading(
        kind=kind,
        name=name or own_name,
        run_id=facts.identifier(found, attributes.TCC_RUN_ID),
        parent_run_id=facts.identifier(found, attributes.TCC_PARENT_RUN_ID),
        status=went,
        error_type=error_type if went == "failed" else "",
        error_message=error_message,
        agent=agent,
        session_id=facts.text(found, names.session),
        user_id=facts.text(found, names.user),
        user_name=facts.text(found, names.user_name),
        org_id=facts.text(found, names.org),
        org_name=facts.text(found, names.org_name),
        metadata=_metadata(span, kind, names),
        model=model,
        requested_model=requested,
        tool=tool,
        usage=used,
        prompt=valid_text(prompt_text(span, kind, names)),
        response=valid_text(response_text(span, kind, names)),
        score=_score(span) if kind == "feedback" else None,
        feedback_text=_explanation(span) if kind == "feedback" else "",
    )


def _agent_by_span(span: SpanRecord, own_name: str) -> str:
    """Name an agent after its span, as the libraries do that have no attribute for it; ours has one."""
    return "" if attributes.GEN_AI_OPERATION_NAME in span.attributes else own_name


def _metadata(span: SpanRecord, kind: Kind, names: Vocabulary) -> Mapping[str, str]:
    # Below a run of ours it would only be told again.
    if kind == "run" or (names.is_foreign and attributes.TCC_RUN_ID not in span.attributes):
        return facts.metadata(span.attributes)
    return {}


def _score(span: SpanRecord) -> Score | None:
    label = span.attributes.get(attributes.GEN_AI_EVALUATION_SCORE_LABEL)
    if isinstance(label, str):
        return _SCORES.get(label)
    value = span.attributes.get(attributes.GEN_AI_EVALUATION_SCORE_VALUE)
    if value == attributes.SCORE_VALUE_THUMBS_UP:
        return "up"
    return "down" if value == attributes.SCORE_VALUE_THUMBS_DOWN and not isinstance(value, bool) else None


def _explanation(span: SpanRecord) -> str:
    return valid_text(facts.full_text(span.attributes, attributes.GEN_AI_EVALUATION_EXPLANATION))
