"""Answers that arrive in pieces."""
