"""The fault matrix: every fault of a collector against every way a program can end, counted by span id."""
