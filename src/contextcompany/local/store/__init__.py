"""Where spans are kept, and what can be asked about the runs they make up."""
