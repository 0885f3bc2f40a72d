"""Any text as one segment of a path: ids and names hold slashes, dots, percent signs and worse.

Servers decode a path before it is routed, and then `a%2Fb` cannot be told from `a/b`. `SegmentPaths` makes
the path of a request such that routing sees the segments as they were sent, and a route that says
`{name:segment}` gets the text of one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Final
from urllib.parse import quote, unquote

from starlette.convertors import Convertor, register_url_convertor

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

# Browsers resolve segments of one and two dots before they send them, also when they are percent-encoded.
_DOTS: Final = re.compile(r"~*\.{1,2}")
_ESCAPED_DOTS: Final = re.compile(r"~+\.{1,2}")


def segment(text: str) -> str:
    """Write a text as a segment of a path.

    All but unreserved characters are percent-encoded; `.` and `..` get a tilde in front, since no browser
    would send them.
    """
    return quote(f"~{text}" if _DOTS.fullmatch(text) else text, safe="", errors="replace")


def segment_text(sent: str) -> str:
    """Read the text of a segment; what `segment()` wrote comes back."""
    text = unquote(sent, errors="replace")
    return text[1:] if _ESCAPED_DOTS.fullmatch(text) else text


class SegmentConvertor(Convertor[str]):
    """Give a route the text of one segment."""

    regex: ClassVar[str] = "[^/]+"

    def convert(self, value: str) -> str:
        """Read the text of a segment."""
        return segment_text(value)

    def to_string(self, value: str) -> str:
        """Write a text as a segment."""
        return segment(value)


register_url_convertor("segment", SegmentConvertor())


class SegmentPaths:
    """Route by the segments as they were sent: encoded slashes and percent signs stay encoded.

    Args:
        app: What is asked with the path rewritten.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Rewrite the path and go on."""
        raw = scope.get("raw_path")
        if scope["type"] == "http" and raw:
            sent = raw.decode("latin-1").partition("?")[0].split("/")
            decoded = (unquote(part, errors="replace") for part in sent)
            path = "/".join(part.replace("%", "%25").replace("/", "%2F") for part in decoded)
            scope = dict(scope) | {"path": path}
        await self._app(scope, receive, send)
