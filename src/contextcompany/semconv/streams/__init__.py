"""Streams of model answers: from chunks of text or events of a provider to one whole answer."""
