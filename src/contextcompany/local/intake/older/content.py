"""Attributes of a span in the making: values made fit for it, and the names of what had to be cut."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contextcompany.local.otlp.fields import as_text, refuse
from contextcompany.semconv import attributes as names
from contextcompany.semconv.values import amount, attribute_value, clean_text, count, freeze, to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from contextcompany.local.otlp.fields import Object
    from contextcompany.local.otlp.spans import AttributeValue
    from contextcompany.semconv.plain import Plain

_MOST_OTHERS: Final = 200
_LONGEST_KEY: Final = 200


class Attributes:
    """Collect the attributes of one span."""

    def __init__(self) -> None:
        self.pairs: dict[str, AttributeValue] = {}
        self._cut: set[str] = set()

    def text(self, key: str, item: Object, field: str) -> str:
        """Add the text in a field if there is one; returns it."""
        value = item.get(field)
        if value is None or value == "":
            return ""
        text, cut = clean_text(as_text(value, field))
        self._put(key, text, cut)
        return text

    def content(self, key: str, value: object, convert: Callable[[Plain], Any]) -> None:
        """Add a value as the JSON of what it is converted to."""
        plain, frozen_cut = freeze(value)
        text, written_cut = to_json(convert(plain))
        self._put(key, text, frozen_cut or written_cut)

    def count(self, key: str, item: Object, field: str) -> int | None:
        """Add the whole number in a field if there is one; returns it."""
        value = item.get(field)
        if value is None:
            return None
        number = count(value)
        if number is None:
            refuse(field, "a whole number of at least 0", value)
        self.pairs[key] = number
        return number

    def amount(self, key: str, item: Object, field: str) -> bool:
        """Add the finite number in a field if there is one; returns whether there was."""
        value = item.get(field)
        if value is None:
            return False
        number = amount(value)
        if number is None:
            refuse(field, "a number of at least 0", value)
        self.pairs[key] = number
        return True

    def free(self, key: str, value: object) -> None:
        """Add a value under a name that the sender chose."""
        fit, cut = attribute_value(value)
        self._put(key, tuple(fit) if isinstance(fit, list) else fit, cut)

    def others(self, found: Mapping[str, object]) -> None:
        """Add what has no meaning here under its own name, unless that is a name of ours."""
        for key, value in list(found.items())[:_MOST_OTHERS]:
            name = clean_text(key, _LONGEST_KEY)[0]
            ours = name in names.KNOWN_KEYS or name.startswith(names.TCC_METADATA_PREFIX)
            if not ours and name not in self.pairs:
                self.free(name, value)

    def finished(self) -> dict[str, AttributeValue]:
        """Return all of them, with `tcc.truncated` where something was cut."""
        if self._cut:
            self.pairs[names.TCC_TRUNCATED] = tuple(sorted(self._cut))
        return self.pairs

    def _put(self, key: str, value: AttributeValue, cut: bool) -> None:
        self.pairs[key] = value
        if cut:
            self._cut.add(key)
