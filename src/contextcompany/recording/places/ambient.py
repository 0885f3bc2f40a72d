"""Who the runs that start here are for: session, user and organisation of the blocks around them."""

from __future__ import annotations

from types import CoroutineType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol
from uuid import UUID

from contextcompany.diagnostics import warn_once
from contextcompany.propagation.current import CurrentHandle
from contextcompany.propagation.frames import frame_at, generator_frame
from contextcompany.recording.places.identity import identity_text, merge_identity
from contextcompany.runtime.process import process
from contextcompany.semconv import attributes as names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from contextcompany.propagation.current import Node
    from contextcompany.runtime.places import Place

_ARGUMENTS: Final = {
    "session_id": names.TCC_SESSION_ID,
    "user_id": names.TCC_USER_ID,
    "user_name": names.TCC_USER_NAME,
    "org_id": names.TCC_ORG_ID,
    "org_name": names.TCC_ORG_NAME,
}


class Source(Protocol):
    """Where an identity comes from."""

    def values(self) -> Mapping[str, str]:
        """Return what is known of it now, by attribute key."""
        ...


class Around(NamedTuple):
    """What a run that starts here takes from the blocks around it.

    Attributes:
        session_id: its session, or None.
        identity: its user and organisation, by attribute key; the caller's own.
    """

    session_id: str | None
    identity: dict[str, str]


class Known:
    """An identity that was given."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def values(self) -> Mapping[str, str]:
        """Return it."""
        return self._values


class Asked:
    """An identity that functions of the application find, asked anew for each run.

    Args:
        functions: what to ask, by attribute key; each returns text, a number, a UUID or None.
        subject: what they are asked about: a request.
    """

    __slots__ = ("_functions", "_subject")

    def __init__(self, functions: Mapping[str, Callable[[Any], object]], subject: object) -> None:
        self._functions = functions
        self._subject = subject

    def values(self) -> Mapping[str, str]:
        """Ask them; one that fails gives nothing, and one warning."""
        found: dict[str, str] = {}
        before = blocks.snapshot()
        blocks.clear()  # a run that such a function starts is not asked about again
        try:
            for key, function in self._functions.items():
                value = self._ask(key, function)
                if value is not None:
                    found[key] = value
        finally:
            blocks.restore(before)
        return found

    def _ask(self, key: str, function: Callable[[Any], object]) -> str | None:
        try:
            value: Any = function(self._subject)
            returned: object = value
            if isinstance(returned, CoroutineType):
                value.close()  # it would warn that nobody awaited it
            return _text(key, value)
        except Exception as error:  # noqa: BLE001  (the application's function may raise anything)
            warn_once(
                ("identity", key, id(function)),
                "the function for %s failed with %s: runs of such requests go without it; "
                "return text or None from it",
                key,
                type(error).__name__,
            )
            return None


class Block:
    """One entered block.

    Attributes:
        source: who it is for.
        inside: the runs that were open around it.
        request: what stands for the web request that it begins, or None.
    """

    __slots__ = ("inside", "request", "source")

    def __init__(self, source: Source, request: object = None) -> None:
        self.source = source
        self.request = request
        self.inside: tuple[Place, ...] = ()
        if process.current.is_inside:
            self.inside = tuple(
                recording.place
                for recording in process.current.chain()
                if recording.is_open and not recording.place.is_off
            )

    @property
    def is_open(self) -> bool:
        """Return True: what outlives the block, such as a task, is still for the same user."""
        return True


blocks: Final = CurrentHandle[Block]("contextcompany-identity")


class IdentityBlock:
    """A `with` block whose runs are for one session, user and organisation. Made by `identity()`."""

    __slots__ = ("_node", "_source")

    def __init__(self, source: Source) -> None:
        self._source = source
        self._node: Node[Block] | None = None

    def __enter__(self) -> None:
        """Begin the block; inside a generator it holds while the generator runs.

        Raises:
            RuntimeError: while it is entered already.
        """
        if self._node is not None:
            raise RuntimeError(
                "this identity() block is entered already: got a second `with`; call identity() once for each"
            )
        self._node = blocks.enter(Block(self._source), generator_frame(frame_at(1)))

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the block; an exception goes on."""
        node, self._node = self._node, None
        if node is not None:
            blocks.leave(node)


def identity(
    session_id: str | int | UUID | None = None,
    user_id: str | int | UUID | None = None,
    user_name: str | None = None,
    org_id: str | int | UUID | None = None,
    org_name: str | None = None,
) -> IdentityBlock:
    """Say who the runs that start inside a `with` block are for.

    What is given to a run itself (`session_id=`, `metadata`) wins, and an inner block wins over an
    outer one, field by field; another id takes the outer name with it. A run inside a run takes what
    the run around it has, and what blocks inside of that one say. Also for steps, tool calls and
    feedback of a run that this process does not know.

    Args:
        session_id: groups runs of one conversation.
        user_id: the user (`tcc.userId`).
        user_name: the user's name (`tcc.userName`); dropped where there is no id.
        org_id: the organisation, tenant or customer (`tcc.orgId`).
        org_name: its name (`tcc.orgName`); dropped where there is no id.

    Raises:
        TypeError: for anything but text, whole numbers and UUIDs.
    """
    given = {
        "session_id": session_id,
        "user_id": user_id,
        "user_name": user_name,
        "org_id": org_id,
        "org_name": org_name,
    }
    values: dict[str, str] = {}
    for argument, value in given.items():
        key = _ARGUMENTS[argument]
        text = _text(key, value, argument)
        if text is not None:
            values[key] = text
    return IdentityBlock(Known(values))


def around(outer: Place | None) -> Around:
    """Return what a run takes that starts here, inside of another run or of none."""
    if not blocks.is_inside:
        return Around(None, {})
    found: dict[str, str] = {}
    nearest = [block for block in _of_one_request() if outer is None or _is_inside(block, outer)]
    if outer is not None:
        found = {key: value for key, value in outer.identity.items() if key != names.TCC_AGENT}
        if outer.session_id is not None:
            found[names.TCC_SESSION_ID] = outer.session_id
    for block in reversed(nearest):
        merge_identity(found, block.source.values())
    return Around(found.pop(names.TCC_SESSION_ID, None), found)


def requests_around() -> tuple[object, ...]:
    """Return what stands for the web requests whose blocks are around here, innermost first.

    More than one where a server starts a request from the task of the one before it.
    """
    if not blocks.is_inside:
        return ()
    return tuple(block.request for block in blocks.chain() if block.request is not None)


def _of_one_request() -> list[Block]:
    """Return the blocks around here, innermost first, without those of other web requests."""
    found: list[Block] = []
    request: object = None
    own = 0
    for block in blocks.chain():
        if block.request is None or request is None or block.request is request:
            found.append(block)
            if block.request is not None:
                request, own = block.request, len(found)
        else:
            del found[own:]
    return found


def _is_inside(block: Block, run: Place) -> bool:
    return any(place is run for place in block.inside)


def _text(key: str, value: object, name: str = "") -> str | None:
    """Return a value as text, None for an empty one.

    Raises:
        TypeError: for anything but text, whole numbers and UUIDs.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (str, int, UUID)):
        raise TypeError(
            f"{name or key} must be text, a whole number or a uuid.UUID: got {type(value).__name__}; "
            "pass one of them, or None"
        )
    return identity_text(key, value)
