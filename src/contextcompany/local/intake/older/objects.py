"""Run, step and tool_call objects of older SDKs, as the spans that the recording API would have sent.

The objects are those that `contextcompany` 2.0.0 and its sibling in TypeScript post to `/v1/custom`: JSON in
snake_case, joined by `run_id`, times in ISO 8601.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from contextcompany.local.intake.older.content import Attributes
from contextcompany.local.otlp.fields import as_object, child, refuse, text
from contextcompany.local.otlp.spans import SpanRecord, moment
from contextcompany.semconv import attributes as names
from contextcompany.semconv import messages
from contextcompany.semconv.providers import infer_provider
from contextcompany.semconv.values import clean_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from contextcompany.local.otlp.fields import Object
    from contextcompany.semconv.plain import Plain

SCOPE_NAME: Final = "contextcompany.custom"
"""The instrumentation scope of spans that are made of such objects."""

_LONGEST_ID: Final = 1_000
_LONGEST_IDENTITY: Final = 4_096
_LARGEST_INT: Final = 2**63 - 1
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_STATUS_CODES: Final = (names.STATUS_CODE_SUCCESS, names.STATUS_CODE_PARTIAL, names.STATUS_CODE_ERROR)

# Metadata that says who a run is for, and the attributes that say it.
_IDENTITY: Final[Mapping[str, tuple[str, ...]]] = {
    names.TCC_AGENT: (names.TCC_AGENT, names.GEN_AI_AGENT_NAME),
    names.TCC_USER_ID: (names.TCC_USER_ID, names.USER_ID),
    names.TCC_USER_NAME: (names.TCC_USER_NAME, names.USER_NAME),
    names.TCC_ORG_ID: (names.TCC_ORG_ID,),
    names.TCC_ORG_NAME: (names.TCC_ORG_NAME,),
}
_COMMON: Final = frozenset(
    {"type", "run_id", "start_time", "end_time", "status_code", "status_message", "attributes"}
)
_RUN_FIELDS: Final = _COMMON | {"prompt", "response", "session_id", "conversational", "metadata"}
_STEP_FIELDS: Final = _COMMON | {
    "step_id",
    "prompt",
    "response",
    "model_requested",
    "model_used",
    "finish_reason",
    "prompt_uncached_tokens",
    "prompt_cached_tokens",
    "completion_tokens",
    "real_total_cost",
    "tool_definitions",
}
_TOOL_CALL_FIELDS: Final = _COMMON | {"tool_call_id", "tool_name", "args", "result"}


def span_of(value: object) -> SpanRecord:
    """Make the span of one object.

    Ids are made of the ids in it, so that an object that comes twice is the same span.

    Raises:
        MalformedBodyError: It is none of them; the message names the field.
    """
    item = as_object(value, "the object")
    kind = item.get("type")
    if kind == "run":
        return _run(item)
    if kind == "step":
        return _step(item)
    if kind == "tool_call":
        return _tool_call(item)
    return refuse("type", "run, step, tool_call or batch", kind)


def trace_of(run_id: str) -> str:
    """Return the id of the trace that all objects of a run are put in."""
    return _digest(16, "trace", run_id)


def _run(item: Object) -> SpanRecord:
    run_id = id_in(item, "run_id")
    found = Attributes()
    if isinstance(item.get("prompt"), dict) and "user_prompt" in (parts := child(item, "prompt")):
        found.content(names.GEN_AI_INPUT_MESSAGES, parts["user_prompt"], messages.user_messages)
        if parts.get("system_prompt") is not None:
            found.content(
                names.GEN_AI_SYSTEM_INSTRUCTIONS, parts["system_prompt"], messages.system_instructions
            )
        others = {key: value for key, value in parts.items() if key not in {"user_prompt", "system_prompt"}}
        found.others({key: value for key, value in others.items() if value is not None})
    elif item.get("prompt") is not None:
        found.content(names.GEN_AI_INPUT_MESSAGES, item["prompt"], messages.user_messages)
    if item.get("response") is not None:
        found.content(names.GEN_AI_OUTPUT_MESSAGES, item["response"], _answered(""))
    if session := found.text(names.TCC_SESSION_ID, item, "session_id"):
        found.pairs[names.GEN_AI_CONVERSATION_ID] = session
    conversational = item.get("conversational")
    if conversational is not None:
        if not isinstance(conversational, bool):
            refuse("conversational", "true or false", conversational)
        found.pairs[names.TCC_CONVERSATIONAL] = conversational
    agent = _metadata(child(item, "metadata"), found)
    name = f"{names.OPERATION_INVOKE_AGENT} {agent}" if agent else names.OPERATION_INVOKE_AGENT
    return _span(
        item,
        found,
        known=_RUN_FIELDS,
        name=name,
        kind="INTERNAL",
        operation=names.OPERATION_INVOKE_AGENT,
        span_id=_run_span(run_id),
        parent=None,
    )


def _step(item: Object) -> SpanRecord:
    run_id, step_id = id_in(item, "run_id"), id_in(item, "step_id")
    found = Attributes()
    if item.get("prompt") is not None:
        found.content(names.GEN_AI_INPUT_MESSAGES, item["prompt"], messages.input_messages)
    reason = found.text(names.GEN_AI_RESPONSE_FINISH_REASONS, item, "finish_reason")
    if reason:
        found.pairs[names.GEN_AI_RESPONSE_FINISH_REASONS] = (reason,)
    if item.get("response") is not None:
        found.content(names.GEN_AI_OUTPUT_MESSAGES, item["response"], _answered(reason))
    if item.get("tool_definitions") is not None:
        found.content(names.GEN_AI_TOOL_DEFINITIONS, item["tool_definitions"], messages.tool_definitions)
    requested = found.text(names.GEN_AI_REQUEST_MODEL, item, "model_requested")
    used = found.text(names.GEN_AI_RESPONSE_MODEL, item, "model_used")
    found.pairs[names.GEN_AI_PROVIDER_NAME] = (
        infer_provider(used) or infer_provider(requested) or names.PROVIDER_OTHER
    )
    uncached = found.count(names.GEN_AI_USAGE_INPUT_TOKENS, item, "prompt_uncached_tokens")
    cached = found.count(names.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS, item, "prompt_cached_tokens")
    if cached is not None:
        found.pairs[names.GEN_AI_USAGE_INPUT_TOKENS] = min((uncached or 0) + cached, _LARGEST_INT)
    found.count(names.GEN_AI_USAGE_OUTPUT_TOKENS, item, "completion_tokens")
    if found.amount(names.TCC_COST, item, "real_total_cost"):
        found.pairs[names.TCC_COST_SOURCE] = names.COST_SOURCE_REPORTED
    found.pairs[names.TCC_STEP_ID] = step_id
    return _span(
        item,
        found,
        known=_STEP_FIELDS,
        name=f"{names.OPERATION_CHAT} {requested}" if requested else names.OPERATION_CHAT,
        kind="CLIENT",
        operation=names.OPERATION_CHAT,
        span_id=_digest(8, "step", run_id, step_id),
        parent=_run_span(run_id),
    )


def _tool_call(item: Object) -> SpanRecord:
    run_id, call_id = id_in(item, "run_id"), id_in(item, "tool_call_id")
    found = Attributes()
    tool = found.text(names.GEN_AI_TOOL_NAME, item, "tool_name")
    for field, key in (
        ("args", names.GEN_AI_TOOL_CALL_ARGUMENTS),
        ("result", names.GEN_AI_TOOL_CALL_RESULT),
    ):
        if item.get(field) is not None:
            found.content(key, item[field], messages.tool_payload)
    found.pairs[names.GEN_AI_TOOL_CALL_ID] = call_id
    found.pairs[names.GEN_AI_TOOL_TYPE] = names.TOOL_TYPE_FUNCTION
    return _span(
        item,
        found,
        known=_TOOL_CALL_FIELDS,
        name=f"{names.OPERATION_EXECUTE_TOOL} {tool}" if tool else names.OPERATION_EXECUTE_TOOL,
        kind="INTERNAL",
        operation=names.OPERATION_EXECUTE_TOOL,
        span_id=_digest(8, "tool_call", run_id, call_id),
        parent=_run_span(run_id),
    )


def _span(
    item: Object,
    found: Attributes,
    *,
    known: frozenset[str],
    name: str,
    kind: str,
    operation: str,
    span_id: str,
    parent: str | None,
) -> SpanRecord:
    run_id = id_in(item, "run_id")
    code = names.STATUS_CODE_SUCCESS if item.get("status_code") is None else item["status_code"]
    if isinstance(code, bool) or code not in _STATUS_CODES:
        refuse("status_code", "0, 1 or 2", code)
    failed = code == names.STATUS_CODE_ERROR
    message = found.text(names.TCC_STATUS_MESSAGE, item, "status_message")
    found.pairs |= {
        names.GEN_AI_OPERATION_NAME: operation,
        names.TCC_RUN_ID: run_id,
        names.TCC_STATUS_CODE: _STATUS_CODES.index(code),
    }
    if failed:
        found.pairs[names.ERROR_TYPE] = names.ERROR_TYPE_OTHER
    found.others(child(item, "attributes"))
    found.others({key: value for key, value in item.items() if key not in known and value is not None})
    return SpanRecord(
        trace_id=trace_of(run_id),
        span_id=span_id,
        parent_span_id=parent,
        name=name,
        kind=kind,
        start_ns=_time(item, "start_time"),
        end_ns=_time(item, "end_time"),
        attributes=found.finished(),
        events=(),
        links=(),
        status_code="ERROR" if failed else "UNSET",
        status_message=message if failed else "",
        resource={},
        scope_name=SCOPE_NAME,
        scope_version="",
    )


def _metadata(given: Mapping[str, object], found: Attributes) -> str:
    """Add what was attached to a run; returns the name of the agent."""
    agent = ""
    for key, value in given.items():
        if value is None:
            continue
        if key in _IDENTITY:
            if told := clean_text(value, _LONGEST_IDENTITY)[0]:
                found.pairs |= dict.fromkeys(_IDENTITY[key], told)
                agent = told if key == names.TCC_AGENT else agent
        else:
            found.free(names.TCC_METADATA_PREFIX + clean_text(key, _LONGEST_ID)[0], value)
    return agent


def _answered(reason: str) -> Callable[[Plain], list[dict[str, Plain]]]:
    def convert(value: Plain) -> list[dict[str, Plain]]:
        return [{"finish_reason": reason, **message} for message in messages.output_messages(value)]

    return convert


def id_in(item: Object, field: str) -> str:
    """Return the id in a field; MalformedBodyError if there is none, or one that is too long."""
    found = clean_text(text(item, field), 4 * _LONGEST_ID)[0]
    if not 0 < len(found) <= _LONGEST_ID:
        refuse(field, f"a text of 1 to {_LONGEST_ID:,} characters", item.get(field))
    return found


def _time(item: Object, field: str) -> int:
    given = text(item, field)
    try:
        read = datetime.fromisoformat(given)
        # Times without an offset are UTC, as are all that these SDKs make themselves.
        since = read.replace(tzinfo=read.tzinfo or UTC) - _EPOCH
    except (ValueError, OverflowError):
        refuse(field, "a time in ISO 8601", item.get(field))
    if since < timedelta(0):
        refuse(field, "a time after 1970", given)
    return moment(since // _MICROSECOND * 1_000, field)


def _run_span(run_id: str) -> str:
    return _digest(8, "run", run_id)


def _digest(size: int, *parts: str) -> str:
    # The length of each part stands before it, so that no two lists of parts are the same bytes.
    written = b"".join(len(part.encode()).to_bytes(4) + part.encode() for part in parts)
    return blake2b(written, digest_size=size, person=b"tcc older sdk").hexdigest()
