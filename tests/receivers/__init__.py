"""Sends runs to receivers that others wrote and reads them back; `run.py` starts it."""
