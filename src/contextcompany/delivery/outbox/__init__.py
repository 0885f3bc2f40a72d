"""Ended spans wait here for their collector, and the application never does."""
