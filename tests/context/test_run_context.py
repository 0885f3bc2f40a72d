"""RunContext: plain, frozen, with slots, by hand; compared, copied, pickled, and never written to."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from dataclasses import dataclass, field
from typing import Any

import pytest

from contextcompany import FrozenRunContext, RunContext
from contextcompany.context.run_context import for_agent
from tests.context.contexts import (
    SUBCLASSES,
    Below,
    ByKeyword,
    Calling,
    Frozen,
    FrozenBelow,
    FrozenSlotted,
    HandMade,
    Plain,
    Slotted,
    Undecorated,
    agent,
)

DATACLASSES = {name: kind for name, kind in SUBCLASSES.items() if name != "calling"}
EVERY = [
    pytest.param(RunContext, {}, id="base"),
    pytest.param(HandMade, {"user_id": "123"}, id="by hand"),
    *[pytest.param(kind, {"user_id": "123"}, id=name) for name, kind in SUBCLASSES.items()],
]
each_subclass = pytest.mark.parametrize("kind", SUBCLASSES.values(), ids=[*SUBCLASSES])
each_dataclass = pytest.mark.parametrize("kind", DATACLASSES.values(), ids=[*DATACLASSES])


@each_subclass
def test_fields_have_defaults_behind_required_ones(kind: Any) -> None:
    """A subclass may have required fields: `query` and `metadata` are there, empty, and ask for nothing."""
    made = kind(user_id="123")
    assert (made.user_id, made.query, made.metadata, made.agent) == ("123", "", {}, None)
    assert isinstance(made, RunContext)


@each_subclass
def test_query_and_metadata_are_keywords_of_every_subclass(kind: Any) -> None:
    """A subclass takes `query` and `metadata` beside its own fields."""
    made = kind(user_id="123", query="q", metadata={"a": 1})
    assert (made.user_id, made.query, made.metadata) == ("123", "q", {"a": 1})


@pytest.mark.parametrize(("kind", "own"), EVERY)
def test_metadata_is_of_its_own_for_each_object(kind: Any, own: dict[str, Any]) -> None:
    """What one context puts into its metadata is in no other."""
    first, second = kind(**own), kind(**own)
    first.metadata["a"] = 1
    assert (first.metadata, second.metadata) == ({"a": 1}, {})


def test_own_fields_stay_positional() -> None:
    """The fields of a subclass keep their order: those of the base never come in front of them."""
    assert (Plain("1", ["a"]).user_id, Plain("1", ["a"]).tags) == ("1", ["a"])
    assert Below("1", ["a"], "t") == Below(user_id="1", tags=["a"], tenant_id="t")
    with pytest.raises(TypeError, match="positional"):
        Plain("1", ["a"], "not the query")  # type: ignore[call-arg]


def test_the_base_takes_query_and_metadata_by_position() -> None:
    """`RunContext("q", {...})` is `RunContext(query="q", metadata={...})`, as the reference has it."""
    made: Any = RunContext
    assert made("q", {"a": 1}) == RunContext(query="q", metadata={"a": 1})


@pytest.mark.parametrize(("kind", "own"), EVERY)
def test_unknown_arguments_are_refused(kind: Any, own: dict[str, Any]) -> None:
    """An argument that a class does not have is a TypeError, for the base and by hand too."""
    with pytest.raises(TypeError):
        kind(**own, surprise=1)


def test_a_class_without_its_decorator_is_noticed() -> None:
    """A field that `@dataclass` was to make is an unknown argument where the decorator was forgotten."""

    class Forgotten(RunContext):
        user_id: str

    made: Any = Forgotten
    with pytest.raises(TypeError, match="user_id"):
        made(user_id="123")


def test_an_undecorated_class_takes_the_fields_of_the_base() -> None:
    """A class of plain class attributes is made like the base."""
    made = Undecorated(query="q", metadata={"a": 1})
    assert (made.user_id, made.query, made.metadata) == ("123", "q", {"a": 1})
    assert (Undecorated().query, Undecorated().metadata) == ("", {})


def test_own_defaults_win() -> None:
    """A subclass may say what `query` and `metadata` begin with, with an annotation or without."""

    def beginning() -> dict[str, Any]:
        return {"version": 1}

    @dataclass
    class Annotated(RunContext):
        query: str = "what is new?"
        metadata: dict[str, Any] = field(default_factory=beginning)

    @dataclass
    class Bare(RunContext):
        user_id: str
        query = "what is new?"

    class ByHand(RunContext):
        query = "what is new?"
        metadata = {"version": 1}  # noqa: RUF012  (that it is shared is what is tested)

    assert (Annotated().query, Annotated().metadata) == ("what is new?", {"version": 1})
    assert Annotated().metadata is not Annotated().metadata
    assert Bare("1").query == "what is new?"
    assert Bare("1", query="other").query == "other"
    assert (ByHand().query, ByHand().metadata) == ("what is new?", {"version": 1})
    ByHand().metadata["more"] = True
    assert ByHand().metadata == {"version": 1}


def test_own_defaults_reach_the_next_subclass() -> None:
    """A default that a subclass gives holds for the subclasses below it."""

    @dataclass
    class Asking(RunContext):
        query: str = "what is new?"

    @dataclass
    class Further(Asking):
        user_id: str = "1"

    assert Further().query == "what is new?"


@each_dataclass
def test_dataclass_tools_work(kind: Any) -> None:
    """`fields`, `replace` and `asdict` know the fields, and the agent is none of them."""
    made = kind(user_id="1", query="q", metadata={"a": 1})
    names = [one.name for one in dataclasses.fields(kind)]
    assert {"user_id", "query", "metadata"} <= set(names)
    assert "agent" not in names
    changed = dataclasses.replace(made, user_id="2")
    assert (type(changed), changed.user_id, changed.query, changed.metadata) == (kind, "2", "q", {"a": 1})
    assert dataclasses.asdict(made) == {name: getattr(made, name) for name in names}


def test_dataclass_tools_work_on_the_base() -> None:
    """A plain RunContext is a dataclass to `fields`, `replace` and `asdict`."""
    made = RunContext(query="q", metadata={"a": 1})
    assert dataclasses.is_dataclass(made)
    assert [one.name for one in dataclasses.fields(made)] == ["query", "metadata"]
    assert dataclasses.asdict(made) == {"query": "q", "metadata": {"a": 1}}
    changed = dataclasses.replace(made, query="r")
    assert (changed.query, changed.metadata, isinstance(changed, RunContext)) == ("r", {"a": 1}, True)


@pytest.mark.parametrize(("kind", "own"), EVERY)
def test_contexts_compare_by_value(kind: Any, own: dict[str, Any]) -> None:
    """Contexts of one class with the same data are equal; other data, or another class, is not."""
    first, second = kind(**own), kind(**own)
    assert first == second
    second.metadata["a"] = 1
    assert first != second
    assert first != own
    assert first != Other(user_id="123")


@dataclass
class Other(RunContext):
    """A class that nothing here is equal to."""

    user_id: str


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        (RunContext, "RunContext(metadata={'a': 1})"),
        (Plain, "Plain(user_id='1', tags=[], metadata={'a': 1})"),
        (Below, "Below(user_id='1', tags=[], metadata={'a': 1}, tenant_id='acme')"),
        (Frozen, "Frozen(user_id='1', metadata={'a': 1})"),
        (Slotted, "Slotted(user_id='1', metadata={'a': 1})"),
        (FrozenSlotted, "FrozenSlotted(user_id='1', metadata={'a': 1})"),
    ],
)
def test_repr_shows_no_query(kind: Any, shown: str) -> None:
    """A repr shows the fields and the metadata, but neither what the user asked nor the agent."""
    own = {} if kind is RunContext else {"user_id": "1"}
    assert repr(kind(**own, query="private", metadata={"a": 1})) == shown


def test_repr_of_a_hand_made_class() -> None:
    """A class without `@dataclass` has a repr that shows its data, and no query."""
    made = HandMade("123")
    made.query = "private"
    assert "'123'" in repr(made)
    assert "private" not in repr(made)


def test_frozen_contexts_can_be_hashed() -> None:
    """Equal frozen contexts have one hash, whatever their metadata holds."""
    for kind in (Frozen, FrozenBelow, FrozenSlotted):
        first, second = kind(user_id="1", metadata={"a": []}), kind(user_id="1", metadata={"b": []})
        assert hash(first) == hash(kind(user_id="1"))
        assert len({first, second, kind(user_id="1", metadata={"a": []})}) == 2


@pytest.mark.parametrize("made", [RunContext(), Plain("1"), HandMade("1"), Calling("1"), Slotted("1")])
def test_contexts_that_compare_by_value_and_can_change_have_no_hash(made: RunContext) -> None:
    """A context that is not frozen is no key: what is equal must have one hash, and data may change."""
    with pytest.raises(TypeError, match="unhashable"):
        hash(made)


@pytest.mark.parametrize("kind", [Frozen, FrozenBelow, FrozenSlotted])
def test_frozen_contexts_refuse_to_be_written(kind: Any) -> None:
    """A frozen context refuses its own fields, the query and the metadata."""
    made = kind(user_id="1")
    for name in ("user_id", "query", "metadata"):
        with pytest.raises((dataclasses.FrozenInstanceError, TypeError)):
            setattr(made, name, "changed")
    assert made == kind(user_id="1")


@pytest.mark.parametrize(("kind", "own"), EVERY)
def test_pickle_and_deepcopy_leave_the_agent_behind(kind: Any, own: dict[str, Any]) -> None:
    """What a run worked with can be pickled and deep-copied: all its data, without the agent."""
    given = kind(**own)
    given.metadata["deep"] = {"list": [1]}
    result = agent("done").run("asked", context=given).result(timeout=20)
    worked_with: Any = result.context
    assert worked_with.agent is not None
    for made in (pickle.loads(pickle.dumps(worked_with)), copy.deepcopy(worked_with)):
        assert type(made) is type(worked_with)
        assert (made.agent, made.query) == (None, "asked")
        assert made.metadata == {"deep": {"list": [1]}}
        assert made == worked_with
        made.metadata["deep"]["list"].append(2)
    assert given.metadata == {"deep": {"list": [1]}}


@pytest.mark.parametrize(("kind", "own"), EVERY)
def test_get(kind: Any, own: dict[str, Any]) -> None:
    """`get` finds metadata by key, else gives the default, which is None unless said."""
    made = kind(**own)
    made.metadata.update(request_id="req-123", empty=None)
    assert made.get("request_id") == "req-123"
    assert (made.get("nothing"), made.get("nothing", 7), made.get("empty", 7)) == (None, 7, None)


@pytest.mark.parametrize(("kind", "own"), EVERY)
def test_with_metadata_copies(kind: Any, own: dict[str, Any]) -> None:
    """`with_metadata` gives another object of the same class; neither the given one nor its dict changes."""
    given = kind(**own)
    given.metadata.update(kept=1, changed=1)
    made = given.with_metadata(changed=2, added=3)
    assert type(made) is type(given)
    assert made.metadata == {"kept": 1, "changed": 2, "added": 3}
    assert given.metadata == {"kept": 1, "changed": 1}
    assert {name: getattr(made, name) for name in own} == own
    made.metadata["later"] = True
    assert given.with_metadata().metadata == {"kept": 1, "changed": 1}
    assert given.with_metadata() == given
    assert given.with_metadata().metadata is not given.metadata


def test_with_metadata_calls_no_constructor() -> None:
    """A hand-made class with required arguments is copied without being constructed again."""
    assert HandMade("123").with_metadata(a=1).user_id == "123"


def test_attributes_set_by_hand_survive_a_copy() -> None:
    """What a caller puts on a plain RunContext is there for the tools too."""
    given: Any = RunContext()
    given.tenant = "acme"
    assert given.with_metadata(a=1).tenant == "acme"
    assert copy.deepcopy(given).tenant == "acme"
    result: Any = agent("done").run("asked", context=given).result(timeout=20)
    assert result.context.tenant == "acme"


def test_a_dict_becomes_metadata() -> None:
    """An agent takes a mapping for a context: its pairs are the metadata, and it is not written to."""
    given = {"user_id": "123"}
    context = agent("done").run("asked", context=given).result(timeout=20).context
    assert (context.query, context.metadata, context.get("user_id")) == ("asked", {"user_id": "123"}, "123")
    context.metadata["more"] = 1
    assert given == {"user_id": "123"}


@pytest.mark.parametrize("given", ["text", 7, ["a"], object(), RunContext])
def test_anything_else_is_no_context(given: Any) -> None:
    """What is neither a context nor a mapping nor None is refused, with its class and a way out."""
    with pytest.raises(
        TypeError, match=rf"RunContext, a mapping or None: got {type(given).__name__}; derive"
    ):
        agent("done").run("asked", context=given).result(timeout=20)


@pytest.mark.parametrize(("kind", "own"), EVERY)
async def test_an_agent_never_writes_to_the_context_it_was_given(kind: Any, own: dict[str, Any]) -> None:
    """A run works with a copy that has the query and the agent; the given object stays as it was."""
    given = kind(**own)
    given.metadata["a"] = 1
    before = copy.deepcopy(given)
    asker = agent("done", "done")
    first = await asker.run("first", context=given)
    second = await asker.run("second", context=given)
    assert given == before
    assert (given.query, given.agent, given.metadata) == ("", None, {"a": 1})
    assert (first.context.query, second.context.query) == ("first", "second")
    assert first.context.agent is asker
    assert first.context is not given
    assert type(first.context) is type(given)


@pytest.mark.parametrize(("kind", "own"), EVERY)
async def test_the_query_of_the_caller_is_kept(kind: Any, own: dict[str, Any]) -> None:
    """A query that the caller set is not replaced by the task."""
    given = kind(**own)
    object.__setattr__(given, "query", "the first question")
    result = await agent("done").run("a part of it", context=given)
    assert result.context.query == "the first question"


async def test_no_context_is_an_empty_one() -> None:
    """A run without a context works with an empty one that has the query."""
    result = await agent("done").run("asked")
    assert result.context == RunContext(query="asked")


@pytest.mark.parametrize("kind", [Plain, Frozen, Slotted, FrozenSlotted, ByKeyword])
def test_a_class_says_its_signature(kind: Any) -> None:
    """An editor sees the fields of a class, `query` and `metadata` behind them by keyword."""
    import inspect

    parameters = inspect.signature(kind).parameters
    assert next(iter(parameters)) == "user_id"
    assert {name: parameters[name].kind for name in ("query", "metadata")} == {
        "query": inspect.Parameter.KEYWORD_ONLY,
        "metadata": inspect.Parameter.KEYWORD_ONLY,
    }


def test_multiple_inheritance_takes_the_fields_of_both() -> None:
    """A context may have a second dataclass as its base; a field of the base that it has is its own."""

    @dataclass
    class Tracked:
        request_id: str
        query: str = "tracked"

    @dataclass
    class Both(RunContext, Tracked):
        user_id: str = "1"

    made = Both("req-1")
    assert (made.request_id, made.user_id, made.metadata) == ("req-1", "1", {})


def test_frozen_is_the_same_class_at_run_time() -> None:
    """FrozenRunContext tells type checkers more, and programs nothing new."""
    same: Any = RunContext
    assert FrozenRunContext is same


class _Copies(RunContext):
    """A context that says itself how it is copied."""

    def __copy__(self) -> _Copies:
        made = _Copies()
        made.metadata = {"copied": True}
        return made


class _Restores(RunContext):
    """A context that says itself how its state comes back."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, restored=True)


