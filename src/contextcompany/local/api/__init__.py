"""Runs as JSON: the questions that the pages answer, for programs."""
