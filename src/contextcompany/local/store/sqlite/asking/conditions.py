"""A filter in the language of SQLite: conditions on the row of a top-level run, and sets of such runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from contextcompany.local.store.filters import METADATA_PREFIX
from contextcompany.local.store.sqlite.asking import search
from contextcompany.local.store.sqlite.tables.nodes import address_of, storable

if TYPE_CHECKING:
    from contextcompany.local.store.filters import RunFilter

# A shorter text is the beginning of too many addresses.
_LEAST_BEGINNING: Final = 8
_LAST_CHARACTER: Final = "\U0010ffff"

_FEEDBACK: Final = {
    "up": "r.thumbs_up > 0",
    "down": "r.thumbs_down > 0",
    "none": "r.thumbs_up = 0 AND r.thumbs_down = 0",
}
_HAS_WORDS: Final = "SELECT 1 FROM run AS q WHERE q.id = {id} AND q.feedback_text <> ''"
_HAS_ANY: Final = (
    "SELECT 1 FROM run AS q WHERE q.id = {id} "
    "AND (q.feedback_text <> '' OR q.thumbs_up > 0 OR q.thumbs_down > 0)"
)
_RATED: Final = (
    "SELECT DISTINCT q.top AS id FROM span AS s INDEXED BY span_feedback "
    "CROSS JOIN run AS q ON q.id = s.run WHERE s.kind = 'feedback'"
)
_SPOKEN: Final = (
    "SELECT q.top AS id FROM words CROSS JOIN span AS s ON s.id = words.rowid "
    "CROSS JOIN run AS q ON q.id = s.run WHERE words MATCH :match"
)
_NAMED: Final = (
    "SELECT top AS id FROM run WHERE address = :address",
    (
        "SELECT q.top FROM trace AS t CROSS JOIN span AS s ON s.trace = t.id "
        "CROSS JOIN run AS q ON q.id = s.run WHERE t.trace_id = :text"
    ),
    "SELECT top FROM run WHERE session_id = :text AND session_id <> ''",
    "SELECT top FROM run WHERE user_id = :text AND user_id <> ''",
    "SELECT top FROM facet WHERE kind = 'agent' AND value = :text",
)
_BEGINS: Final = "SELECT top FROM run WHERE address >= :text AND address < :text_end"


@dataclass(frozen=True, slots=True)
class RunSet:
    """Top-level runs that have something in common.

    `probe` tells whether the run `{id}` is one of them. `ids` lists them, each once, as `id`; it is empty
    where a list would be of no use, and has more than them unless `is_exact`. `sized_by` tells how many there
    are at most, `ids` unless given.
    """

    probe: str
    ids: str = ""
    sized_by: str = ""
    is_exact: bool = True


@dataclass(frozen=True, slots=True)
class Words:
    """What is looked for in the full text; `exact` is the same without longer words, where there are any."""

    match: str
    exact: str


@dataclass(frozen=True, slots=True)
class Conditions:
    """What must hold for a top-level run `r`.

    `inline` are conditions on columns that the index `run_list` holds. `text` is the set of the runs that
    are found by a text, `named` those of them whose name it is, `words` what the others contain. All speak
    of `parameters`.
    """

    inline: tuple[str, ...] = ("r.parent IS NULL",)
    sets: tuple[RunSet, ...] = ()
    text: RunSet | None = None
    named: str = ""
    words: Words | None = None
    parameters: dict[str, str | int | float] = field(default_factory=dict[str, "str | int | float"])

    @property
    def where(self) -> str:
        """All inline conditions as one."""
        return " AND ".join(self.inline)

    @property
    def all_sets(self) -> tuple[RunSet, ...]:
        """Every set, that of the text included."""
        return self.sets if self.text is None else (*self.sets, self.text)


def conditions(wanted: RunFilter) -> Conditions:
    """Write a filter in the language of SQLite.

    Raises:
        FilterError: A bound is neither a time nor an age.
    """
    inline = ["r.parent IS NULL"]
    parameters: dict[str, str | int | float] = {}
    since, until = wanted.bounds_ns()
    if since is not None:
        inline.append("r.start_ns >= :since")
        parameters["since"] = since
    if until is not None:
        inline.append("r.start_ns < :until")
        parameters["until"] = until
    if wanted.status:
        inline.append("r.status = :status")
        parameters["status"] = wanted.status
    if wanted.feedback in _FEEDBACK:
        inline.append(_FEEDBACK[wanted.feedback])
    sets = _facets(wanted, parameters)
    sets += _columns(wanted, parameters)
    sets += _feedback(wanted.feedback)
    if not wanted.text:
        return Conditions(tuple(inline), tuple(sets), parameters=parameters)
    return _with_text(wanted.text, tuple(inline), tuple(sets), parameters)


def _facets(wanted: RunFilter, parameters: dict[str, str | int | float]) -> list[RunSet]:
    pairs = [(kind, getattr(wanted, kind)) for kind in ("agent", "model", "tool", "error")]
    pairs += [(METADATA_PREFIX + key, value) for key, value in wanted.metadata]
    found: list[RunSet] = []
    for number, (kind, value) in enumerate(pair for pair in pairs if pair[1]):
        parameters[f"kind{number}"] = storable(kind)
        parameters[f"value{number}"] = storable(value)
        those = f"FROM facet WHERE kind = :kind{number} AND value = :value{number}"
        found.append(
            RunSet(probe=f"EXISTS (SELECT 1 {those} AND top = {{id}})", ids=f"SELECT top AS id {those}")
        )
    return found


def _columns(wanted: RunFilter, parameters: dict[str, str | int | float]) -> list[RunSet]:
    found: list[RunSet] = []
    if wanted.session:
        parameters["session"] = storable(wanted.session)
        found.append(_where("session_id = :session AND session_id <> ''"))
    for kind, value in (("user", wanted.user), ("org", wanted.org)):
        if value:
            parameters[kind] = storable(value)
            names: list[str] = []
            for number, name in enumerate(_cases(storable(value))):
                names.append(f":{kind}_name{number}")
                parameters[f"{kind}_name{number}"] = name
            found.append(
                _where(
                    f"{kind}_id = :{kind} AND {kind}_id <> ''",
                    f"{kind}_name COLLATE NOCASE IN ({', '.join(names)}) AND {kind}_name <> ''",
                )
            )
    return found


def _where(*either: str) -> RunSet:
    return RunSet(
        probe=f"EXISTS (SELECT 1 FROM run AS q WHERE q.id = {{id}} AND ({' OR '.join(either)}))",
        # Our own words; values are bound.
        ids=" UNION ".join(f"SELECT id FROM run WHERE {one}" for one in either),
        sized_by=" UNION ALL ".join(f"SELECT id FROM run WHERE {one}" for one in either),
    )


def _cases(name: str) -> tuple[str, ...]:
    """Return how a name may be written: the collation of SQLite knows upper and lower case of ASCII alone."""
    if name.isascii():
        return (name,)
    return tuple({name, name.lower(), name.upper(), name.title(), name.casefold()})


def _feedback(wanted: str) -> list[RunSet]:
    if wanted == "text":
        return [RunSet(probe=f"EXISTS ({_HAS_WORDS})", ids=_RATED, is_exact=False)]
    if wanted == "any":
        return [RunSet(probe=f"EXISTS ({_HAS_ANY})", ids=_RATED, is_exact=False)]
    if wanted == "none":
        return [RunSet(probe=f"NOT EXISTS ({_HAS_WORDS})")]
    return []


def _with_text(
    text: str,
    inline: tuple[str, ...],
    sets: tuple[RunSet, ...],
    parameters: dict[str, str | int | float],
) -> Conditions:
    typed = storable(text.strip())
    parameters |= {"text": typed, "address": address_of(typed)}
    named: list[str] = list(_NAMED)
    if len(typed) >= _LEAST_BEGINNING and len(typed.split()) == 1:
        parameters["text_end"] = typed + _LAST_CHARACTER
        named.append(_BEGINS)
    ids = " UNION ".join(named)
    match = search.expression(typed)
    words = None
    sized_by = " UNION ALL ".join(named)
    if match is not None:
        exact = search.expression(typed, beginnings=False) or match
        words = Words(match, exact)
        parameters["match"] = match
        ids = f"{_SPOKEN} UNION {ids}"
        sized_by = f"SELECT rowid AS id FROM words WHERE words MATCH :match UNION ALL {sized_by}"
    return Conditions(
        inline=inline,
        sets=sets,
        text=RunSet(probe=f"{{id}} IN ({ids})", ids=ids, sized_by=sized_by),
        named=" UNION ".join(named),
        words=words,
        parameters=parameters,
    )
