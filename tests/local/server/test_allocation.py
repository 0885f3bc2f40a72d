"""The process that serves is sparing with memory."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

_PROGRAM = """
import ctypes, threading
from contextcompany.local.server.allocation import share_heap
share_heap()
together = threading.Barrier(4)
def work():
    together.wait()
    return bytearray(100_000)
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
ctypes.CDLL(None).malloc_stats()
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps a heap for each thread")
def test_threads_share_one_heap() -> None:
    """However many threads there are, the C library tells of a single heap."""
    told = subprocess.run(
        [sys.executable, "-c", _PROGRAM], check=True, capture_output=True, text=True, timeout=30
    ).stderr
    assert told.count("Arena ") == 1
