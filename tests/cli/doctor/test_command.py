"""`tcc doctor` as a whole: what it looks at, and how it ends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from contextcompany.local.embedded.collector import Collector
from contextcompany.semconv import attributes
from tests.loopback import Answer, LoopbackServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.cli.conftest import Ended

KEY = "key-0123456789-secret"


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """Run a collector in this process and name it as the destination."""
    with Collector() as collector:
        monkeypatch.setenv("TCC_URL", collector.url)
        yield collector


def findings(ended: Ended) -> list[dict[str, Any]]:
    """Return what the JSON tells."""
    found: list[dict[str, Any]] = json.loads(ended.out)["findings"]
    return found


def problems(ended: Ended) -> list[str]:
    """Return topic and text of what is wrong."""
    return [f"{one['topic']}: {one['text']}" for one in findings(ended) if one["state"] == "problem"]


@pytest.mark.usefixtures("database")
def test_all_is_well(tcc: Callable[..., Ended], collector: Collector) -> None:
    """A run is sent as an application sends one, and it ends with 0."""
    ended = tcc("doctor")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("Settings\n")
    assert "problem" not in ended.out
    (run,) = collector.store.spans()
    assert str(run.attributes[attributes.TCC_RUN_ID]) in ended.out
    assert run.attributes[attributes.TCC_AGENT] == "tcc doctor"


@pytest.mark.usefixtures("database")
def test_the_test_run_is_sent_whatever_the_share_is(
    tcc: Callable[..., Ended], collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sample rate leaves it in; content capture off leaves its texts out."""
    monkeypatch.setenv("TCC_SAMPLE_RATE", "0")
    monkeypatch.setenv("TCC_CAPTURE_CONTENT", "off")
    ended = tcc("doctor")
    assert ended.code == 0
    assert "TCC_SAMPLE_RATE lets no run be recorded" in ended.out
    (run,) = collector.store.spans()
    assert attributes.GEN_AI_INPUT_MESSAGES not in run.attributes


@pytest.mark.usefixtures("database")
def test_it_can_look_without_sending(tcc: Callable[..., Ended], collector: Collector) -> None:
    """Where a test run would disturb."""
    assert tcc("doctor", "--no-test-run").code == 0
    assert collector.store.spans() == ()


@pytest.mark.usefixtures("database", "collector")
def test_what_cannot_be_read_is_a_problem(tcc: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each bad variable is a line, and nothing beside it stands on the error stream."""
    monkeypatch.setenv("TCC_SPOOL", "perhaps")
    monkeypatch.setenv("TCC_SAMPLE_RATE", "10%")
    ended = tcc("doctor", "--json")
    assert (ended.code, ended.err) == (1, "")
    assert [one.split()[1] for one in problems(ended)] == ["TCC_SAMPLE_RATE", "TCC_SPOOL"]


@pytest.mark.usefixtures("database", "collector")
def test_recording_that_is_switched_off(tcc: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing arrives then, and the line says why."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert problems(tcc("doctor", "--json")) == ["test run: recording is switched off, so no run is sent"]


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("status", "advice"),
    [(401, "check api_key or TCC_API_KEY"), (404, "check TCC_URL"), (400, "docs/delivery.md")],
)
def test_a_collector_that_refuses(
    tcc: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch, status: int, advice: str
) -> None:
    """Its answer is told, with what may be the cause; the key is not."""
    # Some answers are tried again for as long as somebody waits.
    monkeypatch.setattr("contextcompany.cli.doctor.trial._FLUSH_SECONDS", 1.0)
    with LoopbackServer(Answer(status)) as server:
        monkeypatch.setenv("TCC_URL", server.url)
        monkeypatch.setenv("TCC_API_KEY", KEY)
        ended = tcc("doctor", "--json")
    assert ended.code == 1
    (finding,) = [one for one in findings(ended) if one["state"] == "problem"]
    assert finding["topic"] == "test run"
    assert advice in finding["text"] + finding["advice"]
    assert KEY not in ended.out + ended.err


@pytest.mark.usefixtures("database")
def test_a_key_that_is_kept_back(tcc: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch) -> None:
    """In clear text it goes to no other machine, and the line says what to do."""
    monkeypatch.setenv("TCC_URL", "http://collector.invalid")
    monkeypatch.setenv("TCC_API_KEY", KEY)
    ended = tcc("doctor", "--json")
    assert [one.partition(":")[0] for one in problems(ended)] == ["settings", "destination"]
    assert "TCC_ALLOW_INSECURE=1" in problems(ended)[0]


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TCC_URL", f"ftp://joe:{KEY}@a.example?{KEY}"),
        ("TCC_URL", "http://[::1"),
        ("TCC_URL", "http://x:99999"),
        ("TCC_TRACES_URL", KEY),
    ],
)
def test_a_url_that_is_none(
    tcc: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """It is a line that names the variable and shows no secret, and no traceback."""
    monkeypatch.setenv(name, value)
    monkeypatch.setenv("TCC_API_KEY", KEY)
    ended = tcc("doctor", "--json", "--no-test-run")
    assert ended.code == 1
    assert any(one.startswith(f"settings: {name} is not used: ") for one in problems(ended))
    assert ended.err == ""
    assert KEY not in ended.out
