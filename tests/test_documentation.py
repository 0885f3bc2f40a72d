"""The code in the documentation runs, and what the documentation points at exists."""

from __future__ import annotations

import inspect
import logging
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

import contextcompany as tcc
from contextcompany.delivery.outbox.sinks import CollectorSink
from contextcompany.local.embedded.collector import Collector
from contextcompany.runtime import outboxes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sybil.document import Document

    from contextcompany.settings.destination import Destination

ROOT: Final = Path(__file__).resolve().parents[1]
SETTINGS: Final = ROOT / "src" / "contextcompany" / "settings"
README: Final = ROOT / "README.md"
PAGES: Final = [
    *sorted(ROOT.glob("*.md")),
    *sorted(ROOT.glob("docs/**/*.md")),
    ROOT / "examples" / "README.md",
    ROOT / "semconv" / "README.md",
]

_LINK: Final = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_PICTURE: Final = re.compile(r'\bsrc(?:set)?="([^"\s]+)"')
_VARIABLE: Final = re.compile(r"\bTCC_[A-Z_]*[A-Z]")


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def parsed(page: Path) -> Document:
    """Return a page with its Python blocks; none can be skipped, so one that is not to run is no `python`."""
    return Sybil([PythonCodeBlockParser()]).parse(page)


def has_python(page: Path) -> bool:
    """Tell whether a page has Python blocks."""
    return re.search(r"^ *```python\b", page.read_text(encoding="utf-8"), re.MULTILINE) is not None


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Collector]:
    """Run a collector that gets all that the blocks send, wherever they say it goes."""
    monkeypatch.chdir(tmp_path)
    with Collector() as running:
        target = f"{running.url}/v1/traces"

        def sink(destination: Destination, **arguments: Any) -> CollectorSink:
            return CollectorSink(replace(destination, url=target), **arguments)

        monkeypatch.setattr(outboxes, "CollectorSink", sink)
        monkeypatch.setenv("TCC_URL", running.url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", running.url)
        yield running


@pytest.fixture
def _global_state() -> Iterator[None]:
    """Undo what a block sets for its whole process: the global tracer provider, and loggers."""
    provider, once = trace._TRACER_PROVIDER, trace._TRACER_PROVIDER_SET_ONCE
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    trace._TRACER_PROVIDER_SET_ONCE = type(once)()
    yield
    trace._TRACER_PROVIDER, trace._TRACER_PROVIDER_SET_ONCE = provider, once
    root.setLevel(level)
    root.handlers[:] = handlers


@pytest.mark.usefixtures("_global_state", "collector")
@pytest.mark.parametrize("page", [page for page in PAGES if has_python(page)], ids=_name)
def test_code_runs(page: Path) -> None:
    """The Python blocks of a page run from top to bottom, and all that they record is delivered."""
    document = parsed(page)
    examples = list(document.examples())
    assert examples
    try:
        for example in examples:
            example.evaluate()
        ended = tcc.shutdown(timeout=10)
    finally:
        for value in document.namespace.values():
            if isinstance(value, TracerProvider):
                value.shutdown()
    assert (ended.pending, ended.dropped, ended.last_error) == (0, {}, None)
    assert tcc.stats().internal_errors == 0


@pytest.mark.usefixtures("_global_state")
def test_first_run_arrives(collector: Collector) -> None:
    """The first block of the README sends one whole trace, in which nothing failed."""
    document = parsed(README)
    next(iter(document.examples())).evaluate()
    assert tcc.flush()
    spans = collector.store.spans()
    (run,) = (span for span in spans if span.attributes["gen_ai.operation.name"] == "invoke_agent")
    assert {span.attributes["gen_ai.operation.name"] for span in spans} == {
        "invoke_agent",
        "chat",
        "execute_tool",
    }
    assert {span.parent_span_id for span in spans} == {None, run.span_id}
    assert {span.status_code for span in spans} == {"UNSET"}


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links_lead_somewhere(page: Path) -> None:
    """A link to a file or a picture of this project names one that exists."""
    text = page.read_text(encoding="utf-8")
    links = [unquote(link.partition("#")[0]) for link in [*_LINK.findall(text), *_PICTURE.findall(text)]]
    files = [link for link in links if link and "://" not in link and not link.startswith("mailto:")]
    assert [link for link in files if not (page.parent / link).exists()] == []


def test_readme_has_every_variable() -> None:
    """The README names each environment variable of this package that the settings know, and no other."""
    known = {name for file in SETTINGS.glob("*.py") for name in _VARIABLE.findall(file.read_text("utf-8"))}
    told = set(_VARIABLE.findall(README.read_text(encoding="utf-8")))
    assert told == known


def test_readme_has_every_argument_of_configure() -> None:
    """The table of settings has one row for each argument of `configure`."""
    section = README.read_text(encoding="utf-8").partition("\n## Settings\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    assert sorted(rows) == sorted(inspect.signature(tcc.configure).parameters)
