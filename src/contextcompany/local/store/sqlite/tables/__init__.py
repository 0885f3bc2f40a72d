"""The tables and what is in them: the file, who owns it, rows as records, bodies in packs."""
