"""What can be asked about runs."""
