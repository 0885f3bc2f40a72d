"""The front door: public names, loaded when they are used, and one warning about a namesake."""

from __future__ import annotations

import inspect
import re
from importlib.metadata import requires, version
from pathlib import Path

import pytest

import contextcompany as tcc
from contextcompany.testing import capture
from tests.interpreter import python

PUBLIC = {
    "ASGIMiddleware",
    "Agent",
    "Collection",
    "ContextThreadPoolExecutor",
    "FrozenRunContext",
    "RunContext",
    "agent",
    "current_context",
    "tool",
    "FlushResult",
    "Run",
    "RunSpanProcessor",
    "Stats",
    "Step",
    "ToolCall",
    "WSGIMiddleware",
    "__version__",
    "attach",
    "collect",
    "configure",
    "current_run",
    "flush",
    "identity",
    "inject",
    "model",
    "run",
    "shutdown",
    "stats",
    "step",
    "submit_feedback",
    "submit_feedback_async",
    "tool_call",
    "tracer_provider",
}

KEYS = "api_key=None, tcc_url=None"
REQUEST = "app, *, session=None, user=None, user_name=None, org=None, org_name=None, continues='trace'"

SIGNATURES = {
    "run": f"run_id=None, session_id=None, conversational=None, {KEYS}, "
    "*, start_time=None, timeout=None, flush=False, resume=False, carrier=None",
    "step": f"run_id=None, step_id=None, {KEYS}, *, provider=None, start_time=None, carrier=None",
    "tool_call": f"run_id=None, tool_call_id=None, tool_name=None, {KEYS}, *, start_time=None, carrier=None",
    "submit_feedback": f"run_id=None, score=None, text=None, {KEYS}, *, carrier=None, timeout=2.0",
    "submit_feedback_async": f"run_id=None, score=None, text=None, {KEYS}, *, carrier=None, timeout=2.0",
    "flush": "timeout=5.0",
    "shutdown": "timeout=2.0",
    "stats": "",
    "current_run": "",
    "identity": "session_id=None, user_id=None, user_name=None, org_id=None, org_name=None",
    "ASGIMiddleware": REQUEST,
    "WSGIMiddleware": REQUEST,
    "inject": "carrier=None, *, environment=False, identity=False",
    "attach": "carrier",
    "Run.wrap": "self, function, /",
    "collect": "provider=None, *, spans='genai'",
    "tracer_provider": "",
    "Collection.close": "self",
    "Run.prompt": "self, user_prompt, system_prompt=None",
    "Run.response": "self, text",
    "Run.status": "self, code, message=None",
    "Run.metadata": "self, data=None, **kwargs",
    "Run.step": "self, step_id=None, *, provider=None, start_time=None",
    "Run.tool_call": "self, tool_name=None, tool_call_id=None, *, start_time=None",
    "Run.feedback": "self, score=None, text=None",
    "Run.end": "self, *, end_time=None",
    "Run.error": "self, status_message='', *, end_time=None",
    "Step.prompt": "self, text",
    "Step.response": "self, text",
    "Step.model": "self, requested=None, used=None, *, provider=None",
    "Step.tokens": "self, prompt_uncached=None, prompt_cached=None, completion=None, *, cache_write=None, "
    "reasoning=None",
    "Step.cost": "self, real_total",
    "Step.finish_reason": "self, reason",
    "Step.tool_definitions": "self, definitions",
    "Step.tool_call": "self, tool_name=None, tool_call_id=None",
    "ToolCall.name": "self, tool_name",
    "ToolCall.args": "self, value",
    "ToolCall.result": "self, value",
}


def test_the_public_names() -> None:
    """The names are those of the contract, sorted, found by dir, and each leads somewhere."""
    assert set(tcc.__all__) == PUBLIC
    assert tcc.__all__ == sorted(tcc.__all__)
    assert set(dir(tcc)) >= PUBLIC
    for name in PUBLIC:
        assert getattr(tcc, name) is not None


@pytest.mark.parametrize(("name", "signature"), SIGNATURES.items(), ids=SIGNATURES.keys())
def test_signatures(name: str, signature: str) -> None:
    """Every function and method takes what the contract says, in its order and with its defaults."""
    found = tcc
    for part in name.split("."):
        found = getattr(found, part)
    parameters = inspect.signature(found).parameters.values()  # type: ignore[arg-type]
    bare = inspect.Signature(
        [parameter.replace(annotation=inspect.Parameter.empty) for parameter in parameters]
    )
    assert str(bare) == f"({signature})"


def test_configure_takes_keywords_only() -> None:
    """Settings are named, never counted."""
    kinds = {parameter.kind for parameter in inspect.signature(tcc.configure).parameters.values()}
    assert kinds == {inspect.Parameter.KEYWORD_ONLY}


def test_public_things_say_what_they_do() -> None:
    """Every public function, class and method has a docstring."""
    for name in PUBLIC - {"__version__"}:
        thing = getattr(tcc, name)
        assert inspect.getdoc(thing), name
        if inspect.isclass(thing):
            for method, value in inspect.getmembers(thing, callable):
                assert method.startswith("_") or inspect.getdoc(value), f"{name}.{method}"


def test_names_are_loaded_when_they_are_used() -> None:
    """Importing the package loads nothing; the first use of a name loads its room and keeps it."""
    finished = python(
        """
        import sys
        import contextcompany as tcc
        ours = lambda: [name for name in sys.modules if name.startswith("contextcompany.")]
        assert ours() == ["contextcompany.imports"], ours()
        assert "run" not in vars(tcc)
        tcc.run
        assert "contextcompany.recording.handles.run" in ours()
        assert vars(tcc)["run"] is tcc.run
        from contextcompany import *
        assert run is tcc.run
        print("done")
        """
    )
    assert (finished.err, finished.out.strip()) == ("", "done")


