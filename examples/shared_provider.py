"""Your provider makes the spans: runs nest both ways, and your sampler, limits and exporters apply to them.

Where TCC_URL names a destination, that gets a copy of each run, step and tool call, and of nothing else.
"""

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import contextcompany as tcc

yours = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(yours))
tracer = provider.get_tracer("shop")

tcc.configure(tracer_provider=provider)

with tracer.start_as_current_span("GET /chat"), tcc.run() as r:
    r.prompt("Where is order 17?")
    with r.tool_call("find_order") as t, tracer.start_as_current_span("SELECT orders"):
        t.args({"number": 17}).result({"state": "shipped"})
    r.response("On its way.")

names = {span.context.span_id: span.name for span in yours.get_finished_spans() if span.context}
for span in yours.get_finished_spans():
    print(f"{span.name} below {names[span.parent.span_id] if span.parent else 'nothing'}")
print(tcc.flush())
