"""The page of a session: its runs as one thread, what was asked and what was answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from contextcompany.local.dashboard.run.links import query_path
from contextcompany.local.dashboard.run.plain_text import Folded, prose
from contextcompany.local.reading.read import read

if TYPE_CHECKING:
    from fastapi import Request, Response

    from contextcompany.local.dashboard.frame.rendering import Pages
    from contextcompany.local.store.interface import RunStore
    from contextcompany.local.store.rows import RunRow

MOST_RUNS: Final = 200
"""So many runs of a session are shown, the newest."""

_SECTION: Final = "/sessions"
_MOST_CHARACTERS: Final = 6_000
_MOST_CHARACTERS_OF_ALL: Final = 600_000


@dataclass(frozen=True, slots=True)
class ExchangeView:
    """One run of the thread; prompt and answer are None where there is none."""

    row: RunRow
    prompt: Folded | None
    answer: Folded | None
    pause_ns: int


@dataclass(frozen=True, slots=True)
class Sums:
    """What the runs of the thread used together."""

    failed: int
    start_ns: int
    end_ns: int
    input_tokens: int
    output_tokens: int
    cost: float | None
    thumbs_up: int
    thumbs_down: int


class SessionPage:
    """Answer the address of a session.

    Args:
        store: Where runs are kept.
        pages: Renders the templates.
    """

    def __init__(self, store: RunStore, pages: Pages) -> None:
        self._store = store
        self._pages = pages

    def show(self, request: Request) -> Response:
        """Answer with the page."""
        session_id: str = request.path_params["session_id"]
        # Before the rows: what changes meanwhile is then fetched again, not missed.
        change = self._store.last_change()
        rows = self._store.session(session_id, limit=MOST_RUNS)
        if not rows:
            return self._pages.answer(
                "unknown.html", section=_SECTION, status=404, what="session", key=session_id, query=query_path
            )
        return self._pages.answer(
            "session.html",
            section=_SECTION,
            change=change,
            session_id=session_id,
            query=query_path,
            exchanges=self._exchanges(rows),
            sums=_sums(rows),
            is_cut=len(rows) == MOST_RUNS,
            people=_people(rows),
            agents=tuple(dict.fromkeys(row.agent for row in rows if row.agent)),
        )

    def _exchanges(self, rows: tuple[RunRow, ...]) -> list[ExchangeView]:
        said = self._store.exchanges([row.address for row in rows])
        most = max(500, min(_MOST_CHARACTERS, _MOST_CHARACTERS_OF_ALL // (2 * len(rows))))
        exchanges: list[ExchangeView] = []
        last_ns = rows[0].start_ns
        for row in rows:
            found = said.get(row.address)
            asked, answered = (found.asked, found.answered) if found is not None else (None, None)
            prompt = read(asked).prompt if asked is not None else row.prompt
            answer = read(answered).response if answered is not None else row.response
            exchanges.append(
                ExchangeView(
                    row,
                    prose(prompt, most) if prompt else None,
                    prose(answer, most) if answer else None,
                    max(0, row.start_ns - last_ns),
                )
            )
            last_ns = max(last_ns, row.end_ns)
        return exchanges


def _sums(rows: tuple[RunRow, ...]) -> Sums:
    costs = [row.cost for row in rows if row.cost is not None]
    return Sums(
        failed=sum(row.status == "failed" for row in rows),
        start_ns=min(row.start_ns for row in rows),
        end_ns=max(row.end_ns for row in rows),
        input_tokens=sum(row.input_tokens for row in rows),
        output_tokens=sum(row.output_tokens for row in rows),
        cost=sum(costs) if costs else None,
        thumbs_up=sum(row.thumbs_up for row in rows),
        thumbs_down=sum(row.thumbs_down for row in rows),
    )


def _people(rows: tuple[RunRow, ...]) -> tuple[tuple[str, str], ...]:
    """Name the users of the runs: the filter that finds them, and what people call them."""
    found = {row.user_id or row.user_name: row.user_name or row.user_id for row in rows}
    return tuple((key, label) for key, label in found.items() if key)
