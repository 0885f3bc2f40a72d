"""Every page, in both themes and at both widths: accessible, within its window, nothing in the console."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.browsing import NARROW, WIDE
from tests.browser.story import SESSION, TRIP_RUN, tell
from tests.interpreter import python
from tests.local.served import served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page

    from tests.browser.browsing import Opened
    from tests.local.served import Served
