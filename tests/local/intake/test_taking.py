"""What becomes of a body that arrived."""

from __future__ import annotations

import gzip
import threading
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus

import pytest

from contextcompany.local.intake.receiving import Arrived
from contextcompany.local.intake.taking import Taking
from contextcompany.local.otlp.bodies import LARGE_BODY_BYTES, RefusedError
from contextcompany.local.store.rows import StoreFullError
from tests.local.intake.serving import Kept
from tests.local.samples import PROTOBUF_BODY, RECORD

TYPE = "application/x-protobuf"


def test_a_body_is_unpacked_and_taken() -> None:
    """Pieces are put together, the content encoding undone, the spans stored."""
    store = Kept()
    taking = Taking(store)
    packed = gzip.compress(PROTOBUF_BODY)
    arrived = Arrived(TYPE, "gzip", [packed[:9], packed[9:]])
    assert taking.run(taking.traces, arrived) == b""
    assert store.kept == [RECORD]


def test_large_bodies_are_read_one_at_a_time_and_small_ones_beside_them() -> None:
    """The memory of two large bodies is never needed, and no small one waits for a large one."""
    taking = Taking(Kept())
    pieces = [bytes(1024 * 1024)] * (LARGE_BODY_BYTES // 1024 // 1024 + 1)
    large = [Arrived(TYPE, "identity", list(pieces)) for _ in range(2)]
    inside, leave = threading.Event(), threading.Event()
    lock, at_once, most = threading.Lock(), 0, 0

    def slow(_body: bytes, _content_type: str) -> bytes:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        inside.set()
        assert leave.wait(10)
        with lock:
            at_once -= 1
        return b""

    with ThreadPoolExecutor(3) as pool:
        sent = [pool.submit(taking.run, slow, one) for one in large]
        assert inside.wait(10)
        small = Arrived(TYPE, "identity", [PROTOBUF_BODY])
        assert pool.submit(taking.run, taking.traces, small).result(10) == b""
        leave.set()
        assert [one.result(10) for one in sent] == [b"", b""]
    assert most == 1


def test_a_store_that_cannot_count_is_said_so() -> None:
    """Logs and metrics come again later too."""

    class Full(Kept):
        def count_signals(self, *, logs: int = 0, metrics: int = 0) -> None:
            raise StoreFullError("the disk is full")

    taking = Taking(Full())
    for take in (taking.logs, taking.metrics):
        with pytest.raises(RefusedError, match="the disk is full") as caught:
            taking.run(take, Arrived(TYPE, "identity", []))
        assert caught.value.status is HTTPStatus.SERVICE_UNAVAILABLE
