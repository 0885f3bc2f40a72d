"""What the caller holds: runs, steps, tool calls and feedback."""