# What brings spans away takes several times as long to load as what records them.
ONLY_FOR_DELIVERY = """
    asyncio email google.protobuf http.client importlib.metadata requests ssl urllib3 genai_prices pydantic
    opentelemetry.exporter opentelemetry.proto opentelemetry.sdk.trace.export contextcompany.delivery.spool
    contextcompany.delivery.spans.encoding contextcompany.delivery.wire.transport
"""

FIRST_RUN = f"""
    import sys
    before = set(sys.modules)
    import contextcompany as tcc
    print(sorted(name for name in sys.modules if name.partition(".")[0] in ("opentelemetry", "wrapt")))

    import threading
    start = threading.Thread.start
    def start_others(thread):
        if not thread.name.startswith("contextcompany-"):
            start(thread)
    threading.Thread.start = start_others

    with tcc.run() as run:
        run.prompt("x")
        with run.step() as step:
            step.prompt("x").response("y").model("gpt-5")
        run.response("z")
    later = set({ONLY_FOR_DELIVERY!r}.split()) - before
    print(tcc.stats().pending, sorted(later & set(sys.modules)))
    import os
    os._exit(0)
"""


def test_the_first_run_loads_what_it_needs() -> None:
    """The import loads nothing of tracing, and a run nothing of its delivery: the background does."""
    finished = python(FIRST_RUN, TCC_URL="http://127.0.0.1:9")
    assert (finished.out.splitlines(), finished.err) == (["[]", "2 []"], "")


def test_unknown_names() -> None:
    """A name that is none is an AttributeError that says which."""
    with pytest.raises(AttributeError, match="module 'contextcompany' has no attribute 'trace_everything'"):
        _ = tcc.trace_everything


def test_the_version() -> None:
    """The version is the one of the installed distribution."""
    assert tcc.__version__ == version("contextcompany-otel")
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", tcc.__version__)


def test_core_dependencies_are_four() -> None:
    """A core install asks for OpenTelemetry's three distributions and wrapt, and for nothing else."""
    core = [line for line in requires("contextcompany-otel") or [] if "extra ==" not in line]
    assert {re.split(r"[<>=!~ ;\[]", line)[0] for line in core} == {
        "opentelemetry-api",
        "opentelemetry-sdk",
        "opentelemetry-exporter-otlp-proto-http",
        "wrapt",
    }


def test_types_are_shipped() -> None:
    """The marker that tells type checkers to read our annotations is part of the package."""
    assert (Path(tcc.__file__).parent / "py.typed").is_file()


IMPORT = "import contextcompany as tcc; print(tcc.__name__)"


@pytest.mark.parametrize("folder", ["contextcompany-2.0.0.dist-info", "contextcompany-0.1.dist-info"])
def test_a_namesake_is_one_warning(tmp_path: Path, folder: str) -> None:
    """With the registry's distribution of the same import name installed, importing ours warns once."""
    (tmp_path / folder).mkdir()
    finished = python(IMPORT, path=str(tmp_path))
    assert (finished.code, finished.out.strip()) == (0, "contextcompany")
    assert finished.err.count("RuntimeWarning") == 1
    assert "pip uninstall" in finished.err


@pytest.mark.parametrize(
    "folder",
    ["contextcompany_otel-2.0.0.dist-info", "contextcompany", "contextcompany_other-1.0.dist-info", "."],
)
def test_neighbours_are_no_namesakes(tmp_path: Path, folder: str) -> None:
    """Our own metadata and other distributions on the search path are nothing to warn of."""
    (tmp_path / folder).mkdir(exist_ok=True)
    script = f"import sys; sys.path.append({str(tmp_path)!r}); {IMPORT}"
    finished = python(script)
    assert (finished.code, finished.out.strip(), finished.err) == (0, "contextcompany", "")


def test_a_strange_search_path_breaks_no_import() -> None:
    """Search path entries that are files, missing, or no text at all do not break the import."""
    finished = python(f"import sys; sys.path[:0] = ['/nowhere', sys.executable, None, 7, b'/x']; {IMPORT}")
    assert (finished.code, finished.out.strip(), finished.err) == (0, "contextcompany", "")


def test_reprs_help_in_a_debugger() -> None:
    """A repr shows kind, ids and state, and never content."""
    with capture():
        r = tcc.run("run-1").prompt("a secret").response("a secret")
        s = r.step("step-1").prompt("a secret").response("a secret")
        t = r.tool_call("search", "call-1").args({"q": "a secret"})
        assert repr(r) == "Run(run_id='run-1', open)"
        assert repr(s) == "Step(step_id='step-1', run_id='run-1', open)"
        assert repr(t) == "ToolCall(tool_call_id='call-1', run_id='run-1', open)"
        for handle in (t, s, r):
            handle.end()
        assert repr(r) == "Run(run_id='run-1', ended)"
        with tcc.run("run-2").prompt("hi") as closed:
            pass
        assert repr(closed) == "Run(run_id='run-2', closed)"


def test_results_are_plain_data() -> None:
    """Flush results and stats show their counts."""
    assert (
        repr(tcc.flush(0.0))
        == "FlushResult(complete=True, delivered=0, pending=0, spooled=0, handed_over=0, dropped={}, "
        "last_error=None)"
    )
    assert repr(tcc.stats()) == (
        "Stats(delivered=0, pending=0, spooled=0, handed_over=0, recovered=0, dropped={}, last_error=None, "
        "open_handles=0, internal_errors=0, unsampled=0)"
    )
