"""A whole agent, recorded by hand: a model, a database, a document search, two turns, three mishaps."""
