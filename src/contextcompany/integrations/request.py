"""One web request, as the runs inside of it see it: who it is for, and which trace it continues."""

from __future__ import annotations

from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from opentelemetry import context as otel_context
from opentelemetry import trace

from contextcompany.diagnostics import guard
from contextcompany.recording.handles.attaching import attach
from contextcompany.recording.places.ambient import Asked, Block, blocks, requests_around
from contextcompany.recording.places.remote import parents
from contextcompany.runtime import provider as providers
from contextcompany.runtime.process import process
from contextcompany.semconv import attributes as names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping
    from contextlib import AbstractContextManager
    from types import TracebackType

    from opentelemetry.context import Context

    from contextcompany.propagation.current import CurrentHandle, Node

CARRIED: Final = ("traceparent", "tracestate", "baggage")
"""The headers of W3C Trace Context and W3C Baggage."""

Continues = Literal["trace", "run", "nothing"]
"""What of the headers of a request is continued."""

_KEPT: Final[Mapping[str, tuple[str, ...]]] = {"trace": CARRIED[:2], "run": CARRIED, "nothing": ()}
_MARK: Final = "contextcompany.request"

# Every chain of ours that can be current: who runs are for, and what they start below.
_PARENTS: Final[tuple[CurrentHandle[Any], ...]] = (process.current, parents)
_CHAINS: Final[tuple[CurrentHandle[Any], ...]] = (blocks, *_PARENTS)


class _Mark:
    """What all middleware of one request finds in its scope or environ.

    Attributes:
        continues: whether the carrier of the request is attached.
    """

    __slots__ = ("continues",)

    def __init__(self) -> None:
        self.continues = False


class _State(NamedTuple):
    """What is current: the node of each chain, and the OpenTelemetry context."""

    nodes: list[Node[Any] | None]
    context: Context


class Request:
    """A request that is worked on in one piece or in several, as the parts of a streamed body are.

    Entered for each piece. What a piece makes current is current in the next one, and never outside:
    whatever was current there is put back by value, in whichever thread the piece ran.

    Args:
        functions: what finds the identity, by attribute key.
        subject: what they are asked about, and where the request is marked: an ASGI scope, a WSGI environ.
        carrier: the headers that say what to continue.
    """

    __slots__ = ("_attached", "_carrier", "_functions", "_inside", "_outside", "_subject")

    def __init__(
        self,
        functions: Mapping[str, Callable[[Any], object]],
        subject: MutableMapping[str, Any],
        carrier: Mapping[str, str],
    ) -> None:
        self._functions = functions
        self._subject = subject
        self._carrier = carrier
        self._attached: AbstractContextManager[object] | None = None
        self._inside: _State | None = None
        self._outside: _State | None = None

    def __enter__(self) -> None:
        """Begin a piece."""
        with guard:
            self._outside = _now()
            if self._inside is None:
                self._begin()
            else:
                self._put(self._inside)

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End a piece; an exception goes on."""
        with guard:
            self._inside = _now()
            if self._outside is not None:
                self._put(self._outside)

    def finish(self) -> None:
        """Let go of the carrier, inside of the last piece."""
        attached, self._attached = self._attached, None
        if attached is not None:
            with guard:
                attached.__exit__(None, None, None)

    def _begin(self) -> None:
        requests = requests_around()
        mark = self._subject.get(_MARK)
        # One that is not around here was left by an earlier request, whose scope is used again.
        if not isinstance(mark, _Mark) or mark not in requests:
            mark = self._subject[_MARK] = _Mark()
        if any(request is not mark for request in requests):
            # Its runs, and the span that it continues, are nothing to this one.
            for chain in _PARENTS:
                chain.clear()
            if _sets_context():
                otel_context.attach(trace.set_span_in_context(trace.INVALID_SPAN))
        if self._carrier and not mark.continues:
            mark.continues = True
            self._attached = attach(self._carrier)
            self._attached.__enter__()
        # After the carrier, so that it also holds for what starts inside of a run of another process.
        blocks.enter(Block(Asked(self._functions, self._subject), request=mark))

    def _put(self, state: _State) -> None:
        for chain, node in zip(_CHAINS, state.nodes, strict=True):
            chain.restore(node)
        if otel_context.get_current() is not state.context and _sets_context():
            otel_context.attach(state.context)


def checked_word(continues: Continues) -> Continues:
    """Return the word that was given.

    Raises:
        ValueError: for another one.
    """
    if continues not in _KEPT:
        words = ", ".join(_KEPT)
        raise ValueError(f"continues must be one of {words}: got {continues!r}; pass one of them")
    return continues


def continued(carrier: Mapping[str, str], continues: Continues) -> dict[str, str]:
    """Return the headers that are continued.

    A caller that is not known must not choose the run, and with it the destination, of what it causes.
    """
    return {name: carrier[name] for name in _KEPT[continues] if name in carrier}


def functions_of(
    *,
    session: object,
    user: object,
    user_name: object,
    org: object,
    org_name: object,
) -> dict[str, Callable[[Any], object]]:
    """Return what a middleware was given, by attribute key.

    Raises:
        TypeError: for what is no function, or has to be awaited.
    """
    given = {
        "session": (names.TCC_SESSION_ID, session),
        "user": (names.TCC_USER_ID, user),
        "user_name": (names.TCC_USER_NAME, user_name),
        "org": (names.TCC_ORG_ID, org),
        "org_name": (names.TCC_ORG_NAME, org_name),
    }
    found: dict[str, Callable[[Any], object]] = {}
    for argument, (key, function) in given.items():
        if function is None:
            continue
        if not callable(function) or iscoroutinefunction(function):
            raise TypeError(
                f"{argument} must be a plain function of the request: got {type(function).__name__} "
                f"{getattr(function, '__name__', '')!r}; pass one that returns text or None, without await"
            )
        found[key] = function
    return found


def _sets_context() -> bool:
    """Return whether the OpenTelemetry context is ours to write: an application's own is only read."""
    return providers.application_provider() is None


def _now() -> _State:
    return _State([chain.snapshot() for chain in _CHAINS], otel_context.get_current())
