"""RunContext: typed data that belongs to one invocation of an agent.

Plain and frozen dataclasses can both derive from it, because it is no dataclass itself: it adds its
fields to each subclass before `@dataclass` looks at the class.
"""

from __future__ import annotations

import copy
import copyreg
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, TypeVar, cast

from contextcompany.context.annotations import raw_annotations
from contextcompany.semconv.text import is_recording

if TYPE_CHECKING:
    from collections.abc import Sequence

_QUERY, _METADATA, _AGENT = "query", "metadata", "agent"
_IS_DATACLASS = "__dataclass_fields__"
_STANDS_IN = "_stands_in"
_RESTORED_BY_ITS_DICT = "_restored_by_its_dict"
_OF_COPYING = ("__copy__", "__setstate__", "__getnewargs_ex__", "__getnewargs__")


def _field(name: str, own: Any) -> Any:
    if isinstance(own, dataclasses.Field):
        return cast("Any", own)
    if name == _QUERY:
        return field(default="" if own is dataclasses.MISSING else own, repr=False, kw_only=True)
    factory: Any = dict[str, Any] if own is dataclasses.MISSING else partial(copy.copy, own)
    return field(default_factory=factory, kw_only=True, hash=False)


def _default(cls: type, name: str) -> Any:
    """Return what a class written by hand begins with: `@dataclass` never made defaults of its fields."""
    found: Any = _field(name, getattr(cls, name, dataclasses.MISSING))
    return found.default if found.default_factory is dataclasses.MISSING else found.default_factory()


def _without_agent(state: Any) -> Any:
    if issubclass(cast("type[object]", type(state)), dict):
        return {name: value for name, value in state.items() if name != _AGENT}
    if type(state) is tuple:
        return tuple(_without_agent(part) for part in cast("list[Any]", state))
    return state


class ExecutingAgent(Protocol):
    """The agent that works with a context, as far as a context knows it."""

    @property
    def name(self) -> str:
        """Return the agent's name."""
        ...


class _Methods:
    """What plain and frozen contexts share."""

    if TYPE_CHECKING:
        metadata: Any

    recorded: ClassVar[Sequence[str] | Mapping[str, str]] = ()

    def get(self, key: str, default: Any = None) -> Any:
        """Return a metadata value, or the default where there is none."""
        return self.metadata.get(key, default)

    def with_metadata(self, **kwargs: Any) -> Self:
        """Return a copy with further metadata; neither this context nor its dict changes."""
        made = replaced(self, metadata={**self.metadata, **kwargs})
        if stands_in(made):
            object.__setattr__(made, _STANDS_IN, False)
        return made


if TYPE_CHECKING:

    @dataclass(kw_only=True)
    class RunContext(_Methods):
        """Typed data of one invocation; see the class that is there at run time."""

        query: str = field(default="", repr=False)
        metadata: dict[str, Any] = field(default_factory=dict[str, Any], hash=False)
        agent: ExecutingAgent | None = field(default=None, init=False, repr=False, compare=False)

    @dataclass(kw_only=True, frozen=True)
    class FrozenRunContext(_Methods):
        """The base to name for a `@dataclass(frozen=True)`; at run time the same class."""

        query: str = field(default="", repr=False)
        metadata: dict[str, Any] = field(default_factory=dict[str, Any], hash=False)
        agent: ExecutingAgent | None = field(default=None, init=False, repr=False, compare=False)

