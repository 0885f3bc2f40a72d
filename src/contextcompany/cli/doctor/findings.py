"""What the doctor finds: one line each, good or bad."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

State: TypeAlias = Literal["ok", "note", "problem"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `advice` says what to do where it is a problem."""

    topic: str
    state: State
    text: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class SettingLine:
    """A setting in force, as it may be shown, and who said so."""

    name: str
    value: str
    source: str
