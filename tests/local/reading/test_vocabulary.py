"""Under which names the facts of a span are looked for."""

from __future__ import annotations

import pytest

from contextcompany.local.reading.vocabulary import ALL, OURS, vocabulary_of
from contextcompany.semconv import attributes
from tests.local.agent_spans import feedback, run, step, tool
from tests.local.foreign_spans import EVERY


def test_spans_of_ours_are_read_by_our_names_alone() -> None:
    """None of the keys that we write is taken for one of others."""
    assert (
        vocabulary_of(dict.fromkeys(attributes.KNOWN_KEYS - {attributes.USER_ID, attributes.USER_NAME}))
        is OURS
    )
    for span in (run(), step(tokens=(1, 0, 1), cost=1), tool(), feedback()):
        assert vocabulary_of(span.attributes) is OURS


@pytest.mark.parametrize("name", sorted(EVERY))
def test_spans_of_others_are_read_by_all_names(name: str) -> None:
    """Each instrumentation leaves a key that we never write."""
    assert vocabulary_of(EVERY[name]) is ALL
