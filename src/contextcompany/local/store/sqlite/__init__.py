"""The store in a file: SQLite in WAL mode, one writer and any number of readers."""
