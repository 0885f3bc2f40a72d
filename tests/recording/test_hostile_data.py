"""Data of every kind in every place that takes data: nothing raises, and what is sent is valid."""

from __future__ import annotations

import json
import logging
import math
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings

import contextcompany as tcc
from contextcompany.testing import capture
from tests.conftest import attributes_of
from tests.delivery.spans.whole import encode
from tests.recording.hostile import HOSTILE, HUGE, MEBIBYTE, VALUES, Raising
from tests.recording.processes import run_python
from tests.recording.rows import parsed, typed
from tests.registry import check_span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from contextcompany.local.embedded.collector import Collector
    from contextcompany.testing import Captured


NO_NUMBERS: dict[str, Any] = {
    "negative": -1,
    "NaN": math.nan,
    "infinity": math.inf,
    "minus infinity": -math.inf,
    "huge": HUGE,
    "text": "5",
    "bool": True,
    "object": Raising(),
    "list": [1],
}


def apply_everywhere(value: Any) -> None:
    """Give a value to every setter that takes data, and end every handle in each way."""
    mapping = value if type(value) is dict else {"key": value}
    r = tcc.run().prompt(value, system_prompt=value).response(value)
    r.metadata({"value": value, "tcc.agent": value, "tcc.userId": value, "tcc.orgName": value})
    r.metadata(mapping, keyword=value).attributes(mapping).status(1, value)
    s = r.step(provider=value).prompt(value).response(value).model(value, value, provider=value)
    s.tokens(value, value, value, cache_write=value, reasoning=value).cost(value).finish_reason(value)
    s.tool_definitions(value).attributes({"app.value": value}).status(0, value).end()
    tc = s.tool_call(value).name(value).args(value).result(value).status(2, value)
    tc.end()
    r.tool_call().error(value)
    r.end()
    tcc.run().error(value)


def problems_of(spans: Sequence[ReadableSpan]) -> list[str]:
    """Return what the registry, the bounds and the encoder have against spans."""
    found = [f"{span.name[:50]}: {problem}" for span in spans for problem in check_span(span)]
    for span in spans:
        sizes = {key: size_of(value) for key, value in attributes_of(span).items()}
        found += [f"{key[:50]}: {size} bytes" for key, size in sizes.items() if size > MEBIBYTE]
        found += [f"{span.name[:50]}: {sum(sizes.values())} bytes"] * (sum(sizes.values()) > 4.2 * MEBIBYTE)
    if encode(spans).unencodable:
        found.append(f"{encode(spans).unencodable} spans cannot be encoded")
    return found


def size_of(value: Any) -> int:
    """Return the size of an attribute's value in bytes, as text or as what it would be in JSON."""
    return len((value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))).encode())


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_data_is_recorded_validly_everywhere(captured: Captured, name: str) -> None:
    """Rule 9: whatever a value is, no setter raises, and every span arrives valid and bounded."""
    apply_everywhere(HOSTILE[name]())
    spans = captured.spans
    assert len(spans) == 5
    assert problems_of(spans) == []


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(VALUES)
@example([{"role": "user", "content": [{"type": "text", "text": None}]}])
@example({"role": "assistant", "content": None, "tool_calls": [{"function": {"name": None}}]})
def test_any_nested_value_is_recorded_validly(value: Any) -> None:
    """Rule 9: no value that can be built of hostile parts raises or makes an invalid span."""
    with capture() as captured:
        apply_everywhere(value)
        spans = captured.spans
    assert len(spans) == 5
    assert problems_of(spans) == []


@pytest.mark.parametrize("text", ["\ud800", "a\0b", "x" * (3 * MEBIBYTE), "💥" * 500_000])
def test_hostile_ids_are_ids(captured: Captured, text: str) -> None:
    """Rule 9: an id is data too: a run, its session, its steps and its tool calls take any text."""
    with tcc.run(text, session_id=text) as r:
        r.prompt("p")
        tcc.step(text, text).prompt("q").response("a").end()
        tcc.tool_call(text, text, text).end()
        r.feedback("thumbs_up", "\ud800\0")
        tcc.submit_feedback(text, "thumbs_up")
    assert len(captured.spans) == 5
    assert problems_of(captured.spans) == []


