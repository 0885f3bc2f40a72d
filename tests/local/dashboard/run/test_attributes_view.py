"""Raw attributes as rows of a table."""

from __future__ import annotations

import html
import re

from hypothesis import given
from hypothesis import strategies as st

from contextcompany.local.dashboard.run.attributes_view import attribute_table, attribute_text

_scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.binary(max_size=20)
)
_values = st.recursive(
    _scalars,
    lambda inner: (
        st.lists(inner, max_size=3).map(tuple) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.text(max_size=10), _values, max_size=5))
def test_every_attribute_has_a_row(found: dict[str, object]) -> None:
    """Any value of any key is shown, in the order of the keys, with its kind."""
    table = attribute_table(found)  # type: ignore[arg-type]
    assert [row.key for row in table.rows] == sorted(found)
    assert all(row.kind for row in table.rows)
    assert table.left_out == 0


def test_values_are_written_as_people_read_them() -> None:
    """Text as it stands, bytes as base64, what is nested as JSON."""
    assert attribute_text("plain") == "plain"
    assert attribute_text(b"\x00\xff") == "AP8="
    assert attribute_text(True) == "true"
    assert attribute_text(("a", {"b": b"\x00"})) == '[\n  "a",\n  {\n    "b": "AA=="\n  }\n]'
    table = attribute_table({"json": '{"a":1}'})
    assert html.unescape(re.sub("<[^>]+>", "", table.rows[0].value.head)) == '{\n  "a": 1\n}'


def test_a_span_with_attributes_without_end_stays_on_a_page() -> None:
    """What there is no room for is counted, and values are cut."""
    table = attribute_table({f"{number:05}": "x" * 10_000 for number in range(2_000)})
    assert (len(table.rows), table.left_out) == (500, 1_500)
    assert table.rows[0].value.left_out == 6_000


def test_what_nests_too_deep_says_so() -> None:
    """A value that JSON cannot write breaks no page."""
    deep: tuple[object, ...] = ()
    for _ in range(100_000):
        deep = (deep,)
    assert attribute_text(deep) == "[nested too deep to show]"  # type: ignore[arg-type]
