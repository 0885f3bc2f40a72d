"""The rules on a pipeline of your own: RunSpanProcessor in front of the stock BatchSpanProcessor.

A run, step or tool call that ends without its required fields is repaired and marked, never dropped, whoever
made the span. All other spans pass unchanged.
"""

import os

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import contextcompany as tcc

# Taken out of the environment: the stock exporter sends there, and nothing should come twice.
url = os.environ.pop("TCC_URL", "")
exporter: SpanExporter = OTLPSpanExporter(f"{url}/v1/traces") if url else InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(tcc.RunSpanProcessor(BatchSpanProcessor(exporter)))
tracer = provider.get_tracer("by hand")

tcc.configure(tracer_provider=provider)
tcc.run(run_id="by handle").prompt("Where is order 17?").end()

with tracer.start_as_current_span("invoke_agent") as span:  # has no prompt
    span.set_attributes({"gen_ai.operation.name": "invoke_agent", "tcc.runId": "by hand"})
with tracer.start_as_current_span("execute_tool find_order") as span:
    span.set_attributes({"gen_ai.operation.name": "execute_tool", "tcc.runId": "by hand"})
    span.set_attribute("gen_ai.tool.name", "find_order")
with tracer.start_as_current_span("SELECT orders"):
    pass

print("all spans left the processor:", provider.force_flush())
provider.shutdown()
