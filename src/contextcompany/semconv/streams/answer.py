"""What is known of an answer that arrives in pieces, and the bound that its pieces keep to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, cast

from contextcompany.semconv.text import byte_size
from contextcompany.semconv.values import freeze, to_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contextcompany.semconv.plain import Plain

_ENTRY_SIZE = 64


class Fields(Protocol):
    """The fields of a chunk or of a part of one."""

    def get(self, name: str, /) -> Any:
        """Return a field's value, or None where there is no such field."""
        ...


class _Attributes:
    """The attributes of an object that keeps them elsewhere than in a dict of its own."""

    __slots__ = ("_owner",)

    def __init__(self, owner: object) -> None:
        self._owner = owner

    def get(self, name: str, /) -> Any:
        return getattr(self._owner, name, None)


def fields_of(value: object) -> Fields:
    """Return the fields of a dict, a model of pydantic, or any object. May raise what the object raises."""
    kind: Any = type(value)
    if kind is dict:
        return value  # type: ignore[return-value]  # pyright: ignore[reportReturnType]
    try:
        model: Any = value
        extra: dict[str, Any] | None = model.__pydantic_extra__
    except AttributeError:
        return cast("Mapping[str, Any]", value) if issubclass(kind, Mapping) else _Attributes(value)
    # Read where they stand: a field that is not there costs a model a long search.
    fields: dict[str, Any] = model.__dict__
    return {**extra, **fields} if extra else fields


def text_in(value: object) -> str | None:
    """Return a text that is not empty as an exact `str`, or None for anything else."""
    return (str.__str__(cast("str", value)) or None) if issubclass(type(value), str) else None


def items_of(value: object) -> Iterable[Any]:
    """Return the items of a list or tuple; anything else has none."""
    return cast("Iterable[Any]", value) if isinstance(value, (list, tuple)) else ()


def said_of(error: object) -> str:
    """Return what a provider says of its failure, given as an object with a message or as text."""
    return (
        text_in(error)
        or text_in(fields_of(error).get("message"))
        or "the provider sent an error without a message"
    )


class Budget:
    """How much of an answer's text is kept.

    Attributes:
        cut: whether a text came that there was no room for.
        content: whether texts are kept at all.
        left: how many more characters there is room for.
    """

    __slots__ = ("content", "cut", "left")

    def __init__(self, limit: int, *, content: bool) -> None:
        self.left = limit
        self.content = content
        self.cut = False

    def add(self, pieces: list[str], text: object) -> None:
        """Append a piece of text while there is room; what is no text or is empty is left out."""
        if type(text) is not str or not text or not self.content:
            return
        size = len(text)
        if size > self.left:
            # What comes after a gap would not be read as what it is.
            self.cut, text, size = True, text[: self.left], self.left
        self.left -= size
        if text:
            pieces.append(text)

    def entry(self) -> bool:
        """Take room for one more call or block; returns whether there was some and content is kept."""
        if self.content and self.left < _ENTRY_SIZE:
            self.cut = True
        if not self.content or self.cut:
            return False
        self.left -= _ENTRY_SIZE
        return True

    def keep(self, value: object) -> Plain:
        """Return a copy of a structured value, as much of it as there is room for."""
        if not self.content:
            return None
        plain, was_cut = freeze(value, self.left)
        size = byte_size(to_json(plain)[0])
        self.cut = self.cut or was_cut
        self.left = max(self.left - size, 0)
        return plain


class Answer:
    """What arrived of one answer.

    Attributes:
        model: the model that answered.
        response_id: the provider's identifier of the answer.
        finish_reason: why the model stopped, in the provider's word.
        usage: token counts as given, by the names of `Step.tokens`.
        failure: what the provider said when it gave up, or None.
    """

    __slots__ = ("budget", "failure", "finish_reason", "model", "response_id", "usage")

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.model: str | None = None
        self.response_id: str | None = None
        self.finish_reason: str | None = None
        self.usage: dict[str, object] = {}
        self.failure: str | None = None

    def take(self, chunk: Fields) -> bool:
        """Take what a chunk brings; returns whether it is one of this provider's."""
        raise NotImplementedError

    def message(self) -> object:
        """Return what arrived as text, or in the shape of the provider's whole answers."""
        raise NotImplementedError

    def name(self, source: Fields) -> None:
        """Take the model and the identifier from where they stand; those that came first stay."""
        self.model = self.model or text_in(source.get("model"))
        self.response_id = self.response_id or text_in(source.get("id"))
