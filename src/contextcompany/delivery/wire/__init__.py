"""One HTTP request to a collector, and what its answer means."""
