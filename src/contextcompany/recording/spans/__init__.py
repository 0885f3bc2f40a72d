"""One span of ours, from its start to what is written onto it at its end."""
