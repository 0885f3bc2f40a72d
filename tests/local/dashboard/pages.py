"""Pages of a served dashboard, as somebody reads them; and runs for them to show."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

from contextcompany.semconv import attributes
from tests.local import agent_spans
from tests.local.samples import START_NS

if TYPE_CHECKING:
    from contextcompany.local.otlp.spans import SpanRecord
    from tests.local.served import Served

HOSTILE = "</a><script>alert(1)</script>\"'\u202e\x1b[31m"
"""Text that tries to be markup, to end an attribute, to turn the line around and to colour a terminal."""


@dataclass(slots=True)
class Page:
    """What a page says: its status, its text without markup, where its links lead, the runs it lists."""

    status: int
    source: str
    headers: dict[str, str]
    text: str = ""
    links: dict[str, str] = field(default_factory=dict[str, str])
    runs: list[str] = field(default_factory=list[str])
    tags: set[str] = field(default_factory=set[str])


class _Reader(HTMLParser):
    def __init__(self, page: Page) -> None:
        super().__init__()
        self.page = page
        self.words: list[str] = []
        self._href: str | None = None
        self._link: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        self.page.tags.add(tag)
        if address := known.get("data-address"):
            self.page.runs.append(address)
        if tag == "a" and (href := known.get("href")):
            self._href, self._link = href, [known.get("aria-label") or ""]

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._href is not None:
            self.page.links.setdefault(" ".join("".join(self._link).split()), self._href)
            self._href = None

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self._href is not None:
            self._link.append(data)


def see(served: Served, path: str, **headers: str) -> Page:
    """Open a page."""
    answer = served.ask(path, headers=headers)
    page = Page(answer.status, answer.text, dict(answer.headers))
    reader = _Reader(page)
    reader.feed(answer.text)
    page.text = " ".join(" ".join(reader.words).split())
    return page


def ago_ms(seconds: float) -> float:
    """Return the `start_ms` of samples for a time some seconds ago."""
    return (time.time_ns() - START_NS) / 1_000_000 - seconds * 1_000


def agent_run(
    run_id: str,
    *,
    seconds_ago: float = 60,
    prompt: str = "Where is my order?",
    answer: str = "On its way.",
    agent: str = "support",
    error: str = "",
    tool: str = "search",
    model: str = "gpt-5",
    more: dict[str, Any] | None = None,
) -> list[SpanRecord]:
    """Build the spans of a run with one step and one tool call."""
    begun = ago_ms(seconds_ago)
    own: dict[str, Any] = {
        attributes.TCC_AGENT: agent,
        attributes.GEN_AI_INPUT_MESSAGES: agent_spans.said("user", prompt),
        attributes.GEN_AI_OUTPUT_MESSAGES: agent_spans.said("assistant", answer),
        **(more or {}),
    }
    if error:
        own["error.type"] = error
    root = agent_spans.run(
        run_id, own, start_ms=begun, ms=1_500, status=("ERROR", "it went wrong") if error else ("UNSET", "")
    )
    step = agent_spans.step(
        run_id, {}, model=model, tokens=(1_200, 0, 34), cost=0.02, start_ms=begun + 10, ms=900, parent=root
    )
    call = agent_spans.tool(run_id, {}, name=tool, start_ms=begun + 950, ms=120, parent=root)
    return [root, step, call]