else:

    class RunContext(_Methods):
        """Typed data of one invocation of an agent, given to its tools, interceptors and sub-agents.

        Derive a dataclass from it, plain or frozen, with the fields that your tools need; or use it
        as it is, with `metadata`. An agent never writes to the context it was given: it works on a
        shallow copy. Nothing of a context is recorded unless `recorded` names it: a sequence of
        field names for metadata, or a mapping of field names to metadata keys, to identity keys
        (`tcc.userId`, `tcc.orgId`, …) or to `session`.

        Attributes:
            query: the user's request that began it all; filled by the first agent if empty.
            metadata: a dict for what has no field of its own.
            agent: the agent that works with this copy, or None; neither compared nor pickled.
            recorded: what of the context becomes part of the recorded run.
        """

        query: str
        metadata: dict[str, Any]
        agent: ExecutingAgent | None = None

        def __init_subclass__(cls, **kwargs: Any) -> None:
            super().__init_subclass__(**kwargs)
            if _IS_DATACLASS in cls.__dict__:
                return  # the second class that @dataclass(slots=True) makes
            annotations = raw_annotations(cls)
            inherited = {name for base in cls.__mro__[1:] for name in base.__dict__.get(_IS_DATACLASS, ())}
            for name, kind in ((_QUERY, str), (_METADATA, dict[str, Any])):
                if name in annotations or name in inherited:
                    continue
                annotations[name] = kind
                own = cls.__dict__.get(name, dataclasses.MISSING)
                setattr(cls, name, _field(name, own))
            cls.__annotations__ = annotations
            if "__repr__" not in cls.__dict__:
                cls.__repr__ = RunContext.__repr__  # @dataclass keeps what the class has

        def __new__(cls, *_args: Any, **_kwargs: Any) -> Self:
            """Make the object; a plain RunContext is one of a dataclass of its own."""
            made = object.__new__(_PlainRunContext if cls is RunContext else cls)
            if not hasattr(type(made), _IS_DATACLASS):
                for name in (_QUERY, _METADATA):
                    object.__setattr__(made, name, _default(cls, name))
            return made

        def __init__(self, query: str | None = None, metadata: dict[str, Any] | None = None) -> None:
            # Classes written by hand come here; @dataclass makes a constructor of its own.
            for name, given in ((_QUERY, query), (_METADATA, metadata)):
                if given is not None:
                    object.__setattr__(self, name, given)

        def __getstate__(self) -> Any:
            return _without_agent(object.__getstate__(self))

        def __eq__(self, other: object) -> bool:
            if type(other) is not type(self):
                return NotImplemented
            return self.__getstate__() == other.__getstate__()

        # What is equal must have one hash, and data may change. A frozen dataclass has one of its own.
        __hash__ = None

        def __recorded_as__(self) -> str:
            """Return what stands for a context among arguments and results: its fields may hold keys."""
            return f"<{type(self).__name__}>"

        def __repr__(self) -> str:
            if is_recording():
                return self.__recorded_as__()
            if hasattr(type(self), _IS_DATACLASS):
                return _dataclass_repr(self)
            shown = {**(vars(self) if hasattr(self, "__dict__") else {})}
            items = ", ".join(
                f"{name}={value!r}" for name, value in shown.items() if name not in (_QUERY, _AGENT)
            )
            return f"{type(self).__qualname__}({items})"

    FrozenRunContext = RunContext

    @dataclass
    class _PlainRunContext(RunContext):
        _restored_by_its_dict = True

        query: str = field(default="", repr=False)
        metadata: dict[str, Any] = field(default_factory=dict)

        def __reduce__(self) -> tuple[Any, ...]:
            # The class has no name of its own to be found by; the state holds what was set by hand.
            return RunContext, (self.query, self.metadata), self.__getstate__()

    _PlainRunContext.__name__ = _PlainRunContext.__qualname__ = "RunContext"


AnyRunContext = RunContext | FrozenRunContext

C = TypeVar("C")


@recursive_repr()
def _dataclass_repr(context: Any) -> str:
    """Return what `@dataclass` would have made."""
    cls: Any = cast("object", type(context))
    if not cls.__dataclass_params__.repr:
        return object.__repr__(context)
    shown = ", ".join(
        f"{one.name}={getattr(context, one.name)!r}" for one in dataclasses.fields(context) if one.repr
    )
    return f"{cls.__qualname__}({shown})"


def context_of(given: object) -> RunContext:
    """Return what was passed as a context: itself, a mapping as metadata, None as an empty one.

    Raises:
        TypeError: for anything else.
    """
    if given is None:
        return _empty("")
    if isinstance(given, RunContext):
        return given
    if isinstance(given, Mapping):
        return RunContext(metadata=dict(cast("Mapping[str, Any]", given)))
    raise TypeError(
        f"context must be a RunContext, a mapping or None: got {type(given).__name__}; "
        "derive your class from RunContext"
    )


def stands_in(context: object) -> bool:
    """Return whether a context is the empty one of a run to which none was given."""
    return getattr(context, _STANDS_IN, False) is True


def for_agent(given: RunContext, agent: ExecutingAgent | None, query: str) -> RunContext:
    """Return a shallow copy for one agent, with the query filled where it is empty."""
    return replaced(given, agent=agent, query=given.query or query)


def for_call(given: object, query: str) -> RunContext:
    """Return what was passed as a context, see `context_of`, as a copy for one call of an agent function."""
    return _empty(query) if given is None else for_agent(context_of(given), None, query)


def _empty(query: str) -> RunContext:
    """Return the context of a run to which none was given."""
    made = RunContext(query=query)
    # Marked, so that a tool with an optional context gets none, as nobody gave one.
    object.__setattr__(made, _STANDS_IN, True)
    return made


def replaced(given: C, **changes: Any) -> C:
    """Return a shallow copy with other attributes; works on frozen classes, and calls no `__init__`."""
    old: Any = given
    cls: Any = type(cast("object", given))
    if _is_copied_by_its_dict(cls):
        made: Any = object.__new__(cls)
        made.__dict__.update(old.__dict__)
    else:
        made = copy.copy(old)
    if _AGENT not in changes:
        object.__setattr__(made, _AGENT, getattr(old, _AGENT, None))
    for name, value in changes.items():
        object.__setattr__(made, name, value)
    found: C = made
    return found


@lru_cache(maxsize=256)
def _is_copied_by_its_dict(cls: Any) -> bool:
    """Return whether `copy.copy` would do no more for a context than to copy its `__dict__`."""
    return (
        (cls.__reduce__ is object.__reduce__ or _RESTORED_BY_ITS_DICT in cls.__dict__)
        and cls.__reduce_ex__ is object.__reduce_ex__
        and getattr(cls, "__getstate__", None) is cast("Any", RunContext).__getstate__
        and cls.__new__ is RunContext.__new__
        and cls.__basicsize__ == cast("Any", RunContext).__basicsize__  # no slots
        and cls not in copyreg.dispatch_table
        and not any(hasattr(cls, name) for name in _OF_COPYING)
    )
