"""What of a context is recorded: only what its class names, besides what the run around it has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from contextcompany.diagnostics import warn_once
from contextcompany.runtime.process import process
from contextcompany.semconv import attributes as names

if TYPE_CHECKING:
    from uuid import UUID

    from contextcompany.context.run_context import RunContext

SESSION: Final = "session"


class Recorded(NamedTuple):
    """The session and the metadata of a run."""

    session_id: str | UUID | None
    metadata: dict[str, Any]


def record_context(context: RunContext, session_id: str | UUID | None) -> Recorded:
    """Return what a run records of its context, and of the run around it.

    Args:
        context: the context; its class attribute `recorded` names the fields.
        session_id: the session that the caller gave; it wins.

    Raises:
        TypeError: for a `recorded` that is neither a sequence of names nor a mapping.
    """
    metadata: dict[str, Any] = {}
    around = process.current_place()
    session: Any = None
    if around is not None and not around.is_off:
        session = around.session_id
        # The agent is each run's own; user and organisation are those of the run around.
        metadata.update({key: value for key, value in around.identity.items() if key != names.TCC_AGENT})
    for field, target in _wanted(context):
        try:
            value = getattr(context, field)
        except Exception as error:  # noqa: BLE001  (a property may raise anything, and a field may be misspelt)
            warn_once(
                ("recorded", type(context), field),
                "%s.recorded names %s, which cannot be read (%s): it is not recorded",
                type(context).__name__,
                field,
                type(error).__name__,
            )
            continue
        if value is None:
            continue
        if target == SESSION:
            session = value if isinstance(value, str) else str(value)
        else:
            metadata[target] = value
    return Recorded(session if session_id is None else session_id, metadata)


def _wanted(context: RunContext) -> list[tuple[str, str]]:
    recorded: Any = type(context).recorded
    if type(recorded) is tuple and not recorded:
        return []
    if isinstance(recorded, Mapping):
        return [(str(field), str(target)) for field, target in cast("Mapping[str, str]", recorded).items()]
    if isinstance(recorded, (tuple, list)):
        fields: list[Any] = list(cast("list[Any]", recorded))
        if all(isinstance(field, str) for field in fields):
            return [(field, field) for field in fields]
    raise TypeError(
        f"{type(context).__name__}.recorded must be a tuple of field names or a mapping: "
        f"got {type(cast('object', recorded)).__name__}; write recorded = ('user_id',)"
    )
