"""Tools whose annotations are text, as `from __future__ import annotations` makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Optional

from contextcompany import tool
from tests.context.contexts import Plain

if TYPE_CHECKING:
    from tests.context.contexts import Frozen


@tool
def text_name(ctx: Plain) -> Plain:
    """Take a context of one class."""
    return ctx


@tool
def text_bar(ctx: Plain | None) -> Plain | None:
    """Take a context or None."""
    return ctx


@tool
def text_optional(ctx: Optional[Plain]) -> Plain | None:  # noqa: UP045  (the spelling is what is tested)
    """Take a context or None, in the old spelling."""
    return ctx


@tool
def text_annotated(ctx: Annotated[Plain, "told"]) -> Plain:
    """Take a context with a note."""
    return ctx


@tool
def text_later_name(who: Later) -> Any:
    """Take a context of a class that is made further down."""
    return who


@tool
def for_checkers_only(limit: int = 1, ctx: Frozen | None = None) -> Frozen | None:
    """Take a context of a class that is not there at run time."""
    return ctx


Later = Plain
