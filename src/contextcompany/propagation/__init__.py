"""Ids, the current handle, and carriers between processes."""
