"""Decorated functions and generators: each call recorded, whatever kind of function it is."""
