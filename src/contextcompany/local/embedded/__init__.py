"""A collector inside this process, in memory and without dependencies: for tests and for looking at once."""
