"""Import, exit and fork, in processes of their own."""

from __future__ import annotations

import time

import pytest

import contextcompany as tcc
from contextcompany.local.embedded.collector import Collector
from tests.interpreter import Finished, python
from tests.loopback import PATIENCE, Answer, LoopbackServer

QUIET = {"PYTHONWARNINGS": "ignore::DeprecationWarning"}


def quiet(finished: Finished) -> str:
    """Hold that a process ended well and without a word of complaint; returns what it printed."""
    assert finished.err == ""
    assert finished.code == 0
    return finished.out.strip()


def test_importing_does_nothing() -> None:
    """Importing starts no thread, prints nothing, loads no OpenTelemetry, and sets nothing."""
    finished = python(
        """
        import atexit, os, signal, sys, threading, warnings
        before = dict(os.environ), signal.getsignal(signal.SIGTERM), sys.excepthook, atexit._ncallbacks()
        import contextcompany as tcc
        dir(tcc), tcc.__all__, repr(tcc)
        after = dict(os.environ), signal.getsignal(signal.SIGTERM), sys.excepthook, atexit._ncallbacks()
        heavy = ("opentelemetry", "requests", "wrapt", "google", "logging", "dataclasses", "asyncio")
        print([name for name in heavy if name in sys.modules], threading.active_count(), before == after)
        """
    )
    assert quiet(finished) == "[] 1 True"


def test_using_it_leaves_the_globals_alone() -> None:
    """Recording sets no global provider, so that the application can set its own afterwards, in silence."""
    finished = python(
        """
        import logging
        logging.basicConfig()
        import contextcompany as tcc
        from opentelemetry import context, metrics, propagate, trace
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
        propagator = propagate.get_global_textmap()
        tcc.configure(exporter=InMemorySpanExporter())
        with tcc.run().prompt("hi") as r:
            r.step().prompt("hi").response("hello").end()
        tcc.flush()
        assert trace._TRACER_PROVIDER is None
        assert context.get_current() == {}
        assert propagate.get_global_textmap() is propagator
        mine = TracerProvider()
        trace.set_tracer_provider(mine)
        assert trace.get_tracer_provider() is mine
        tcc.run().prompt("hi").end()
        tcc.shutdown()
        assert trace.get_tracer_provider() is mine
        print("done")
        """
    )
    assert quiet(finished) == "done"


def test_open_runs_arrive_at_exit() -> None:
    """A process that just ends delivers what was ended, and what is still open as abandoned."""
    with Collector() as collector:
        finished = python(
            """
            import contextcompany as tcc
            tcc.run("ended").prompt("hi").end()
            r = tcc.run("open").prompt("hi")
            s = r.step().prompt("hi")
            """,
            TCC_URL=collector.url,
        )
        assert quiet(finished) == ""
        assert [
            (span.name, span.attributes["tcc.runId"], span.attributes.get("error.type"))
            for span in collector.store.spans()
        ] == [
            ("invoke_agent", "ended", None),
            ("chat", "open", "tcc.abandoned"),
            ("invoke_agent", "open", "tcc.abandoned"),
        ]


def test_a_run_inside_its_block_arrives_with_the_error_that_ended_it() -> None:
    """An exception that ends the process is on the run it left; nothing is abandoned or lost."""
    with Collector() as collector:
        finished = python(
            """
            import contextcompany as tcc
            with tcc.run("run-1") as r:
                r.prompt("hi")
                raise KeyError("why")
            """,
            TCC_URL=collector.url,
        )
        assert finished.code == 1
        (span,) = collector.store.spans()
        assert (span.status_code, span.attributes["error.type"]) == ("ERROR", "KeyError")


def exit_seconds(url: str) -> float:
    """Return how long a process with one run takes to leave after its last line."""
    finished = python(
        """
        import logging, time
        logging.getLogger("contextcompany").addHandler(logging.NullHandler())
        import contextcompany as tcc
        for number in range(1200):
            tcc.run().prompt("hi").end()
        print(time.monotonic(), flush=True)
        """,
        TCC_URL=url,
    )
    left = time.monotonic()
    return left - float(quiet(finished))


def test_exit_is_held_within_a_budget() -> None:
    """A collector that is down, or hangs, holds the exit of the process no longer than its small budget."""
    with LoopbackServer(Answer(hangs=True)) as hanging:
        assert exit_seconds(hanging.url) < 4.0
    with LoopbackServer() as closed:
        url = closed.url
    assert exit_seconds(url) < 4.0


# An alarm ends a child that hangs, which would outlive a test that gave up on its parent.
FORK = """
import os, signal, sys
import contextcompany as tcc
tcc.run("before").prompt("hi").end()
with tcc.run("parent") as r:
    r.prompt("hi")
    s = r.step("step-1")
    dropped = tcc.run("dropped")
    child = os.fork()
    if child == 0:
        signal.alarm(40)
        assert tcc.stats().pending == 0, tcc.stats()
        assert tcc.stats().open_handles == 0, tcc.stats()
        s.prompt("hi").response("from the child").end()
        r.response("from the child")
        del dropped
        with tcc.run("child") as c:
            c.prompt("hi")
            c.step("step-2").prompt("hi").response("hello").end()
        {leave}
    assert os.waitpid(child, 0)[1] == 0
    s.prompt("hi").response("from the parent").end()
    dropped.prompt("hi").end()
"""


