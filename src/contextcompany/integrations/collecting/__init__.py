"""Other people's spans: recognised, read, and taken into the run in which they began."""
