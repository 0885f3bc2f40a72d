"""What happens to a span before it leaves: checked, priced, redacted, encoded."""
