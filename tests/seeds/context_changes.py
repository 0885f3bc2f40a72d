"""The samples of document 003 that cannot run as printed, each with the smallest change, and the reason."""

from __future__ import annotations

import re
from typing import Final, NamedTuple


class Change(NamedTuple):
    """Put a text in the place of another one, which the sample has once."""

    printed: str
    instead: str
    reason: str


CHANGES: Final = {
    "003-03": Change(
        "from dataclasses import dataclass\n",
        "from dataclasses import dataclass, field\n",
        "the sample uses field and does not import it",
    ),
    "003-07": Change(
        "InterceptContext, InterceptResult\n",
        "InterceptContext, InterceptResult, Phase\n",
        "the sample annotates with Phase and does not import it",
    ),
    "003-08": Change(
        "from cogent import RunContext\n",
        "from datetime import datetime\nfrom cogent import RunContext\n",
        "the sample calls datetime.now() and does not import it",
    ),
    "003-09": Change(
        "from cogent import Agent, tool\n",
        "from cogent import Agent, RunContext, tool\n",
        "the sample derives from RunContext and does not import it",
    ),
    "003-10": Change(
        "tools=[...]",
        "tools=[perform]",
        "the dots stand for the reader's own tools, and an ellipsis is none",
    ),
    "003-11": Change(
        '# To "modify"',
        'ctx = ImmutableContext(user_id="123", tenant_id="acme")\n# To "modify"',
        "the sample modifies a context that it never makes, of a class that it makes itself",
    ),
    "003-12": Change(
        "from fastapi import FastAPI, Depends\n",
        "from dataclasses import dataclass\nfrom fastapi import FastAPI, Depends, Request\n",
        "the sample uses dataclass and Request and imports neither",
    ),
    "003-17": Change(
        "from cogent.core import generate_id\n",
        "from dataclasses import dataclass, field\n"
        "from cogent import RunContext, tool\n"
        "from cogent.core import generate_id\n",
        "the sample imports only one of the five names that it takes from packages",
    ),
    "003-18": Change(
        "from cogent.core import now_utc\n",
        "from dataclasses import dataclass, field\n"
        "from cogent import RunContext, tool\n"
        "from cogent.core import now_utc\n",
        "the sample imports neither dataclass and field nor RunContext and tool",
    ),
    "003-20": Change(
        "-> RunContext:",
        '-> "RunContext":',
        "the class names itself in an annotation before there is one of its name",
    ),
}

_PACKAGE: Final = re.compile(r"\bcogent\b")


def runnable(key: str, code: str, *, changed: bool = True) -> str:
    """Return a sample with this package's name in it, and with its change unless told otherwise."""
    change = CHANGES.get(key) if changed else None
    if change is not None:
        count = code.count(change.printed)
        if count != 1:
            raise ValueError(f"sample {key} must have {change.printed!r} once: got it {count} times")
        code = code.replace(change.printed, change.instead)
    return _PACKAGE.sub("contextcompany", code)
