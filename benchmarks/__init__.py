"""What the package costs, measured: scripts to run by themselves, and two packages."""
