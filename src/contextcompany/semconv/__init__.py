"""Hold the generated attribute names and the forms values take on a span."""
