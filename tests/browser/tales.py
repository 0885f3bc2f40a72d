"""What the agents of the pictures are asked, what they do and what they answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call: what it was given and what came back, or the type and message of its error."""

    tool: str
    args: Mapping[str, Any]
    result: Any = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Tale:
    """One question to an agent with what became of it.

    `words` is the length of the answer in tokens, `read` how many tokens the model read, `cached` how many of
    them it knew already. With `error`, a type and a message, the run fails.
    """

    agent: str
    model: str
    prompt: str
    answer: str
    calls: tuple[Call, ...] = ()
    read: int = 1_400
    cached: int = 0
    words: int = 120
    error: str = ""
    partial: str = ""
    score: str = ""
    said: str = ""


PEOPLE: Final = (
    ("u-204", "Ines Calder", "org-north", "Northwind Freight"),
    ("u-317", "Tomasz Wilk", "org-north", "Northwind Freight"),
    ("u-118", "Amara Obi", "org-lumen", "Lumen Clinics"),
    ("u-422", "Jonas Ekberg", "org-hus", "Hus & Hem"),
    ("u-509", "Priya Raman", "org-lumen", "Lumen Clinics"),
    ("u-077", "Luc Moreau", "org-quay", "Quayside Books"),
)

TALES: Final = (
    Tale(
        "data-analyst",
        "claude-sonnet-4-5",
        "Which three warehouses were slowest to dispatch last week, and why?",
        "Rotterdam (31 h), Gdańsk (27 h) and Lyon (22 h). In Rotterdam most of the delay is one carrier "
        "that skipped its evening collection on four days.",
        (
            Call(
                "run_sql",
                {"sql": "SELECT warehouse, avg(hours) FROM dispatches WHERE week = 46 GROUP BY warehouse"},
                {"rows": [["Rotterdam", 31.2], ["Gdańsk", 27.0], ["Lyon", 22.4]]},
            ),
            Call("run_sql", {"sql": "SELECT carrier, count(*) FROM missed GROUP BY carrier"}, {"rows": 4}),
        ),
        read=6_240,
        cached=4_096,
        words=210,
        score="thumbs_up",
        said="Exactly what I needed for the Monday meeting.",
    ),
    Tale(
        "invoice-reader",
        "gemini-2.5-flash",
        "Read the attached invoice and book it to the right cost centre",
        "Booked 1,284.50 EUR from Halden Papier to cost centre 4120 (office supplies), due on 14 December.",
        (
            Call("read_document", {"id": "inv-88213"}, {"pages": 2, "supplier": "Halden Papier"}),
            Call("book_entry", {"amount": 1284.5, "currency": "EUR", "centre": "4120"}, {"entry": "B-55120"}),
        ),
        read=3_900,
        words=64,
    ),
    Tale(
        "code-reviewer",
        "claude-opus-4-1",
        "Review the change that moves retries into the client",
        "Two things to mend before it lands: the back-off has no upper bound, and a cancelled request is "
        "retried. The rest reads well; the new tests cover the paths that matter.",
        (
            Call("read_diff", {"change": 1182}, {"files": 7, "added": 214, "removed": 98}),
            Call("run_tests", {"path": "tests/client"}, {"passed": 84, "failed": 0, "seconds": 12.1}),
        ),
        read=18_400,
        cached=12_288,
        words=540,
    ),
    Tale(
        "clinic-desk",
        "gpt-5-mini",
        "Move my appointment with Dr Lindgren to any morning next week",
        "You are booked with Dr Lindgren on Wednesday at 09:40. The old appointment is cancelled.",
        (
            Call("find_slots", {"doctor": "lindgren", "from": "2026-11-23"}, ["Wed 09:40", "Fri 08:20"]),
            Call("move_appointment", {"to": "Wed 09:40"}, {"confirmed": True}),
        ),
        read=1_120,
        words=48,
        score="thumbs_up",
    ),
    Tale(
        "data-analyst",
        "claude-sonnet-4-5",
        "How did returns of lamps develop since the new packaging?",
        "",
        (Call("run_sql", {"sql": "SELECT * FROM returns"}, error="TimeoutError: no answer within 30 s"),),
        read=2_800,
        error="TimeoutError: the warehouse did not answer within 30 s",
    ),
    Tale(
        "book-finder",
        "gpt-5-mini",
        "A novel set in a lighthouse, not too sad, for my father",
        "“The Keeper's Year” by Anna Solberg: warm, funny, and the lighthouse survives. It is in stock.",
        (Call("search_catalogue", {"query": "novel lighthouse warm humour"}, {"hits": 12}),),
        read=940,
        words=70,
    ),
    Tale(
        "invoice-reader",
        "gemini-2.5-flash",
        "Book the three invoices from the shared mailbox",
        "Two of the three are booked. The scan of the third is too dark to read its amount.",
        (
            Call("read_document", {"id": "inv-88301"}, {"pages": 1}),
            Call("read_document", {"id": "inv-88302"}, {"pages": 1}),
            Call("read_document", {"id": "inv-88303"}, error="ValueError: the scan cannot be read"),
        ),
        read=5_100,
        words=80,
        partial="2 of 3 invoices are booked",
    ),
    Tale(
        "clinic-desk",
        "gpt-5-mini",
        "Can I take ibuprofen with the tablets you prescribed on Monday?",
        "That is a question for your doctor: I have asked the practice to call you back today before 17:00.",
        (Call("request_callback", {"urgency": "today"}, {"ticket": "CB-1930"}),),
        read=1_300,
        words=52,
        score="thumbs_up",
        said="Glad it did not guess.",
    ),
    Tale(
        "code-reviewer",
        "claude-opus-4-1",
        "Why does the nightly build fail on Windows since Tuesday?",
        "The tests open the same file twice without closing it. Linux allows that, Windows does not. Line 88 "
        "of test_export.py needs a with block.",
        (
            Call("read_log", {"build": 20931}, {"lines": 4_120, "error": "PermissionError: [WinError 32]"}),
            Call("search_code", {"query": "open(path"}, {"matches": 3}),
        ),
        read=22_750,
        cached=9_216,
        words=380,
        score="thumbs_up",
    ),
    Tale(
        "book-finder",
        "gpt-5-mini",
        "Is the second volume of the Harbour trilogy out in paperback?",
        "Not yet: the paperback comes out on 4 February. I can reserve one for you.",
        (Call("search_catalogue", {"query": "Harbour trilogy volume 2"}, {"hits": 3}),),
        read=870,
        words=38,
    ),
    Tale(
        "data-analyst",
        "claude-sonnet-4-5",
        "Draft the weekly figures for the board in four sentences",
        "Revenue rose 3.1% to 4.82 million. Dispatch times fell by two hours on average, in spite of "
        "Rotterdam. Returns stayed at 2.4%. Two large contracts move to next quarter.",
        (Call("run_sql", {"sql": "SELECT * FROM weekly WHERE week IN (45, 46)"}, {"rows": 2}),),
        read=4_480,
        cached=3_072,
        words=150,
        score="thumbs_down",
        said="The revenue is without VAT, please say so.",
    ),
    Tale(
        "invoice-reader",
        "gemini-2.5-flash",
        "Why was the invoice of Brandt & Co booked twice?",
        "",
        (Call("find_entries", {"supplier": "Brandt & Co"}, {"entries": ["B-55087", "B-55093"]}),),
        read=1_960,
        error="RateLimitError: the quota of this minute is used up",
    ),
    Tale(
        "clinic-desk",
        "gpt-5-mini",
        "Do you have parking for a wheelchair van?",
        "Yes: two wide spaces on the north side. You cannot book them; they are rarely full.",
        (Call("search_help", {"query": "parking wheelchair van"}, {"page": "Getting here"}),),
        read=780,
        words=42,
    ),
    Tale(
        "code-reviewer",
        "claude-opus-4-1",
        "Suggest a name for the module that decides which spans to keep",
        "`retention.py`. It says what the module decides about, and the word is already used in the docs.",
        (),
        read=3_200,
        words=60,
    ),
    Tale(
        "book-finder",
        "gpt-5-mini",
        "Something like “Small Hours”, but shorter",
        "Try “The Ferry Timetable” by Ruth Imani: 140 pages, the same quiet tone.",
        (Call("search_catalogue", {"query": "like Small Hours short"}, {"hits": 9}),),
        read=910,
        words=44,
        score="thumbs_up",
    ),
    Tale(
        "data-analyst",
        "claude-sonnet-4-5",
        "Compare fuel costs per tonne of the three largest routes",
        "Rotterdam to Basel 11.20 EUR, Hamburg to Prague 12.85 EUR, Marseille to Lyon 9.75 EUR per tonne.",
        (
            Call("run_sql", {"sql": "SELECT route, sum(fuel) / sum(tonnes) FROM trips GROUP BY route"}, 3),
            Call("draw_chart", {"kind": "bar"}, {"file": "fuel.svg"}),
        ),
        read=5_320,
        cached=4_096,
        words=130,
    ),
)

TRIP: Final = (
    "Plan a three-day trip to Lisbon for four people in May: flights from Copenhagen, a quiet hotel near "
    "the river, under 3,200 EUR in all"
)
TRIP_ANSWER: Final = """Here is a plan for **21 to 24 May**, 2,964 EUR for the four of you.

- Flights: TP 751 on Thursday at 06:55, back with TP 752 on Sunday at 20:10, 1,336 EUR
- Hotel: Casa do Rio in Alcântara, two rooms to the courtyard, 1,488 EUR for three nights
- Getting around: four 72-hour cards, 140 EUR

The hotel holds the rooms until Friday noon. Shall I book?"""
TRIP_SYSTEM: Final = (
    "You plan trips for small groups. Ask flight-search and hotel-search, keep to the budget, and never book "
    "without a yes. Name every price in EUR and say what is still open."
)

QUESTIONS: Final = (
    "Hello, where is my order 1042?",
    "That is late. Can I send it back when it comes, and who pays for the return label?",
    "And is the lamp still under warranty if its switch breaks next year?",
)