class _Marks(RunContext):
    """A context whose property keeps what it is given elsewhere."""

    @property
    def agent(self) -> Any:
        """Return what was kept."""
        return self.__dict__.get("kept")

    @agent.setter
    def agent(self, given: Any) -> None:
        self.__dict__["kept"] = given


@pytest.mark.parametrize(("kind", "own"), EVERY)
def test_a_copy_for_an_agent_is_what_copy_makes(kind: Any, own: dict[str, Any]) -> None:
    """An agent's copy of any context has the class and the state that `copy.copy` gives it."""
    made = kind(**own)
    object.__setattr__(made, "query", "q")
    object.__setattr__(made, "by_hand", 1)
    mine, expected = for_agent(made, agent(), "other"), copy.copy(made)
    assert (type(mine), mine, mine.metadata is made.metadata) == (type(expected), expected, True)
    assert (mine.agent.name, made.agent) == (agent().name, None)  # type: ignore[union-attr]


def test_a_class_that_copies_itself_is_asked_to() -> None:
    """What a class says of its copies holds for those that agents work with."""
    assert for_agent(_Copies(), None, "q").metadata == {"copied": True}
    assert vars(for_agent(_Restores(), None, "q"))["restored"] is True
    assert vars(for_agent(_Marks(), agent(), "q"))["kept"].name == agent().name
