"""Run the demo: `python -m examples.demo` from the checkout, or `make demo`.

A small collector starts in this process, an agent answers two questions of a customer, and what it recorded
is shown as trees. Settings are environment variables:

OPENAI_API_KEY  ask the real OpenAI (and pay for it); without it a scripted server answers on this machine
TCC_URL         send the spans there instead of to the collector in this process
SERVE=1         keep the collector running and show further runs that are sent to it, until Ctrl-C
"""

from __future__ import annotations

import io
import os
import sys
from contextlib import ExitStack, suppress
from urllib.parse import urlsplit
from uuid import uuid4

import openai
from rich.console import Console

import contextcompany as tcc
from contextcompany.local.embedded.collector import Collector
from contextcompany.local.terminal.tree import render, runs
from examples.demo.agent import SupportAgent
from examples.demo.scripted_openai import ScriptedOpenAI
from examples.demo.tools import Tools

QUESTIONS = (
    "Hello, where is my order 1042?",
    "That is late. Can I send it back when it comes, and who pays for the return label?",
)
SEND_SECONDS = 20.0
_DAY = 86_400.0


def main() -> int:
    """Run the demo; the exit code is 0 when all spans were delivered."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal without Unicode shows question marks instead of ending the demo.
        sys.stdout.reconfigure(errors="replace")
    console = Console()
    elsewhere = _without_secrets(os.environ.get("TCC_TRACES_URL") or os.environ.get("TCC_URL") or "")
    with ExitStack() as stack:
        collector: Collector | None = None
        if elsewhere:
            tcc.configure(service_name="shop")
            _say(console, f"Sending to {elsewhere}, as the environment says.")
        else:
            collector = stack.enter_context(Collector(port=4318, fallback=True))
            tcc.configure(tcc_url=collector.url, service_name="shop")
            _say(console, f"A local collector listens at {collector.url}.")
        converse(console, stack)
        result = tcc.flush(SEND_SECONDS)
        shown: set[str | None] = set()
        if collector is not None:
            drawn = runs(collector.store.spans())
            shown.update(node.run_id for node in drawn)
            console.print()
            console.print(render(drawn))
            console.print()
        _say(console, f"{result.delivered} spans delivered to {collector.url if collector else elsewhere}.")
        if not result:
            kept = f"{result.pending} pending, {result.spooled} kept on disk, {dict(result.dropped)} dropped"
            _say(console, f"{kept}: {result.last_error}")
        if collector is not None and os.environ.get("SERVE") == "1":
            with suppress(KeyboardInterrupt):
                serve(console, collector, shown)
        tcc.shutdown()
    return 0 if result else 1


def converse(console: Console, stack: ExitStack) -> None:
    """Let a customer ask the agent two questions, and give feedback on the last answer."""
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
    for question in QUESTIONS:
        run = agent.answer(question)
    run.feedback(score="thumbs_up", text="Quick and clear, thank you!")


def serve(console: Console, collector: Collector, shown: set[str | None]) -> None:
    """Show each run that was not shown yet once its span has arrived, until Ctrl-C."""
    _say(console, f"Serving at {collector.url} until Ctrl-C. Send to it: TCC_URL={collector.url}")
    while True:
        with suppress(TimeoutError):
            collector.store.wait_for(
                lambda spans: any(node.span and node.run_id not in shown for node in runs(spans)), _DAY
            )
        fresh = [node for node in runs(collector.store.spans()) if node.span and node.run_id not in shown]
        console.print()
        console.print(render(fresh))
        shown.update(node.run_id for node in fresh)


def _without_secrets(url: str) -> str:
    """Leave out of a URL what may be a key: user, password and query."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()


def _say(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