@pytest.mark.parametrize("name", NO_NUMBERS)
def test_what_is_no_number_is_left_out_with_one_warning(
    captured: Captured, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """Rule 9: a count or a cost that is none is left out, the earlier one stays, one warning says so."""
    number = NO_NUMBERS[name]
    s = tcc.step("run-1").prompt("q").response("a").tokens(1, completion=2).cost(0.5)
    with caplog.at_level(logging.WARNING, "contextcompany"):
        for _ in range(3):
            s.tokens(number).cost(number)
    s.end()
    (span,) = captured.spans
    seen = {key: value for key, value in typed(parsed(span)).items() if "usage" in key or key == "tcc.cost"}
    assert seen == {
        "gen_ai.usage.input_tokens": ("int", 1),
        "gen_ai.usage.output_tokens": ("int", 2),
        "tcc.cost": ("float", 0.5),
    }
    said = [record.getMessage() for record in caplog.records]
    assert sorted("tokens" if "tokens" in text else "cost" for text in said) == ["cost", "tokens"]


def test_a_sum_beyond_64_bits_does_not_lose_the_span(captured: Captured) -> None:
    """Rule 9: counts that are valid each and too big together make no invalid attribute."""
    most = 2**63 - 1
    tcc.step("run-1").prompt("q").response("a").tokens(most, most, most, cache_write=most).end()
    assert len(captured.spans) == 1
    assert problems_of(captured.spans) == []


class RaisingError(Exception):
    """An exception that raises at everything that is asked of it."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError("boom")

    def __str__(self) -> str:
        raise RuntimeError("boom")


def hostile_errors() -> dict[str, Exception]:
    """Return exceptions with classes, texts and causes that recorders choke on."""
    nameless = type("Nameless", (Exception,), {"__module__": None})
    surrogate = type("Surrogate", (Exception,), {"__module__": "m"})
    surrogate.__qualname__ = "a\ud800b\0" + "x" * 3 * MEBIBYTE
    cyclic, other = ValueError("\ud800\0"), KeyError("other")
    cyclic.__cause__, other.__cause__ = other, cyclic
    group: Exception = ValueError("innermost")
    for _ in range(200):
        group = ExceptionGroup("group", [group])
    syntax = SyntaxError("bad", ("file\ud800", 10**9, -5, "text\0" * 1_000, HUGE, -1))
    return {
        "raises": RaisingError("x"),
        "without a module": nameless("x"),
        "surrogate in its name": surrogate("x"),
        "cyclic cause": cyclic,
        "deep group": group,
        "long": ValueError("é" * 3 * MEBIBYTE),
        "arguments": ValueError(Raising(), HUGE),
        "syntax": syntax,
        "surrogate note": _with_note(ValueError("x")),
    }


def _with_note(error: Exception) -> Exception:
    error.add_note("note \ud800\0")
    return error


@pytest.mark.parametrize("way", ["block", "error"])
@pytest.mark.parametrize("name", list(hostile_errors()))
def test_hostile_exceptions_are_recorded_validly(captured: Captured, name: str, way: str) -> None:
    """Rule 9: whatever an exception is, it goes on unharmed and its span arrives valid, with its class."""
    error = hostile_errors()[name]
    caught: BaseException | None = None
    try:
        if way == "error":
            tcc.run().error(error)
        else:
            with tcc.run():
                raise error  # noqa: TRY301  (the block is what is tested)
    except Exception as found:  # noqa: BLE001  (what goes on is what is looked at)
        caught = found
    assert caught is (None if way == "error" else error)
    (span,) = captured.spans
    assert span.status.status_code.name == "ERROR"
    assert [event.name for event in span.events] == ["exception"]
    texts = [str(span.status.description or ""), *map(str, (span.events[0].attributes or {}).values())]
    assert [text for text in texts if "\0" in text or not is_unicode(text) or len(text) > MEBIBYTE] == []
    assert problems_of([span]) == []


def is_unicode(text: str) -> bool:
    """Tell whether a text has no lone surrogate."""
    return text.encode("utf-8", "replace").decode() == text


BAD_VALUES = {
    "TCC_URL": "nowhere-xyzzy",
    "TCC_TRACES_URL": "ftp://xyzzy",
    "TCC_API_KEY": "key-xyzzy\nand more",
    "TCC_DISABLED": "xyzzy",
    "TCC_CAPTURE_CONTENT": "xyzzy",
    "TCC_DEBUG": "xyzzy",
    "TCC_ALLOW_INSECURE": "xyzzy",
    "OTEL_SDK_DISABLED": "xyzzy",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "xyzzy",
}


@pytest.mark.parametrize("name", BAD_VALUES)
def test_a_bad_environment_value_is_one_warning(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Rule 9: a deployment does not crash on a bad variable; one warning names it, and the default holds."""
    monkeypatch.setenv(name, BAD_VALUES[name])
    with caplog.at_level(logging.WARNING, "contextcompany"), capture() as captured:
        tcc.run().prompt("p").end()
        tcc.run().prompt("p").end()
        assert [span.name for span in captured.spans] == ["invoke_agent"] * 2
    assert [name in record.getMessage() for record in caplog.records] == [True]
    assert name != "TCC_API_KEY" or "xyzzy" not in caplog.text


def test_limits_that_the_sdk_refuses_do_not_crash_the_application(collector: Collector) -> None:
    """Rule 9: values of `OTEL_*` that make the SDK raise at its import cost a warning, and no span."""
    script = """
    import contextcompany as tcc
    tcc.run("run-1").prompt("p").end()
    assert tcc.flush(20)
    """
    bad = dict.fromkeys(
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_BSP_MAX_QUEUE_SIZE"),
        "x",
    )
    run_python(script, TCC_URL=collector.url, **bad)
    assert [span.attributes["tcc.runId"] for span in collector.store.spans()] == ["run-1"]
