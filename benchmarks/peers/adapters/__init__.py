"""One module for each peer: `setup(url)` returns its `Recorder`.

A module imports its library inside of `setup`, so that it can be read where the library is not installed, and
uses what the documentation of the library says, with its defaults. None registers anything for the exit.
"""
