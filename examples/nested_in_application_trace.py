"""Your own tracing stays yours: a run nests under your span, and your exporter sees only your spans.

That is so where this package has a destination of its own (TCC_URL here). Without one, its spans are made by
your provider and go where that sends.
"""

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import contextcompany as tcc

yours = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(yours))
trace.set_tracer_provider(provider)
tracer = trace.get_tracer("shop")

with tracer.start_as_current_span("GET /chat") as request:
    with tcc.run(run_id="nested") as nested, tracer.start_as_current_span("SELECT orders"):
        nested.prompt("Where is order 17?").response("On its way.")

    tcc.configure(foreign_parent="link")  # for collectors that never see your spans
    with tcc.run(run_id="linked") as linked:
        linked.prompt("And order 18?").response("Delivered.")

trace_id = trace.format_trace_id(request.get_span_context().trace_id)
print("your exporter:", [span.name for span in yours.get_finished_spans()])
print("in your trace:", {r.run_id: r.trace_id == trace_id for r in (nested, linked)})
print(tcc.flush())
