"""`tcc doctor`: why runs do not arrive."""
