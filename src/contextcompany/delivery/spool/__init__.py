"""Requests that could not be delivered wait on disk for the next success or the next process."""