def assert_told_apart(collector: Collector) -> None:
    """Hold that parent and child delivered what is theirs, each span once."""
    spans = collector.store.spans()
    assert sorted((str(span.attributes["tcc.runId"]), span.name, span.status_code) for span in spans) == [
        ("before", "invoke_agent", "UNSET"),
        ("child", "chat", "UNSET"),
        ("child", "invoke_agent", "UNSET"),
        ("dropped", "invoke_agent", "UNSET"),
        ("parent", "chat", "UNSET"),
        ("parent", "invoke_agent", "UNSET"),
    ]
    assert collector.store.duplicates == 0
    (step,) = (span for span in spans if span.attributes.get("tcc.stepId") == "step-1")
    assert "from the parent" in str(step.attributes["gen_ai.output.messages"])


def without_handle_warnings(finished: Finished) -> None:
    """Hold that a forking process ended well; warnings about inherited handles may be said."""
    assert finished.code == 0, finished.err
    assert "Traceback" not in finished.err


def test_a_fork_that_ends_at_once() -> None:
    """A child that flushes and leaves by os._exit delivers its own runs and ends none of its parent's."""
    with Collector() as collector:
        script = FORK.format(leave=f"assert tcc.flush({PATIENCE}); os._exit(0)")
        without_handle_warnings(python(script, TCC_URL=collector.url, **QUIET))
        assert_told_apart(collector)


def test_a_fork_that_leaves_as_processes_do() -> None:
    """A child that leaves by sys.exit delivers its own runs at exit, and ends none of its parent's."""
    with Collector() as collector:
        without_handle_warnings(python(FORK.format(leave="sys.exit(0)"), TCC_URL=collector.url, **QUIET))
        assert_told_apart(collector)


def test_a_fork_inside_a_fork() -> None:
    """Every generation delivers its own runs once, with ids of its own."""
    with Collector() as collector:
        finished = python(
            f"""
            import os, signal
            import contextcompany as tcc
            tcc.run("0").prompt("hi").end()
            for generation in range(1, 4):
                child = os.fork()
                if child:
                    os.waitpid(child, 0)
                    break
                signal.alarm(40)
                tcc.run().prompt("hi").end()
                tcc.run(f"{{generation}}").prompt("hi").end()
            assert tcc.flush({PATIENCE})
            os._exit(0)
            """,
            TCC_URL=collector.url,
            **QUIET,
        )
        without_handle_warnings(finished)
        assert len(collector.store) == 7
        assert collector.store.duplicates == 0
        assert len({span.trace_id for span in collector.store.spans()}) == 7


def test_a_fork_while_threads_record() -> None:
    """A child forked while other threads hold our locks still records and delivers."""
    with Collector() as collector:
        finished = python(
            f"""
            import os, signal, threading
            import contextcompany as tcc
            # A fork while another thread imports a module is a deadlock of Python's own.
            tcc.run("parent").prompt("hi").step().prompt("hi").response("hello").model("gpt-4o").end()
            assert tcc.flush(20)
            stop = threading.Event()
            def work():
                while not stop.is_set():
                    with tcc.run("parent").prompt("hi") as r:
                        r.step().prompt("hi").response("hello").end()
            threads = [threading.Thread(target=work) for _ in range(3)]
            for thread in threads: thread.start()
            for number in range(5):
                child = os.fork()
                if child == 0:
                    signal.alarm(40)
                    tcc.run(f"child-{{number}}").prompt("hi").end()
                    os._exit(0 if tcc.flush({PATIENCE}) else 3)
                assert os.waitpid(child, 0)[1] == 0
            stop.set()
            for thread in threads: thread.join()
            """,
            TCC_URL=collector.url,
            **QUIET,
        )
        without_handle_warnings(finished)
        children = {str(span.attributes["tcc.runId"]) for span in collector.store.spans()} - {"parent"}
        assert children == {f"child-{number}" for number in range(5)}
        assert collector.store.duplicates == 0


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_a_worker_process_delivers_at_its_end(method: str) -> None:
    """A multiprocessing child, which runs no exit functions of its own, delivers what it recorded."""
    with Collector() as collector:
        finished = python(
            f"""
            import multiprocessing
            import contextcompany as tcc
            def work(number):
                with tcc.run(f"child-{{number}}") as r:
                    r.prompt("hi")
            if __name__ == "__main__":
                tcc.run("parent").prompt("hi").end()
                context = multiprocessing.get_context("{method}")
                if "{method}" == "fork":
                    children = [context.Process(target=work, args=(number,)) for number in range(3)]
                else:
                    children = [context.Process(target=exec, args=(
                        f"import contextcompany as tcc; tcc.run('child-{{number}}').prompt('hi').end()",
                    )) for number in range(3)]
                for child in children: child.start()
                for child in children:
                    child.join({PATIENCE})
                    assert child.exitcode == 0
            """,
            TCC_URL=collector.url,
            **QUIET,
        )
        assert finished.code == 0, finished.err
        if len(collector.store.spans()) < 4:
            tcc.configure(tcc_url=collector.url)  # what a worker had no time to send is on disk
        spans = collector.store.wait_for(lambda spans: len(spans) == 4, PATIENCE)
        recorded = sorted(str(span.attributes["tcc.runId"]) for span in spans)
        assert recorded == ["child-0", "child-1", "child-2", "parent"]


def test_a_first_run_at_the_end() -> None:
    """Where no thread can be started any more, what delivery needs is loaded at the end of the process."""
    with Collector() as collector:
        finished = python(
            """
            import sys, threading
            import contextcompany as tcc
            start = threading.Thread.start
            def refuse_ours(thread):
                if thread.name.startswith("contextcompany-"):
                    raise RuntimeError("can't start new thread")
                start(thread)
            threading.Thread.start = refuse_ours
            tcc.run("last").prompt("hi").response("hello").end()
            assert "requests" not in sys.modules
            """,
            TCC_URL=collector.url,
        )
        assert (finished.code, finished.err) == (0, "")
        assert [span.attributes["tcc.runId"] for span in collector.store.spans()] == ["last"]
