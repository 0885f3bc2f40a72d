"""The server of `tcc serve`: what is let in, and the collector, the API and the dashboard put together."""
