"""Who a run is for and which agent ran: reserved metadata keys that become attributes of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contextcompany.diagnostics import warn_once
from contextcompany.semconv import attributes as names
from contextcompany.semconv.values import clean_text

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

    from contextcompany.runtime.places import Place

IDENTITY_KEYS: Final = frozenset(
    {names.TCC_AGENT, names.TCC_USER_ID, names.TCC_USER_NAME, names.TCC_ORG_ID, names.TCC_ORG_NAME}
)

RESERVED_AGENT_NAMES: Final = frozenset(
    {
        "runs",
        "sessions",
        "patterns",
        "recaps",
        "overview",
        "search",
        "failures",
        "feedback",
        "tools",
        "topics",
        "views",
        "settings",
        "mcp-and-api",
    }
)

_MOST_BYTES: Final = 4_096
_NAME_OF: Final = {names.TCC_USER_ID: names.TCC_USER_NAME, names.TCC_ORG_ID: names.TCC_ORG_NAME}


def identity_text(key: str, value: object) -> str | None:
    """Return an identity value as text, or None for one that is empty or a reserved agent name."""
    text = clean_text(value, _MOST_BYTES)[0]
    if key == names.TCC_AGENT and text.strip().lower() in RESERVED_AGENT_NAMES:
        warn_once(
            ("reserved-agent", text),
            "the agent name %r is dropped: the dashboard uses it as an address; choose another",
            text,
        )
        return None
    return text or None


def merge_identity(identity: MutableMapping[str, str], nearer: Mapping[str, str]) -> None:
    """Put a nearer identity over another; a name goes with the id it belongs to."""
    for key, name in _NAME_OF.items():
        if key in nearer and identity.get(key, nearer[key]) != nearer[key]:
            identity.pop(name, None)
    identity.update(nearer)


def put_identity(place: Place, key: str, text: str | None) -> None:
    """Set a reserved key of a run, or remove it; a name from around the run goes with its id."""
    name = _NAME_OF.get(key)
    if name in place.borrowed and place.identity.get(key, text) != text:
        place.borrowed -= {name}
        place.identity.pop(name, None)
    if key in place.borrowed:
        place.borrowed -= {key}
    if text is None:
        place.identity.pop(key, None)
    else:
        place.identity[key] = text


def run_identity(identity: Mapping[str, str]) -> dict[str, str]:
    """Return the attributes of a run; names without their ids are dropped with one warning each."""
    pairs = {**child_identity(identity), **agent_identity(identity)}
    for name, needed, targets in (
        (names.TCC_USER_NAME, names.TCC_USER_ID, (names.TCC_USER_NAME, names.USER_NAME)),
        (names.TCC_ORG_NAME, names.TCC_ORG_ID, (names.TCC_ORG_NAME,)),
    ):
        if name not in identity:
            continue
        if needed in identity:
            pairs.update(dict.fromkeys(targets, identity[name]))
        else:
            warn_once(("name-without-id", name), "%s is dropped without %s: set both", name, needed)
    return pairs


def child_identity(identity: Mapping[str, str]) -> dict[str, str]:
    """Return the attributes that every span below a run carries."""
    pairs: dict[str, str] = {}
    user = identity.get(names.TCC_USER_ID)
    if user is not None:
        pairs[names.TCC_USER_ID] = pairs[names.USER_ID] = user
    organisation = identity.get(names.TCC_ORG_ID)
    if organisation is not None:
        pairs[names.TCC_ORG_ID] = organisation
    return pairs


def agent_identity(identity: Mapping[str, str]) -> dict[str, str]:
    """Return the attributes of runs and tool calls that name the agent."""
    agent = identity.get(names.TCC_AGENT)
    return {} if agent is None else {names.TCC_AGENT: agent, names.GEN_AI_AGENT_NAME: agent}
