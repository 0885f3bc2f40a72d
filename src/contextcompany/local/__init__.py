"""The embedded collector: spans in over OTLP/HTTP, trees of runs out on the terminal.

Knows nothing of the rooms beside and below it but the names of attributes.
"""
