"""Ways to the runs that meet conditions: along the list of all, or from the smallest set of them.

Where most runs meet the conditions, a page is full after a few steps along the list; where few do, those few
are gathered and put in order. What is cheaper is not known before, so the first is tried for a while.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeVar

from contextcompany.local.store.sqlite.asking import search

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence

    from contextcompany.local.store.sqlite.asking.conditions import Conditions, RunSet

_Rest = TypeVar("_Rest")

FEW: Final = 5_000
"""So many runs are gathered without trying the list first."""

_MANY: Final = 20_000
_STEPS: Final = 2_000
_STEPS_OF_COUNT: Final = 30_000
_READ_AT_ONCE: Final = 64
# To ask the full text about each of more runs takes longer than to ask it once about all.
_MOST_READ: Final = 5_000


@dataclass(frozen=True, slots=True)
class Order:
    """By which figure of a run a list is ordered; the run's number decides between equals."""

    key: str
    kind: type[int | float] = int
    is_descending: bool = True

    @property
    def direction(self) -> str:
        """The direction in the language of SQLite."""
        return "DESC" if self.is_descending else "ASC"

    @property
    def after(self) -> str:
        """The condition of what comes after a place."""
        return f"({self.key}, r.id) {'<' if self.is_descending else '>'} (:after_key, :after_id)"


@dataclass(frozen=True, slots=True)
class Source:
    """Where runs come from, as rows `r`: the words after a SELECT, with conditions, and their parameters."""

    rows: str
    parameters: dict[str, str | int | float]


