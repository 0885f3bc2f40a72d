"""A parcel: what one request carries."""

from __future__ import annotations

from contextcompany.delivery.outbox.entry import Receipt
from contextcompany.delivery.outbox.parcel import Parcel


def test_all_who_wait_are_told() -> None:
    """Each receipt of a parcel learns of its fate."""
    for delivered in (True, False):
        receipts = {1: Receipt(), 2: Receipt()}
        Parcel(spans=3, size=10, receipts=receipts, born=0.0).settle(delivered=delivered)
        assert [receipt.wait(0.0) for receipt in receipts.values()] == [delivered] * 2


def test_parcels_with_the_same_content_are_two() -> None:
    """Two parcels are never equal: one may be on its way while the other waits."""
    first, second = (Parcel(spans=1, size=1, body=b"x", receipts={}, born=0.0) for _ in range(2))
    assert first != second
    assert first in [second, first]


def test_a_new_parcel_is_ours_and_nowhere_else() -> None:
    """It is of this process, not on disk, and nobody has refused it."""
    new = Parcel(spans=1, size=1, receipts={}, born=0.0)
    assert (new.is_own, new.file, new.refused_at, new.body, new.items) == (True, None, None, b"", ())
