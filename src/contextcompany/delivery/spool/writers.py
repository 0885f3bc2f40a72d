"""Whether the process that wrote a file is still there."""

from __future__ import annotations

import os
import sys

from contextcompany.delivery.spool.segment import writer_of


def is_running(name: str) -> bool:
    """Return whether the process in a file's name is running; True where that cannot be known.

    Raises:
        ValueError: for a name that has not the form of ours.
    """
    writer = writer_of(name)
    if writer == os.getpid() or sys.platform == "win32":
        return True  # to ask would send a process of Windows an interrupt
    try:
        os.kill(writer, 0)
    except (ProcessLookupError, OverflowError):  # no process can have a number that is too large
        return False
    except OSError:
        return True
    return True
