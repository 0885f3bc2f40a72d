"""What an agent recorded is text, wherever it shows and whatever it contains."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest
from playwright.sync_api import expect

from contextcompany.local.otlp.spans import EventRecord
from contextcompany.semconv import attributes
from tests.browser.browsing import NARROW, WIDE
from tests.local import agent_spans
from tests.local.dashboard.pages import ago_ms
from tests.local.served import served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from contextcompany.local.otlp.spans import SpanRecord
    from tests.browser.browsing import Opened
    from tests.local.served import Served

_MARKUP: Final = (
    "</textarea></template></title></svg><script>window.ran=1;alert(1)</script>"
    "<img src=x onerror='window.ran=2'>\"'><svg onload=window.ran=3>{{ 7 * 7 }}{% raw %}"
    "[a](javascript:window.ran=4) javascript:window.ran=5 https://elsewhere.example/x.png"
    "\x1b[31mred\x1b]8;;http://elsewhere.example\x07\u202egnp.exe\u2066\u200b\x00\x85\u2028\ud83d"
)
_ENDLESS: Final = "W" * 200_000
_RUN: Final = "run/../<b>?#\u202e"
_SESSION: Final = "s/<i>&\u202e"


def _text(more: str) -> str:
    return f"{_MARKUP} {more} {_ENDLESS}"


def _spans() -> list[SpanRecord]:
    """Put it everywhere: names, ids, keys, contents, errors, events, feedback."""
    often: dict[str, Any] = {
        attributes.TCC_AGENT: _MARKUP,
        attributes.TCC_SESSION_ID: _SESSION,
        attributes.TCC_USER_ID: _MARKUP,
        attributes.TCC_USER_NAME: _text("user"),
        attributes.TCC_ORG_ID: _MARKUP,
        attributes.TCC_ORG_NAME: _text("org"),
        f"{attributes.TCC_METADATA_PREFIX}{_MARKUP}": _text("metadata"),
        _MARKUP: _text("attribute"),
        "error.type": _MARKUP,
    }
    root = agent_spans.run(
        _RUN,
        often
        | {
            attributes.GEN_AI_INPUT_MESSAGES: agent_spans.said("user", _text("prompt")),
            attributes.GEN_AI_OUTPUT_MESSAGES: agent_spans.said("assistant", _text("response")),
            attributes.GEN_AI_SYSTEM_INSTRUCTIONS: json.dumps([{"type": "text", "content": _text("system")}]),
        },
        start_ms=ago_ms(60),
        ms=2_000,
        status=("ERROR", _text("status")),
        events=(
            EventRecord(
                "exception",
                0,
                {
                    "exception.type": _MARKUP,
                    "exception.message": _text("message"),
                    "exception.stacktrace": _text("stack"),
                },
            ),
        ),
    )
    parts: tuple[Mapping[str, object] | str, ...] = (
        {"type": "reasoning", "content": _text("reasoning")},
        {"type": "tool_call", "id": "c", "name": _MARKUP, "arguments": {_MARKUP: _text("argument")}},
        {"type": "uri", "modality": "image", "uri": "https://elsewhere.example/pixel.png"},
        {"type": _MARKUP, "content": _MARKUP},
        f"```{_MARKUP}\n{_text('code')}\n```",
    )
    step = agent_spans.step(
        _RUN,
        {
            attributes.GEN_AI_INPUT_MESSAGES: agent_spans.said(_MARKUP, _text("step")),
            attributes.GEN_AI_OUTPUT_MESSAGES: agent_spans.said("assistant", *parts),
        },
        model=_text("model")[:2_000],
        start_ms=ago_ms(59),
        parent=root,
    )
    call = agent_spans.tool(
        _RUN,
        {
            attributes.GEN_AI_TOOL_CALL_ARGUMENTS: json.dumps({_MARKUP: _text("argument")}),
            attributes.GEN_AI_TOOL_CALL_RESULT: json.dumps([_text("result")]),
        },
        name=_MARKUP,
        start_ms=ago_ms(58.5),
        parent=root,
    )
    said = agent_spans.feedback(_RUN, text=_text("feedback"), start_ms=ago_ms(50))
    return [root, step, call, said]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve a run that tries everything."""
    with served(tmp_path_factory.mktemp("hostile")) as shown:
        shown.store.add(_spans())
        yield shown


