"""Other people's instrumentation: what it records inside your runs is copied into them, each request once.

A tracer stands for the instrumented client here; your own exporter gets its spans as before.
"""

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import contextcompany as tcc

yours = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(yours))
client = provider.get_tracer("opentelemetry.instrumentation.openai_v2")


def ask(question: str) -> str:
    """Ask the model; the instrumentation records all of it."""
    request = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-5"}
    with client.start_as_current_span("chat gpt-5", attributes=request) as span:
        span.set_attribute("gen_ai.input.messages", f'[{{"role":"user","content":"{question}"}}]')
        span.set_attribute("gen_ai.output.messages", '[{"role":"assistant","content":"On its way."}]')
        span.set_attributes({"gen_ai.usage.input_tokens": 12, "gen_ai.usage.output_tokens": 4})
    return "On its way."


with tcc.collect(provider), tcc.run() as r:
    r.prompt("Where is order 17?")
    with r.step():  # complete without a word: it takes what the instrumentation knows
        answer = ask("Where is order 17?")
    ask("Say it more kindly.")  # no step: the copy itself is the record
    r.response(answer)

print("yours:", [span.name for span in yours.get_finished_spans()])
print(tcc.flush())
