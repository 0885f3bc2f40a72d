"""What a field of the filter can be completed to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contextcompany.local.store.filters import METADATA_PREFIX

if TYPE_CHECKING:
    from fastapi import Request, Response

    from contextcompany.local.dashboard.frame.rendering import Pages
    from contextcompany.local.store.interface import RunStore

_KNOWN: Final = frozenset({"agent", "user", "org", "session", "model", "tool", "error", "metadata"})
_MOST_CHARACTERS: Final = 200


class Suggestions:
    """Answer with the options of a list of suggestions."""

    def __init__(self, store: RunStore, pages: Pages) -> None:
        self._store = store
        self._pages = pages

    def show(self, request: Request) -> Response:
        """Answer with the values that begin with what was typed, most used first."""
        of = request.query_params.get("of", "")[:_MOST_CHARACTERS]
        prefix = request.query_params.get("prefix", "")[:_MOST_CHARACTERS]
        known = of in _KNOWN or (of.startswith(METADATA_PREFIX) and of != METADATA_PREFIX)
        values = self._store.values(of, prefix) if known else ()
        return self._pages.answer("_options.html", status=200 if known else 400, values=values)
