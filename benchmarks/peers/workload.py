"""What every peer records: one run of an agent, six spans, about 17 KB of text.

There are 64 variants with different texts of the same sizes, so that compression is no better than it is with
real ones. All are made at import: what is measured is the recording alone.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import Any, Final

SPANS_PER_RUN: Final = 6
VARIANTS: Final = 64
SEQUENCE: Final = (("step", 0), ("tool", 0), ("step", 1), ("tool", 1), ("step", 2))
"""The parts of a run in their order: which kind, and the how manieth of it."""

METADATA: Final = {
    "customer": "acme-corp",
    "plan": "enterprise",
    "region": "eu-west-1",
    "release": "2026.11.20",
    "channel": "web",
    "experiment": "prompt-v7",
}
MODEL_REQUESTED: Final = "gpt-5"
MODEL_USED: Final = "gpt-5-2026-08-07"
UNCACHED, CACHED, COMPLETION = 150, 50, 25
PROMPT_TOKENS: Final = UNCACHED + CACHED
FINISH_REASON: Final = "stop"
TOOL_NAMES: Final = ("search", "fetch")
TOOL_CALL_IDS: Final = ("call_0001", "call_0002")

_STEPS: Final = 3
_TOOL_DEFINITION_BYTES: Final = 1_024
_ARGUMENT_BYTES: Final = 200
_LETTERS: Final = "etaoinshrdlucmfwypvbgk"
_WORDS: Final = 3_000


class _Writer:
    """Prose of made-up words, frequent and rare ones, the same in every process."""

    def __init__(self) -> None:
        self._random = random.Random(7)  # noqa: S311  (texts, not secrets)
        self._words = ["".join(self._random.choices(_LETTERS, k=self._length())) for _ in range(_WORDS)]
        self._weights = [1 / (rank + 3) for rank in range(_WORDS)]

    def text(self, length: int) -> str:
        """Return prose of exactly this length."""
        return " ".join(self._random.choices(self._words, self._weights, k=length // 3 + 8))[:length]

    def _length(self) -> int:
        return self._random.randint(2, 9)


def _tool_definitions(writer: _Writer) -> list[dict[str, Any]]:
    parameters = {
        "type": "object",
        "properties": {
            "query": {"type": "string", "description": "what to look for"},
            "limit": {"type": "integer", "description": "how many"},
        },
        "required": ["query"],
    }
    tools: list[dict[str, Any]] = [
        {"type": "function", "name": name, "description": "", "parameters": parameters} for name in TOOL_NAMES
    ]
    missing = _TOOL_DEFINITION_BYTES - len(json.dumps(tools))
    tools[0]["description"] = writer.text(missing // 2)
    tools[1]["description"] = writer.text(missing - missing // 2)
    return tools


@dataclass(frozen=True, slots=True)
class Variant:
    """The texts of one run.

    Attributes:
        session_id: the session.
        user_prompt: 200 characters.
        system_prompt: 500 characters.
        response: 500 characters.
        step_prompts: three of 2,048 characters.
        step_responses: three of 500 characters.
        tool_arguments: two dicts that are 200 bytes of JSON.
        tool_results: two of 1,024 characters.
    """

    session_id: str
    user_prompt: str
    system_prompt: str
    response: str
    step_prompts: tuple[str, ...]
    step_responses: tuple[str, ...]
    tool_arguments: tuple[dict[str, Any], ...]
    tool_results: tuple[str, ...]


def _variant(writer: _Writer, number: int) -> Variant:
    return Variant(
        session_id=f"session-{number:016x}",
        user_prompt=writer.text(200),
        system_prompt=writer.text(500),
        response=writer.text(500),
        step_prompts=tuple(writer.text(2_048) for _ in range(_STEPS)),
        step_responses=tuple(writer.text(500) for _ in range(_STEPS)),
        tool_arguments=tuple(_arguments(writer, page) for page in range(len(TOOL_NAMES))),
        tool_results=tuple(writer.text(1_024) for _ in TOOL_NAMES),
    )


def _arguments(writer: _Writer, page: int) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "query": "",
        "limit": 10,
        "filters": {"lang": "en", "since": "2026-01-01"},
        "page": page,
    }
    arguments["query"] = writer.text(_ARGUMENT_BYTES - len(json.dumps(arguments)))
    return arguments


_writer: Final = _Writer()
TOOLS: Final = _tool_definitions(_writer)
TOOLS_JSON: Final = json.dumps(TOOLS)
RUNS: Final = tuple(_variant(_writer, number) for number in range(VARIANTS))
