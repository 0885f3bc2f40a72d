"""Large OTLP JSON taken apart span by span: read as a whole it would weigh up to thirty times its bytes."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final, cast

from contextcompany.local.otlp.fields import holds_more, read, read_document
from contextcompany.local.otlp.spans import MalformedBodyError

if TYPE_CHECKING:
    from contextcompany.local.otlp.fields import Object

LARGE_BYTES: Final = 1024 * 1024
"""From here on a document is taken apart."""

# Twice the bytes and four times the values of protobuf: what came in that leaves and comes again in JSON.
MOST_SPAN_BYTES: Final = 32 * 1024 * 1024
"""The largest span that is taken."""

MOST_SPAN_VALUES: Final = 400_000
"""So many values a span may hold."""

_MOST_BRACKETS: Final = 10_000_000
# The next bracket that stands in no string; the end of the body ends a string as well.
_BRACKET: Final = re.compile(
    rb'(?:[^"{}\[\]]++|"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z))*+([{}\[\]])', re.DOTALL
)
# What is open around a span: the request, resourceSpans, one of these, scopeSpans, one of these, spans.
_AROUND_SPANS: Final = b"{[{[{["
_PLACE: Final = ""


class Taken:
    """A document with numbers in the place of its spans, and where these are.

    Args:
        body: The document.

    Raises:
        MalformedBodyError: It is no JSON around the spans, or holds too much.
    """

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._places: list[tuple[int, int]] = []
        self.document: object = read_document(self._outline())

    def span(self, item: object) -> object:
        """Return the span that an item of `spans` stands for, or the item if it stands for none.

        Raises:
            MalformedBodyError: The span is no JSON, or holds too much.
        """
        if not isinstance(item, dict):
            return item
        held = cast("Object", item)
        place = held.get(_PLACE)
        if not isinstance(place, int):
            return held
        start, end = self._places[place]
        if end - start > MOST_SPAN_BYTES:
            raise MalformedBodyError(f"a span is larger than {MOST_SPAN_BYTES // (1024 * 1024)} MiB")
        written = self._body[start:end]
        if holds_more(written, MOST_SPAN_VALUES):
            raise MalformedBodyError(f"a span holds more than {MOST_SPAN_VALUES:,} values")
        return read(written)

    def _outline(self) -> bytes:
        """Write the document with an object that holds a number in the place of each span."""
        body = self._body
        if sum(map(body.count, (b"{", b"}", b"[", b"]"))) > _MOST_BRACKETS:
            raise MalformedBodyError("the body holds too many values; send smaller batches")
        written: list[bytes] = []
        opened = bytearray()
        kept_to = begun = 0
        depth = len(_AROUND_SPANS)
        for found in _BRACKET.finditer(body):
            bracket = found[1]
            if bracket in b"{[":
                opened += bracket
                if len(opened) == depth + 1 and opened.startswith(_AROUND_SPANS):
                    begun = found.end() - 1
                continue
            if not opened:
                break
            if len(opened) == depth + 1 and opened.startswith(_AROUND_SPANS):
                # Whatever stands there is replaced, so that no document can hold such a number itself.
                written += (body[kept_to:begun], json.dumps({_PLACE: len(self._places)}).encode())
                self._places.append((begun, found.end()))
                kept_to = found.end()
            del opened[-1]
        written.append(body[kept_to:])
        return b"".join(written)
