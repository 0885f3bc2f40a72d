"""The form for feedback on the page of a run: what was sent, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

from contextcompany.local.reading.feedback import MOST_CHARACTERS

if TYPE_CHECKING:
    from contextcompany.local.reading.reading import Score

MOST_BYTES: Final = 64 * 1024
"""The longest body of the form."""

_SCORES: Final[dict[str, Score]] = {"up": "up", "down": "down"}


class FeedbackFormError(ValueError):
    """What was sent is no feedback; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Given:
    """Feedback that can be kept."""

    score: Score | None
    text: str


@dataclass(frozen=True, slots=True)
class FeedbackForm:
    """What stands in the form, right or wrong; `error` says what is wrong."""

    score: str = ""
    text: str = ""
    error: str = ""
    is_too_long: bool = False

    def checked(self) -> Given:
        """Return what was given.

        Raises:
            FeedbackFormError: It cannot be kept.
        """
        if self.is_too_long or len(self.text) > MOST_CHARACTERS:
            raise FeedbackFormError(f"The text is too long: use at most {MOST_CHARACTERS:,} characters.")
        if self.score and self.score not in _SCORES:
            raise FeedbackFormError("The thumb must be up or down: choose one, or none.")
        if not self.score and not self.text:
            raise FeedbackFormError("There is nothing to send: choose a thumb, write a text, or both.")
        return Given(_SCORES.get(self.score), self.text)

    def refused(self, error: str) -> FeedbackForm:
        """Return the form with what is wrong."""
        return replace(self, error=error)


def read_feedback(body: bytes | None) -> FeedbackForm:
    """Read the body of the form, URL-encoded as browsers send it; None for one that was too long."""
    if body is None:
        return FeedbackForm(is_too_long=True)
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=20)
    except ValueError:
        return FeedbackForm()
    text = fields.get("text", [""])[0].replace("\r\n", "\n").strip()
    return FeedbackForm(score=fields.get("score", [""])[0], text=text)
