"""The line of a unit: which of its spans it is taken from, and what those say.

A run's line comes from its own span. Where that has come more than once (a run that was left and resumed),
the earliest says how it began and the one that ended last how it went; metadata is that of all. While it
has not come, the run is open, and the line is put together from what is there. The choice depends on the
spans alone, not on their order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from contextcompany.local.reading.read import read
from contextcompany.local.store.sqlite.tables import nodes, packs

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from contextcompany.local.otlp.spans import SpanRecord
    from contextcompany.local.reading.reading import Reading
    from contextcompany.local.store.sqlite.tables.nodes import Unit
    from contextcompany.local.store.sqlite.writing.placing import Placing
    from contextcompany.local.store.sqlite.writing.units import Units

_SERVICE: Final = "service.name"
# What belongs together comes from one span.
_IDENTITY: Final = (("agent",), ("session_id",), ("user_id", "user_name"), ("org_id", "org_name"))
# Who resumes a run more often than this adds nothing to it any more.
_MOST_RESUMED: Final = 32

_EARLIEST: Final = "ORDER BY start_ns, end_ns DESC, span_id LIMIT 1"
# Of those that end together the outermost.
_LATEST: Final = "ORDER BY end_ns DESC, start_ns, span_id DESC LIMIT 1"
_OWN_FIRST: Final = (
    f"SELECT id, says, trace, parent_span_id, start_ns FROM span WHERE run = ? AND own = 1 {_EARLIEST}"
)
_OWN_LAST: Final = f"SELECT id, says, end_ns FROM span WHERE run = ? AND own = 1 {_LATEST}"
_OWN: Final = f"SELECT id FROM span WHERE run = ? AND own = 1 {_EARLIEST.replace('LIMIT 1', 'LIMIT ?')}"
_OWN_SAYS: Final = f"SELECT id FROM span WHERE run = ? AND own = 1 AND says & ? {_EARLIEST}"
_OWN_SAYS_LAST: Final = f"SELECT id FROM span WHERE run = ? AND own = 1 AND says & ? {_LATEST}"
_STEP_SAYS: Final = f"SELECT id FROM span WHERE run = ? AND kind = 'step' AND says & ? {_EARLIEST}"
_STEP_SAYS_LAST: Final = (
    "SELECT id FROM span WHERE run = ? AND kind = 'step' AND says & ? "
    "ORDER BY start_ns DESC, end_ns, span_id DESC LIMIT 1"
)
_ROOT: Final = (
    "SELECT id, start_ns, end_ns FROM span "
    f"WHERE trace = ? AND parent_span_id IS NULL AND run = ? AND kind <> 'feedback' {_EARLIEST}"
)
_FIRST_OF_KIND: Final = (
    f"SELECT start_ns, end_ns, span_id, id FROM span WHERE run = ? AND kind = ? {_EARLIEST}"
)
_BOUNDS: Final = (
    "SELECT min(start_ns), max(end_ns) FROM span WHERE run = ? AND kind IN ('run', 'span', 'step', 'tool')"
)
_BOUNDS_OF_ALL: Final = "SELECT min(start_ns), max(end_ns) FROM span WHERE run = ?"
_WORDS: Final = (
    "SELECT feedback_text FROM span WHERE run = ? AND kind = 'feedback' AND says & ? "
    "ORDER BY start_ns DESC, end_ns, span_id DESC LIMIT 1"
)
_HAS_WORK: Final = "SELECT 1 FROM span WHERE run = ? AND kind IN ('run', 'step', 'tool') LIMIT 1"
_HAS_ANY: Final = "SELECT 1 FROM span WHERE run = ? LIMIT 1"


class Summaries:
    """The lines of the units that one batch touched."""

    def __init__(self, connection: sqlite3.Connection, units: Units, placing: Placing) -> None:
        self._connection = connection
        self._units = units
        self._placing = placing

    def refresh(self, unit: Unit) -> None:
        """Take the line of a unit from its spans, and put it inside the run that these say it is in."""
        if self._one(_HAS_ANY, unit.id) is None:
            self._units.set_wanted(unit, None)
            self._units.remove(unit)
            self._placing.forget_unit(unit)
            return
        first = self._one(_OWN_FIRST, unit.id)
        if first is None:
            self._without_own(unit)
        else:
            last = self._one(_OWN_LAST, unit.id)
            unit.start_ns, unit.end_ns = first[4], max(first[4], last[2])
            self._set_head(unit, first[0], has_name=True)
            if first[0] != last[0] and not unit.is_of_trace:
                self._add_resumed(unit)
            self._set_tail(unit, last[0])
            self._set_asker(unit, first[0] if first[1] & nodes.HAS_PROMPT else self._asker(unit))
            self._set_answerer(unit, last[0] if last[1] & nodes.HAS_RESPONSE else self._answerer(unit))
        words = self._one(_WORDS, unit.id, nodes.HAS_WORDS)
        unit.feedback_text = words[0] if words else ""
        trace = self._placing.trace_of(unit)
        if trace is None:
            self._units.set_wanted(unit, self._wanted(unit, first))
        else:
            self._units.set_wanted(unit, None)
            unit.named_parent = ""
            has_work = not trace.has_runs or self._one(_HAS_WORK, unit.id) is not None
            unit.parent = None if has_work else 0

    def _without_own(self, unit: Unit) -> None:
        root = None
        trace = self._placing.trace_of(unit)
        if trace is not None:
            root = self._one(_ROOT, trace.id, unit.id)
        if root is None:
            bounds = self._one(_BOUNDS, unit.id)
            if bounds[0] is None:
                bounds = self._one(_BOUNDS_OF_ALL, unit.id)
            unit.start_ns, unit.end_ns = bounds
        else:
            unit.start_ns, unit.end_ns = root[1], root[2]
        at_work = [self._one(_FIRST_OF_KIND, unit.id, kind) for kind in ("run", "step", "tool")]
        found = min(
            (row for row in at_work if row is not None),
            key=lambda row: (row[0], -row[1], row[2]),
            default=None,
        )
        if found is None:
            found = self._one(_FIRST_OF_KIND, unit.id, "span") or self._one(
                _FIRST_OF_KIND, unit.id, "feedback"
            )
        self._set_head(unit, found[3], has_name=False)
        self._set_tail(unit, root[0] if root else 0)
        self._set_asker(unit, self._asker(unit))
        self._set_answerer(unit, self._answerer(unit))

    def _asker(self, unit: Unit) -> int:
        found = self._one(_OWN_SAYS, unit.id, nodes.HAS_PROMPT) or self._one(
            _STEP_SAYS, unit.id, nodes.HAS_PROMPT
        )
        return found[0] if found else 0

    def _answerer(self, unit: Unit) -> int:
        found = self._one(_OWN_SAYS_LAST, unit.id, nodes.HAS_RESPONSE) or self._one(
            _STEP_SAYS_LAST, unit.id, nodes.HAS_RESPONSE
        )
        return found[0] if found else 0

    def _set_head(self, unit: Unit, number: int, *, has_name: bool) -> None:
        if unit.head == number and has_name == (unit.name != ""):
            return
        span, said = self._read(number)
        unit.head = number
        unit.name = nodes.line(said.name) if has_name else ""
        unit.trace_id = unit.address if unit.is_of_trace else nodes.storable(span.trace_id)
        unit.service = nodes.storable(nodes.short(str(span.resource.get(_SERVICE) or "")))
        self._set_identity(unit, [said])
        unit.named_parent = nodes.address_of(said.parent_run_id) if said.parent_run_id else ""

    def _add_resumed(self, unit: Unit) -> None:
        """Add what was said of a run where it was resumed."""
        rows = self._connection.execute(_OWN, (unit.id, _MOST_RESUMED)).fetchall()
        self._set_identity(unit, [self._read(row[0])[1] for row in rows])

    def _set_identity(self, unit: Unit, said: Sequence[Reading]) -> None:
        """Take from the spans of a run whose it is, as the first says, and its metadata, as the last says."""
        for names in _IDENTITY:
            found = ([nodes.short(getattr(one, name)) for name in names] for one in said)
            values = next((each for each in found if any(each)), [""] * len(names))
            for name, value in zip(names, values, strict=True):
                setattr(unit, name, value)
        unit.metadata = nodes.metadata_text(
            {key: value for one in said for key, value in one.metadata.items()}
        )

    def _set_tail(self, unit: Unit, number: int) -> None:
        if unit.tail == number:
            return
        unit.tail = number
        if not number:
            self._units.set_status(unit, "open")
            unit.error_type = unit.error = ""
            return
        span, said = self._read(number)
        del span
        self._units.set_status(unit, said.status)
        unit.error_type = nodes.short(said.error_type)
        unit.error = nodes.line(said.error_message)

    def _set_asker(self, unit: Unit, number: int) -> None:
        if unit.asker != number:
            unit.asker = number
            unit.prompt = nodes.line(self._read(number)[1].prompt) if number else ""

    def _set_answerer(self, unit: Unit, number: int) -> None:
        if unit.answerer != number:
            unit.answerer = number
            unit.response = nodes.line(self._read(number)[1].response) if number else ""

    def _wanted(self, unit: Unit, own: Any) -> int | None:
        """Return the run around a run: that of the span above its own span, else the one it names."""
        if own is not None and own[3] is not None:
            above = self._placing.node(own[2], own[3])
            around = self._units.maybe(above.run) if above is not None else None
            if around is not None and around is not unit and not around.is_of_trace:
                return around.id
        if unit.named_parent:
            around = self._units.find(unit.named_parent)
            if around is not None and around is not unit and not around.is_of_trace:
                return around.id
        return None

    def _read(self, number: int) -> tuple[SpanRecord, Reading]:
        arrival = self._placing.new.get(number)
        if arrival is not None:
            return arrival.span, arrival.reading
        [(_, span)] = packs.read(self._connection, [number])
        return span, read(span)

    def _one(self, query: str, *values: object) -> Any:
        return self._connection.execute(query, values).fetchone()
