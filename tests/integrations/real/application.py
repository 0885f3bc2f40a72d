"""An application that asks a model through the `openai` client, instrumented by others; a program to run.

Its settings stand in the environment: `LIBRARIES` (`openinference`, `openllmetry`), `ORDER` (who comes
first: `application`, `ours`, or `nobody` where the provider is made elsewhere; `alone` without us,
`handed out` with a provider of ours), `REQUESTS`, `RATIO` of the sampler, `SCENES` that each request
plays, `MODEL_URL`, `APP_URL`.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import httpx2
import openai
from opentelemetry import trace
from opentelemetry.propagate import inject
from opentelemetry.sdk.trace.id_generator import IdGenerator

ORDER = os.environ["ORDER"]
TOOLS: Any = [
    {
        "type": "function",
        "function": {
            "name": "search",
            "description": "Search.",
            "parameters": {"type": "object", "properties": {"query": {"type": "string"}}},
        },
    }
]


class CountingIds(IdGenerator):
    """Give the same ids in every run, spread so that of a hundred traces a ratio of 1 % takes exactly one."""

    def __init__(self) -> None:
        self._traces = self._spans = 0

    def generate_trace_id(self) -> int:
        """Return the next trace id."""
        self._traces += 1
        return (self._traces << 64) | (self._traces % 100 * ((1 << 64) // 100) + (1 << 40))

    def generate_span_id(self) -> int:
        """Return the next span id."""
        self._spans += 1
        return self._spans


def set_up_application() -> None:
    """Give the application a tracer provider with a backend of its own."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

    provider = TracerProvider(
        resource=Resource({"service.name": "shop"}),
        id_generator=CountingIds(),
        sampler=ParentBased(TraceIdRatioBased(float(os.environ.get("RATIO", "1")))),
    )
    exporter = OTLPSpanExporter(endpoint=f"{os.environ['APP_URL']}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)


def instrument(provider: Any) -> None:
    """Switch the instrumentation of others on."""
    for library in os.environ["LIBRARIES"].split():
        if library == "openinference":
            from openinference.instrumentation.openai import OpenAIInstrumentor as OpenInference

            OpenInference().instrument(tracer_provider=provider)
        else:
            from opentelemetry.instrumentation.openai import OpenAIInstrumentor as OpenLLMetry

            OpenLLMetry().instrument(tracer_provider=provider)


def recorded(number: int) -> AbstractContextManager[Any]:
    """Return a run of ours, where we are."""
    if ORDER == "alone":
        return nullcontext()
    import contextcompany as tcc

    return tcc.run(f"run-{number}").prompt("hi")


def step() -> AbstractContextManager[Any]:
    """Return a step of ours, where we are."""
    if ORDER == "alone":
        return nullcontext()
    import contextcompany as tcc

    return tcc.step()


def hook(request: Any) -> None:
    """Carry the current trace, as instrumentation of HTTP clients does."""
    inject(request.headers)


async def async_hook(request: Any) -> None:
    """Carry the current trace, from the asynchronous client."""
    inject(request.headers)


def ask(client: openai.OpenAI, scene: str) -> None:
    """Play one scene."""
    messages: Any = [{"role": "system", "content": "be nice"}, {"role": "user", "content": f"please {scene}"}]
    if scene == "stream":
        options: Any = {"stream": True, "stream_options": {"include_usage": True}}
        for _ in client.chat.completions.create(model="gpt-5", messages=messages, **options):
            pass
    elif scene == "tool":
        client.chat.completions.create(model="gpt-5", messages=messages, tools=TOOLS)
    else:
        client.chat.completions.create(model="gpt-5", messages=messages)


async def ask_asynchronously(client: openai.AsyncOpenAI, scene: str) -> None:
    """Play one scene with the asynchronous client."""
    messages: Any = [{"role": "system", "content": "be nice"}, {"role": "user", "content": f"please {scene}"}]
    if scene == "stream":
        options: Any = {"stream": True, "stream_options": {"include_usage": True}}
        chunks: Any = await client.chat.completions.create(model="gpt-5", messages=messages, **options)
        async for _ in chunks:
            pass
    elif scene == "tool":
        await client.chat.completions.create(model="gpt-5", messages=messages, tools=TOOLS)
    else:
        await client.chat.completions.create(model="gpt-5", messages=messages)


def serve(scenes: list[str]) -> None:
    """Serve requests with the synchronous client, and one without a step of ours at the end of each."""
    settings: Any = {"base_url": os.environ["MODEL_URL"], "api_key": "sk-test", "max_retries": 0}
    http = httpx2.Client(event_hooks={"request": [hook]}, trust_env=False)
    client = openai.OpenAI(http_client=http, **settings)
    tracer = trace.get_tracer("shop")
    for number in range(int(os.environ["REQUESTS"])):
        with tracer.start_as_current_span("GET /"), recorded(number):
            for scene in scenes:
                try:
                    with step():
                        ask(client, scene)
                except openai.InternalServerError:
                    pass
            ask(client, "bare")


async def serve_asynchronously(scenes: list[str]) -> None:
    """Serve one request with the asynchronous client."""
    settings: Any = {"base_url": os.environ["MODEL_URL"], "api_key": "sk-test", "max_retries": 0}
    http = httpx2.AsyncClient(event_hooks={"request": [async_hook]}, trust_env=False)
    client = openai.AsyncOpenAI(http_client=http, **settings)
    with trace.get_tracer("shop").start_as_current_span("GET /async"), recorded(-1):
        for scene in scenes:
            try:
                with step():
                    await ask_asynchronously(client, scene)
            except openai.InternalServerError:
                pass
    await http.aclose()


def main() -> None:
    """Set up in the wanted order, then serve."""
    scenes = os.environ["SCENES"].split()
    if ORDER == "ours":
        import contextcompany as tcc

        with tcc.run("early").prompt("before the application sets up its tracing"):
            pass
    if ORDER == "handed out":
        import contextcompany as tcc

        instrument(tcc.tracer_provider())
    elif ORDER == "nobody" or os.environ.get("OTEL_PYTHON_CONFIGURATOR"):
        pass
    else:
        set_up_application()
        instrument(None)
    if ORDER in {"application", "ours", "nobody"}:
        import contextcompany as tcc

        tcc.collect()
    serve(scenes)
    if os.environ.get("RATIO") is None:
        asyncio.run(serve_asynchronously(scenes))


if __name__ == "__main__":
    main()
