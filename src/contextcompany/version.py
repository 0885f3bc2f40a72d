"""The version of this distribution; its metadata is made from here.

An application's first run would take longer, were it read from the metadata: that loads what reads mail and
archives. Imports nothing of ours.
"""

from __future__ import annotations

VERSION = "0.1.0"
