"""One span in the words of this package, whichever library wrote it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contextcompany.local.reading import facts
from contextcompany.local.reading.kinds import kind_of
from contextcompany.local.reading.reading import Reading, Usage
from contextcompany.local.reading.texts import prompt_text, response_text
from contextcompany.local.reading.values import clean
from contextcompany.semconv import attributes, foreign

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contextcompany.local.otlp.spans import SpanRecord
    from contextcompany.local.reading.reading import Kind, Score

_RUN_ID: Final = (attributes.TCC_RUN_ID,)
_PARENT: Final = (attributes.TCC_PARENT_RUN_ID,)
_SESSION: Final = (attributes.TCC_SESSION_ID, *foreign.SESSION)
_USER: Final = (attributes.TCC_USER_ID, *foreign.USER)
_USER_NAME: Final = (attributes.TCC_USER_NAME, *foreign.USER_NAME)
_ORG: Final = (attributes.TCC_ORG_ID, *foreign.ORG)
_ORG_NAME: Final = (attributes.TCC_ORG_NAME, *foreign.ORG_NAME)
_AGENT: Final = (attributes.TCC_AGENT, *foreign.AGENT_NAME)
_AGENT_OF_RUN: Final = (*_AGENT, foreign.ENTITY_NAME)
_TOOL: Final = (*foreign.TOOL_NAME, foreign.ENTITY_NAME)
_RESPONSE_MODEL: Final = (*foreign.RESPONSE_MODEL, *foreign.EMBEDDING_MODEL)
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
    went = facts.status(span)
    error_type, error_message = facts.failure(span) if went != "ok" else ("", "")
    own_name = clean(span.name[:_MOST_NAME_CHARACTERS])
    model = requested = tool = ""
    used = _NO_USAGE
    agent = facts.text(found, _AGENT_OF_RUN if kind == "run" else _AGENT)
    if kind == "step":
        requested = facts.text(found, foreign.REQUEST_MODEL)
        answering = facts.text(found, _RESPONSE_MODEL)
        used = facts.usage(span, (answering, requested))
        # A request that failed was answered by no model.
        model = answering or ("" if went == "failed" else requested)
        name = requested or answering
    elif kind == "tool":
        name = tool = facts.text(found, _TOOL) or own_name
    elif kind == "run":
        name = agent = agent or _agent_by_span(span, own_name)
    else:
        name = ""
    return Reading(
        kind=kind,
        name=name or own_name,
        run_id=facts.text(found, _RUN_ID) or None,
        parent_run_id=facts.text(found, _PARENT) or None,
        status=went,
        error_type=error_type if went == "failed" else "",
        error_message=error_message,
        agent=agent,
        session_id=facts.text(found, _SESSION),
        user_id=facts.text(found, _USER),
        user_name=facts.text(found, _USER_NAME),
        org_id=facts.text(found, _ORG),
        org_name=facts.text(found, _ORG_NAME),
        metadata=_metadata(span, kind),
        model=model,
        requested_model=requested,
        tool=tool,
        usage=used,
        prompt=clean(prompt_text(span, kind)),
        response=clean(response_text(span, kind)),
        score=_score(span) if kind == "feedback" else None,
        feedback_text=_explanation(span) if kind == "feedback" else "",
    )


def _agent_by_span(span: SpanRecord, own_name: str) -> str:
    """Name an agent after its span, as the libraries do that have no attribute for it; ours has one."""
    return "" if attributes.GEN_AI_OPERATION_NAME in span.attributes else own_name


def _metadata(span: SpanRecord, kind: Kind) -> Mapping[str, str]:
    # Below a run of ours it would only be told again.
    if kind in {"tool", "feedback"} or (kind != "run" and attributes.TCC_RUN_ID in span.attributes):
        return {}
    return facts.metadata(span.attributes)


def _score(span: SpanRecord) -> Score | None:
    label = span.attributes.get(attributes.GEN_AI_EVALUATION_SCORE_LABEL)
    if isinstance(label, str):
        return _SCORES.get(label)
    value = span.attributes.get(attributes.GEN_AI_EVALUATION_SCORE_VALUE)
    if value == attributes.SCORE_VALUE_THUMBS_UP:
        return "up"
    return "down" if value == attributes.SCORE_VALUE_THUMBS_DOWN and not isinstance(value, bool) else None


def _explanation(span: SpanRecord) -> str:
    return clean(facts.full_text(span.attributes, attributes.GEN_AI_EVALUATION_EXPLANATION))
