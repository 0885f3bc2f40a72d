"""Run the demo: `python -m examples.demo` from the checkout, or `make demo`.

A collector with its dashboard starts in this process, as `tcc serve` starts one. An agent answers two
questions of a customer, and what it recorded is shown as trees, with the address of its page. Settings are
environment variables:

OPENAI_API_KEY  ask the real OpenAI (and pay for it); without it a scripted server answers on this machine
TCC_URL         send the spans there instead of to the collector in this process
SERVE=1         keep the collector running and show further runs that are sent to it, until Ctrl-C; runs are
                kept where `tcc serve` keeps them, else they are gone with the demo
"""

from __future__ import annotations

import io
import os
import sys
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import uuid4

import openai
from rich.console import Console

import contextcompany as tcc
from contextcompany.cli.database import database_path
from contextcompany.cli.runs import Following
from contextcompany.local.reading.grouping import runs
from contextcompany.local.server.serving import DEFAULT_PORT, Server
from contextcompany.local.server.sockets import PortTakenError
from contextcompany.local.store.filters import RunFilter
from contextcompany.local.store.rows import StoreLockedError
from contextcompany.local.store.sqlite.store import SqliteRunStore
from contextcompany.local.terminal.tree import render
from examples.demo.agent import SupportAgent
from examples.demo.scripted_openai import ScriptedOpenAI
from examples.demo.tools import Tools

if TYPE_CHECKING:
    from collections.abc import Iterable

QUESTIONS = (
    "Hello, where is my order 1042?",
    "That is late. Can I send it back when it comes, and who pays for the return label?",
)
SEND_SECONDS = 20.0
_LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Local:
    """The collector of this process, with what it keeps."""

    server: Server
    store: SqliteRunStore


def main() -> int:
    """Run the demo; the exit code is 0 when all spans were delivered."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal without Unicode shows question marks instead of ending the demo.
        sys.stdout.reconfigure(errors="replace")
    console = Console()
    stays = os.environ.get("SERVE") == "1"
    elsewhere = _without_secrets(os.environ.get("TCC_TRACES_URL") or os.environ.get("TCC_URL") or "")
    with ExitStack() as stack:
        local: Local | None = None
        if elsewhere:
            tcc.configure(service_name="shop")
            _say(console, f"Sending to {elsewhere}, as the environment says.")
        else:
            local = _started(stack, stays=stays)
            tcc.configure(tcc_url=local.server.url, service_name="shop")
            _say(console, f"A collector with a dashboard listens at {local.server.url}.")
        made = converse(console, stack)
        result = tcc.flush(SEND_SECONDS)
        if local is not None:
            _show(console, local.store, [run.run_id for run in made])
            console.print()
        _say(console, f"{result.delivered} spans delivered to {local.server.url if local else elsewhere}.")
        if not result:
            kept = f"{result.pending} pending, {result.spooled} kept on disk, {dict(result.dropped)} dropped"
            _say(console, f"{kept}: {result.last_error}")
        if local is not None:
            _say(
                console,
                f"The last run is at {made[-1].url}" + ("" if stays else " (make demo SERVE=1 keeps it)"),
            )
            if stays:
                with suppress(KeyboardInterrupt):
                    serve(console, local, {run.run_id for run in made})
        tcc.shutdown()
    return 0 if result else 1


def converse(console: Console, stack: ExitStack) -> list[tcc.Run]:
    """Let a customer ask the agent two questions, and give feedback on the last answer; returns the runs."""
    if os.environ.get("OPENAI_API_KEY"):
        _say(console, "The model is OpenAI's, since OPENAI_API_KEY is set.")
        client = openai.OpenAI(max_retries=0, timeout=60.0)
    else:
        # The fourth request is the first of the second turn.
        scripted = stack.enter_context(ScriptedOpenAI(failures={4: 500}))
        _say(console, f"OPENAI_API_KEY is not set: a scripted model answers at {scripted.base_url}.")
        client = openai.OpenAI(api_key="none", base_url=scripted.base_url, max_retries=0, timeout=10.0)
    stack.enter_context(client)
    tools = Tools()
    stack.callback(tools.close)
    agent = SupportAgent(client, tools, session_id=f"demo-{uuid4().hex[:8]}")
    made = [agent.answer(question) for question in QUESTIONS]
    made[-1].feedback(score="thumbs_up", text="Quick and clear, thank you!")
    return made


def serve(console: Console, local: Local, shown: set[str]) -> None:
    """Show each run that was not shown yet once it has ended, until Ctrl-C."""
    # Before anybody is told where to send: what comes right after that is news.
    following, change = Following(), local.store.last_change()
    url = local.server.url
    _say(console, f"Serving at {url} until Ctrl-C. Send to it: TCC_URL={url}")
    while True:
        fresh = local.store.changed_runs(RunFilter(), change)
        change = max([change, *(row.change for row in fresh)])
        ready = following.ready((row for row in fresh if row.address not in shown), time.monotonic())
        for row in ready:
            _show(console, local.store, [row.address])
        local.store.wait_for_change(change, _LOOK_SECONDS)


def _started(stack: ExitStack, *, stays: bool) -> Local:
    """Start what `tcc serve` starts, on the usual port if that is free."""
    store: SqliteRunStore | None = None
    if stays:
        # Where a tcc serve is running already, this one has its own.
        with suppress(StoreLockedError):
            store = SqliteRunStore.open(database_path(None))
    if store is None:
        # On Windows the file is in use for a moment longer.
        folder = stack.enter_context(TemporaryDirectory(prefix="tcc-demo-", ignore_cleanup_errors=True))
        store = SqliteRunStore.open(Path(folder, "local.db"))
    stack.callback(store.close)
    try:
        server = Server(store, port=DEFAULT_PORT)
    except PortTakenError:
        server = Server(store, port=0)
    store.announce(server.url)
    return Local(stack.enter_context(server), store)


def _show(console: Console, store: SqliteRunStore, run_ids: Iterable[str]) -> None:
    found = [detail for run_id in run_ids if (detail := store.run(run_id)) is not None]
    console.print()
    console.print(render(runs(span for detail in found for span in detail.spans)))


def _without_secrets(url: str) -> str:
    """Leave out of a URL what may be a key: user, password and query."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()


def _say(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
