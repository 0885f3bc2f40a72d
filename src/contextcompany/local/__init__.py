"""The embedded collector and its dashboard: spans in over OTLP/HTTP, runs out on a page or a terminal.

Built in floors, each of which knows only those below it: `server` puts together `intake`, `api` and
`dashboard`; `terminal` draws, `embedded` is the collector of a test; `store` keeps spans and answers
questions about runs; `reading` tells what a span says; `otlp` takes requests apart. Knows nothing of the
rooms beside and below it but the names of attributes.
"""
