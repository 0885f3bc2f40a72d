"""Under which names the facts of a span stand: our own alone, or those of every instrumentation.

Most spans are ours, and looking for the names of others in them takes longer than reading them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

from contextcompany.semconv import attributes, foreign

if TYPE_CHECKING:
    from collections.abc import Mapping

Keys = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The keys of each fact; the first that is there counts."""

    is_foreign: bool
    session: Keys
    user: Keys
    user_name: Keys
    org: Keys
    org_name: Keys
    agent: Keys
    agent_of_run: Keys
    tool: Keys
    provider: Keys
    request_model: Keys
    response_model: Keys
    input_tokens: Keys
    cached_tokens: Keys
    written_tokens: Keys
    output_tokens: Keys
    cost: Keys


OURS: Final = Vocabulary(
    is_foreign=False,
    session=(attributes.TCC_SESSION_ID, attributes.GEN_AI_CONVERSATION_ID),
    user=(attributes.TCC_USER_ID,),
    user_name=(attributes.TCC_USER_NAME,),
    org=(attributes.TCC_ORG_ID,),
    org_name=(attributes.TCC_ORG_NAME,),
    agent=(attributes.TCC_AGENT, attributes.GEN_AI_AGENT_NAME),
    agent_of_run=(attributes.TCC_AGENT, attributes.GEN_AI_AGENT_NAME),
    tool=(attributes.GEN_AI_TOOL_NAME,),
    provider=(attributes.GEN_AI_PROVIDER_NAME,),
    request_model=(attributes.GEN_AI_REQUEST_MODEL,),
    response_model=(attributes.GEN_AI_RESPONSE_MODEL,),
    input_tokens=(attributes.GEN_AI_USAGE_INPUT_TOKENS,),
    cached_tokens=(attributes.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS,),
    written_tokens=(attributes.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS,),
    output_tokens=(attributes.GEN_AI_USAGE_OUTPUT_TOKENS,),
    cost=(attributes.TCC_COST,),
)
ALL: Final = Vocabulary(
    is_foreign=True,
    session=(attributes.TCC_SESSION_ID, *foreign.SESSION),
    user=(attributes.TCC_USER_ID, *foreign.USER),
    user_name=(attributes.TCC_USER_NAME, *foreign.USER_NAME),
    org=(attributes.TCC_ORG_ID, *foreign.ORG),
    org_name=(attributes.TCC_ORG_NAME, *foreign.ORG_NAME),
    agent=(attributes.TCC_AGENT, *foreign.AGENT_NAME),
    agent_of_run=(attributes.TCC_AGENT, *foreign.AGENT_NAME, foreign.ENTITY_NAME),
    tool=(*foreign.TOOL_NAME, foreign.ENTITY_NAME),
    provider=foreign.PROVIDER,
    request_model=foreign.REQUEST_MODEL,
    response_model=(*foreign.RESPONSE_MODEL, *foreign.EMBEDDING_MODEL),
    input_tokens=foreign.TOKENS[attributes.GEN_AI_USAGE_INPUT_TOKENS],
    cached_tokens=foreign.TOKENS[attributes.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS],
    written_tokens=foreign.TOKENS[attributes.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS],
    output_tokens=foreign.TOKENS[attributes.GEN_AI_USAGE_OUTPUT_TOKENS],
    cost=(attributes.TCC_COST, *foreign.COST),
)


def vocabulary_of(found: Mapping[str, object]) -> Vocabulary:
    """Return the names by which to read a span: those of all, where it has a key that we never write."""
    return OURS if _FOREIGN.isdisjoint(found) else ALL


def _keys(names: Vocabulary) -> frozenset[str]:
    every: list[Keys] = [getattr(names, field.name) for field in fields(names) if field.type != "bool"]
    return frozenset(key for keys in every for key in keys)


_FOREIGN: Final = frozenset(
    {
        *_keys(ALL),
        *foreign.INPUT_VALUE,
        *foreign.OUTPUT_VALUE,
        *foreign.PROMPT_TEXT,
        *foreign.COMPLETION_TEXT,
        *foreign.QUERY,
        *foreign.FIRST_ITEMS,
        *foreign.COST_PARTS,
        foreign.TOOL_PARAMETERS,
        foreign.METADATA,
        foreign.KIND,
        foreign.ENTITY_KIND,
        foreign.REQUEST_TYPE,
    }
) - _keys(OURS)
