"""OTLP requests taken apart: bodies, both encodings, one record per span."""
