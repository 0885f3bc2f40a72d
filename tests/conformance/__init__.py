"""What a tracing package does to the application around it: the same small programs for several packages.

`programs` holds what is run and the tree that should arrive, `adapters` how each package is told to do it.
Both need nothing but the standard library, OpenTelemetry and the package in question, since every program
runs in a process of its own, in the environment of that package. The rest runs them and judges.
"""
