"""Which attributes are texts: each known one is said to be one thing."""

from __future__ import annotations

from contextcompany.delivery.spans.texts import JSON_KEYS, NAME_KEYS, STRUCTURAL_KEYS, TEXT_KEYS
from contextcompany.semconv import attributes as names


def test_each_known_key_is_classified_once() -> None:
    """A new attribute is structure, JSON or text: somebody decided, and no key is two of them."""
    kinds = (STRUCTURAL_KEYS, JSON_KEYS, TEXT_KEYS)
    assert frozenset().union(*kinds) == names.KNOWN_KEYS
    assert sum(map(len, kinds)) == len(names.KNOWN_KEYS)


def test_content_is_never_structure() -> None:
    """What is left out with content off passes the redaction with content on."""
    assert not STRUCTURAL_KEYS & set(names.CONTENT_KEYS)


def test_names_of_spans_are_made_of_structure() -> None:
    """What may stand in the name of a span without passing is structural itself."""
    assert set(NAME_KEYS) <= STRUCTURAL_KEYS