class Finder:
    """Finds the runs that meet conditions; it knows how many are in each set, up to a bound."""

    def __init__(self, connection: sqlite3.Connection, found: Conditions) -> None:
        self._connection = connection
        self._found = found
        self._parameters = dict(found.parameters)
        self._where = found.where
        text = found.text
        text_size = 0 if text is None else self._text_size(text)
        # Words that stand in very many spans are looked for in runs, instead of runs by words.
        self._reads = text_size > _MANY
        self._sets = found.sets if self._reads or text is None else (*found.sets, text)
        self._driver: RunSet | None = None
        self._size = _MANY + 1
        for one in self._sets:
            if one.ids:
                size = text_size if one is text else self._count(one.sized_by or one.ids, self._size)
                if size < self._size or self._driver is None:
                    self._driver, self._size = one, size

    @cached_property
    def is_few(self) -> bool:
        """Whether there are so few candidates that each may be looked at."""
        return self._is_gathered or (
            len(self._found.inline) > 1 and self._count(self._listed, _MANY + 1) <= _MANY
        )

    @property
    def _is_gathered(self) -> bool:
        return self._driver is not None and self._size <= _MANY

    @property
    def _listed(self) -> str:
        return f"SELECT r.id FROM run AS r INDEXED BY run_list WHERE {self._where}"

    def page(self, order: Order, limit: int, after: Sequence[float] | None = None) -> list[tuple[int, Any]]:
        """Return number and key of the first runs in an order, or of the first after a place."""
        where, parameters = self._where, self._parameters
        if after is not None:
            where = f"{where} AND {order.after}"
            parameters = parameters | {"after_key": after[0], "after_id": after[1]}
        if self._size > FEW:
            rows, is_whole = self._walk(where, parameters, order, limit, _STEPS)
            if is_whole:
                return rows
        if self._driver is None:
            return self._walk(where, parameters, order, limit, -1)[0]
        return self._gather(where, parameters, order, limit)

    def count(self, limit: int) -> int:
        """Count the runs, up to a limit."""
        if self._reads:
            return self._count_read(limit)
        if self._driver is None or self._size > _MANY:
            steps = -1 if self._driver is None else max(_STEPS_OF_COUNT, limit)
            hits, walked = self._counted_along(limit, steps)
            if hits >= limit or steps < 0 or walked < steps:
                return min(hits, limit)
        return self._count(f"SELECT r.id {self._gathered(self._where)}", limit)

    @cached_property
    def source(self) -> Source:
        """Where all of them come from; what would be dear to work out more than once is worked out here."""
        rows = self._rows()
        return Source(rows, dict(self._parameters))

    def _rows(self) -> str:
        if self._is_gathered:
            query = f"SELECT r.id, 0, {self.named('r.id')} {self._gathered(self._where)}"
            candidates = ((row[0], row[1], bool(row[2])) for row in self._execute(query))
            return self._list(number for number, _ in self.read(candidates, _MOST_READ))
        # The largest sets are asked row by row, one is listed.
        driver = self._found.text if self._reads else self._driver
        listed = f" AND r.id IN ({driver.ids})" if driver is not None else ""
        but = driver if driver is not None and driver.is_exact else None
        rest = _probes(self._found.all_sets, "r.id", but=but)
        source = f"FROM run AS r INDEXED BY run_list WHERE {self._where}{listed}{rest}"
        if self._reads:
            return self._list(row[0] for row in self._execute(f"SELECT r.id {source}"))
        return source

    def _execute(self, query: str) -> sqlite3.Cursor:
        return self._connection.execute(query, self._parameters)

    def _list(self, numbers: Iterable[int]) -> str:
        self._parameters["found"] = json.dumps(list(numbers))
        return "FROM json_each(:found) AS d CROSS JOIN run AS r ON r.id = d.value WHERE r.parent IS NULL"

    def read(
        self, candidates: Iterator[tuple[int, _Rest, bool]], at_once: int = _READ_AT_ONCE
    ) -> Iterator[tuple[int, _Rest]]:
        """Leave out the runs in which the words do not stand, where SQLite was not asked for that.

        Args:
            candidates: The number of a run, anything, and whether the run goes by the name that is looked
                for.
            at_once: For how many to look at the same time.
        """
        words = self._found.words
        if not self._reads or words is None:
            yield from ((number, rest) for number, rest, _ in candidates)
            return
        while some := list(islice(candidates, at_once)):
            unnamed = {number for number, _, is_named in some if not is_named}
            spoken = search.spoken(self._connection, words.match, sorted(unnamed))
            yield from ((number, rest) for number, rest, is_named in some if is_named or number in spoken)

    def probes(self, run: str) -> str:
        """Return conditions on the run of that number, beside the inline ones, each after an AND."""
        return _probes(self._sets, run)

    def named(self, run: str) -> str:
        """Return what tells whether a run goes by the name that is looked for, for `read`."""
        return f"{run} IN ({self._found.named})" if self._reads else "1"

    def _text_size(self, text: RunSet) -> int:
        """Count the spans and runs that a text finds, up to a bound."""
        words = self._found.words
        if words is not None and words.exact != words.match:
            # A beginning of words is dear to look up; the word itself may be enough to know.
            self._parameters["exact"] = words.exact
            query = "SELECT rowid FROM words WHERE words MATCH :exact"
            if (size := self._count(query, _MANY + 1)) > _MANY:
                return size
        return self._count(text.sized_by, _MANY + 1)

    def _count(self, query: str, limit: int) -> int:
        rows = self._connection.execute(
            # Our own words; values are bound.
            f"SELECT count(*) FROM ({query} LIMIT :limit)",
            self._parameters | {"limit": limit},
        )
        return int(rows.fetchone()[0])

    def _walk(
        self, where: str, parameters: dict[str, Any], order: Order, limit: int, steps: int
    ) -> tuple[list[tuple[int, Any]], bool]:
        """Go along the list; also tell whether that gave all that was asked for."""
        direction = order.direction
        query = (
            f"SELECT w.id, w.key, (1{_probes(self._sets, 'w.id')}), {self.named('w.id')} "
            f"FROM (SELECT r.id AS id, {order.key} AS key FROM run AS r INDEXED BY run_list "
            f"WHERE {where} ORDER BY {order.key} {direction}, r.id {direction} LIMIT :steps) AS w"
        )
        walked = 0

        def candidates() -> Iterator[tuple[int, Any, bool]]:
            nonlocal walked
            for number, key, is_hit, is_named in self._connection.execute(
                query, parameters | {"steps": steps}
            ):
                walked += 1
                if is_hit:
                    yield number, key, bool(is_named)

        rows = list(islice(self.read(candidates()), limit))
        return rows, len(rows) == limit or steps < 0 or walked < steps

    def _gather(
        self, where: str, parameters: dict[str, Any], order: Order, limit: int
    ) -> list[tuple[int, Any]]:
        direction = order.direction
        query = (
            f"SELECT r.id, {order.key}, {self.named('r.id')} {self._gathered(where)} "
            f"ORDER BY {order.key} {direction}, r.id {direction} LIMIT :limit"
        )
        rows = self._connection.execute(query, parameters | {"limit": -1 if self._reads else limit})
        return list(islice(self.read((row[0], row[1], bool(row[2])) for row in rows), limit))

    def _gathered(self, where: str) -> str:
        assert self._driver is not None  # noqa: S101 (callers look)
        but = self._driver if self._driver.is_exact else None
        probes = _probes(self._sets, "d.id", but=but)
        return f"FROM ({self._driver.ids}) AS d CROSS JOIN run AS r ON r.id = d.id WHERE {where}{probes}"

    def _counted_along(self, limit: int, steps: int) -> tuple[int, int]:
        if not self._sets:
            return self._count(self._listed, limit), 0
        hits, walked = self._connection.execute(
            f"SELECT total(1{_probes(self._sets, 'w.id')}), count(*) FROM ({self._listed} LIMIT :steps) AS w",
            self._parameters | {"steps": steps},
        ).fetchone()
        return int(hits), walked

    def _count_read(self, limit: int) -> int:
        if self._driver is not None and self._size <= _MOST_READ:
            rows = self._connection.execute(
                f"SELECT r.id, 0, {self.named('r.id')} {self._gathered(self._where)}", self._parameters
            )
            candidates = ((row[0], row[1], bool(row[2])) for row in rows)
            return sum(1 for _ in islice(self.read(candidates, _MOST_READ), limit))
        text = self._found.text
        assert text is not None  # noqa: S101 (it is what is read)
        # In the order of the full text, which ends as soon as the limit is reached.
        return self._count(
            f"SELECT r.id FROM (SELECT DISTINCT id FROM ({text.ids.replace(' UNION ', ' UNION ALL ')})) AS d "
            f"CROSS JOIN run AS r ON r.id = d.id WHERE {self._where}{_probes(self._sets, 'd.id')}",
            limit,
        )


def _probes(sets: tuple[RunSet, ...], run: str, *, but: RunSet | None = None) -> str:
    return "".join(f" AND {one.probe.format(id=run)}" for one in sets if one is not but)
