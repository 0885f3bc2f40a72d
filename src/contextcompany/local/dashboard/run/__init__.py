"""The page of a run and that of a session."""
