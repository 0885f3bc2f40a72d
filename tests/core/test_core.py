"""Ids as text, and times that know their zone."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from uuid import UUID

import contextcompany.core as core_room
from contextcompany.core import generate_id, now_utc


def test_an_id_is_a_random_uuid_as_text() -> None:
    """`generate_id` gives the canonical text of a version 4 UUID."""
    made = generate_id()
    assert str(UUID(made)) == made
    assert UUID(made).version == 4


def test_ids_do_not_repeat_with_the_seed_of_the_application() -> None:
    """An application that seeds `random` twice still gets different ids."""
    random.seed(1)
    first = [generate_id() for _ in range(1000)]
    random.seed(1)
    second = [generate_id() for _ in range(1000)]
    assert len({*first, *second}) == 2000


def test_the_time_is_aware_and_in_utc() -> None:
    """`now_utc` lies between two readings of the clock and compares with other aware times."""
    before = datetime.now(tz=UTC)
    now = now_utc()
    assert before <= now <= datetime.now(tz=UTC)
    assert now.tzinfo is UTC
    assert now + timedelta(seconds=30) > now_utc()


def test_the_room_exports_these_two() -> None:
    """The samples of the context system need nothing else from `contextcompany.core`."""
    assert sorted(core_room.__all__) == ["generate_id", "now_utc"]