def _check(window: Opened) -> None:
    page = window.page
    # Before its style sheets are there, a page is as wide as its longest word.
    page.wait_for_load_state("load")
    assert page.evaluate("window.ran") is None
    assert page.evaluate("document.scrollingElement.scrollWidth - innerWidth") <= 0
    assert page.locator("main img, main iframe, main script, main [onerror], main [onload]").count() == 0
    links: list[str] = page.evaluate("[...document.links].map((link) => link.href)")
    assert {link for link in links if not link.startswith(window.origin + "/")} == set()


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_lists_show_it_as_text(hostile: Served, opened: Callable[..., Opened], width: int) -> None:
    """In every list nothing runs, nothing is wider than the page, no link leads away, and its links work."""
    window = opened(hostile, width=width)
    for path in (
        "/",
        "/runs",
        "/sessions",
        "/agents",
        "/users",
        "/organisations",
        "/tools",
        "/models",
        "/failures",
        "/feedback",
    ):
        page = window.go(path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        _check(window)
        first = page.locator("[data-open]").first
        if first.count():
            first.focus()
            page.keyboard.press("Enter")
            expect(page).not_to_have_url(window.origin + path)
            expect(page.get_by_role("heading", level=1)).not_to_contain_text("There is")
            _check(window)


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_a_run_shows_it_as_text(hostile: Served, opened: Callable[..., Opened], width: int) -> None:
    """On the page of the run, for every span and with everything unfolded, it is text that fits."""
    window = opened(hostile, width=width)
    page = window.go("/runs")
    page.locator("[data-open]").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("<script>window.ran=1;alert(1)</script>")
    lines = page.get_by_role("treeitem")
    for number in range(lines.count()):
        lines.nth(number).click()
        expect(lines.nth(number)).to_have_attribute("aria-selected", "true")
        page.wait_for_load_state("networkidle")
        page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
        _check(window)
    expect(page.locator(".turns")).to_contain_text("[a](javascript:window.ran=4)")
    expect(page.locator(".turns")).to_contain_text("{{ 7 * 7 }}")


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_the_direction_of_a_line_stays(hostile: Served, opened: Callable[..., Opened], width: int) -> None:
    """Characters that turn a line around or colour a terminal are shown by their names."""
    page = opened(hostile, width=width).go("/runs")
    assert (
        page.evaluate("/[\\u202a-\\u202e\\u2066-\\u2069\\x00-\\x08\\x1b]/.test(document.body.textContent)")
        is False
    )


def test_filters_show_it_as_text(hostile: Served, opened: Callable[..., Opened]) -> None:
    """In fields, chips and suggestions it is text too."""
    window = opened(hostile)
    page = window.go("/runs")
    page.locator("details.more summary").click()
    page.get_by_role("combobox", name="Agent", exact=True).focus()
    expect(page.locator("#values-1 option")).to_have_count(1)
    page.get_by_role("combobox", name="Agent", exact=True).fill("<script>window.ran=7</script>\u202e")
    page.keyboard.press("Enter")
    expect(page.get_by_role("list", name="Filters in force")).to_contain_text("<script>window.ran=7</script>")
    _check(window)


def test_a_live_row_shows_it_as_text(shown: Served, opened: Callable[..., Opened]) -> None:
    """A run that arrives on an open list, and on its own open page, is as harmless."""
    shown.store.add([agent_spans.run("before", start_ms=ago_ms(90))])
    window, own = opened(shown), opened(shown)
    window.live("/runs")
    root, *rest = _spans()
    shown.store.add([root])
    expect(window.page.locator("[data-address]")).to_have_count(2)
    _check(window)
    own.live(f"/runs/{window.page.locator('[data-open]').first.get_attribute('href').removeprefix('/runs/')}")  # type: ignore[union-attr]
    shown.store.add(rest)
    expect(own.page.get_by_role("treeitem")).to_have_count(4)
    _check(own)
