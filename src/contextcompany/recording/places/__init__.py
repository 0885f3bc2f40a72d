"""Where a run is, what is current, and who it is for."""
