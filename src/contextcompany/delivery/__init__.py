"""Span to collector: the span processor, the outbox, prices, encoding, the HTTP transport."""
