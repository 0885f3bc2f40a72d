"""Runs on a terminal, drawn with rich."""
