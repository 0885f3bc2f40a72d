"""Requests to a receiver's own API, past any proxy that the machine may have set."""

from __future__ import annotations

import json
import time
import urllib.request
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

REQUEST_TIMEOUT = 20.0
"""Seconds."""

Reading = TypeVar("Reading")

_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def get(url: str) -> bytes:
    """Fetch a URL; raises urllib.error.HTTPError unless it answers with success."""
    with _direct.open(url, timeout=REQUEST_TIMEOUT) as response:
        body: bytes = response.read()
        return body


def get_json(url: str) -> Any:
    """Fetch JSON."""
    return json.loads(get(url))


def post_json(url: str, body: object) -> Any:
    """Send JSON and return the JSON that comes back."""
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    with _direct.open(request, timeout=REQUEST_TIMEOUT) as response:
        return json.loads(response.read())


def read_until(read: Callable[[], Reading], complete: Callable[[Reading], bool], timeout: float) -> Reading:
    """Read again until it is complete or `timeout` seconds are over, and return one reading more.

    Receivers store in the background, so a span that they took is not readable at once, and may come while a
    reading is put together from several answers.
    """
    deadline = time.monotonic() + timeout
    while not complete(read()) and time.monotonic() < deadline:
        time.sleep(0.3)
    return read()
