"""One receiver from its start to its end: what is sent to it, what is read back, what is asserted."""

from __future__ import annotations

import json
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.receivers.compare import Difference, demo_shortcomings, differences
from tests.receivers.processes import ProgramError, Server, free_port, run_program
from tests.receivers.reading import read_until
from tests.receivers.relay import Relay
from tests.receivers.sent import sent_traces
from tests.receivers.spans import ERROR, OK, RUN, STEP, Trace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.receivers.receiver import Receiver

START_TIMEOUT = 180.0
SEND_TIMEOUT = 120.0
READ_TIMEOUT = 30.0
"""Seconds, each a bound that is never met when all is well."""

OK_STATUS = 200
NESTED = Path(__file__).with_name("nested.py")
SETTINGS = ("parent", "link")


@dataclass(slots=True)
class Result:
    """What a receiver made of the runs: rows of the table, and what is not as it should be."""

    rows: dict[str, str] = field(default_factory=dict)
    wrong: list[Difference] = field(default_factory=list)
    log: str = ""
    """The last words of a receiver with which something went wrong."""


def check(receiver: Receiver, environment: Path) -> Result:
    """Start a receiver in a temporary folder, send it the demo's runs and the nested ones, and read them."""
    result = Result()
    with tempfile.TemporaryDirectory(prefix=f"receiver-{receiver.name}-") as folder:
        port = free_port()
        base = f"http://127.0.0.1:{port}"
        command = receiver.command(environment / "bin", port)
        variables = {"HOME": folder} | receiver.variables(Path(folder), port)
        with Server(receiver.name, command, variables, Path(folder)) as server:
            try:
                started = server.wait_ready(f"{base}{receiver.ready_path}", START_TIMEOUT)
                result.rows["ready after"] = f"{started:.1f} s"
                _check_demo(receiver, base, port, result)
                for setting in SETTINGS:
                    _check_nested(receiver, base, setting, result)
            except ProgramError as error:
                result.wrong.append(Difference("programs", str(error)))
            except (AttributeError, LookupError, OSError, TypeError, ValueError):
                # An answer of another shape than these checks know; the other receiver is still worth asking.
                result.wrong.append(Difference("reading", traceback.format_exc()))
            if result.wrong:
                result.log = server.last_words()
    return result


def _destination(receiver: Receiver, url: str) -> dict[str, str]:
    headers = ",".join(f"{name}={value}" for name, value in receiver.headers.items())
    return {"TCC_URL": url} | ({"TCC_HEADERS": headers} if headers else {})


def _check_demo(receiver: Receiver, base: str, port: int, result: Result) -> None:
    with Relay(port) as relay:
        started = time.monotonic()
        run_program(
            [sys.executable, "-m", "examples.demo"],
            own=_destination(receiver, relay.url),
            timeout=SEND_TIMEOUT,
        )
        result.rows["demo took"] = f"{time.monotonic() - started:.1f} s"
    answers = Counter(exchange.status for exchange in relay.exchanges)
    result.rows["answers"] = ", ".join(f"{count} x {status}" for status, count in answers.items())
    result.wrong += [
        Difference("answers", f"{exchange.path}: the receiver answered {exchange.status}")
        for exchange in relay.exchanges
        if exchange.status != OK_STATUS
    ]
    sent = sent_traces(relay.exchanges)
    result.wrong += demo_shortcomings(sent.values())

    members = {trace_id: trace.spans.keys() for trace_id, trace in sent.items()}
    read = read_until(
        lambda: receiver.read(base),
        lambda traces: members == {trace_id: trace.spans.keys() for trace_id, trace in traces.items()},
        READ_TIMEOUT,
    )
    found = differences(sent, read)
    result.wrong += found
    wrong = Counter(difference.aspect for difference in found)
    result.rows |= {
        aspect: f"{text} ({wrong[aspect]} differ)" if wrong[aspect] else text
        for aspect, text in _summary(receiver, read).items()
    }


def _summary(receiver: Receiver, traces: Mapping[str, Trace]) -> dict[str, str]:
    spans = [span for trace in traces.values() for span in trace.spans.values()]
    theirs = {ours: name for name, ours in receiver.kinds.items()}
    kinds = Counter(theirs.get(span.kind, span.kind) for span in spans)
    messages = sum(len(span.input) + len(span.output) for span in spans)
    tools = sum(bool(span.arguments) + bool(span.result) for span in spans)
    sessions = Counter(trace.session for trace in traces.values())
    states = Counter(trace.state for trace in traces.values())
    tokens = [trace.tokens for trace in traces.values()]
    failed = sum(span.state == ERROR for span in spans)
    return {
        "tree": f"{len(spans)} spans in {len(traces)} traces",
        "kinds": ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())),
        "messages": f"{messages} messages, {tools} arguments and results",
        "tokens": f"{sum(sides[0] for sides in tokens)} in, {sum(sides[1] for sides in tokens)} out",
        "session": ", ".join(
            f"{session}: {count} traces" for session, count in sorted(sessions.items(), key=str)
        ),
        "state": ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
        + f"; {failed} spans failed",
    }


def _check_nested(receiver: Receiver, base: str, setting: str, result: Result) -> None:
    output = run_program(
        [sys.executable, str(NESTED), setting], own=_destination(receiver, base), timeout=SEND_TIMEOUT
    )
    ids = json.loads(output)
    application, run, step = ids["application"], ids["run"], ids["step"]
    traces = read_until(
        lambda: receiver.read(base),
        lambda traces: run["trace_id"] in traces and len(traces[run["trace_id"]].spans) == 2,
        READ_TIMEOUT,
    )
    row = f"foreign_parent={setting}"
    trace = traces.get(run["trace_id"])
    if trace is None:
        result.rows[row] = "not there"
        result.wrong.append(Difference(row, f"{row}: trace {run['trace_id']} is not there"))
        return
    result.rows[row] = f"{trace.state}, the run is its root" if trace.root else trace.state
    under_application = setting == "parent"
    expected = {
        "trace is the application's": under_application,
        "root": None if under_application else run["span_id"],
        "state": receiver.unfinished if under_application else OK,
        "session": f"nested-{setting}",
        "tokens": (12, 5),
        "parents": {
            run["span_id"]: application["span_id"] if under_application else None,
            step["span_id"]: run["span_id"],
        },
        "kinds": {run["span_id"]: RUN, step["span_id"]: STEP},
    }
    seen = {
        "trace is the application's": trace.trace_id == application["trace_id"],
        "root": trace.root,
        "state": trace.state,
        "session": trace.session,
        "tokens": trace.tokens,
        "parents": {span.span_id: span.parent_id for span in trace.spans.values()},
        "kinds": {span.span_id: span.kind for span in trace.spans.values()},
    }
    result.wrong += [
        Difference(row, f"{row}: {what}\n      expected {value!r}\n      read {seen[what]!r}")
        for what, value in expected.items()
        if seen[what] != value
    ]
