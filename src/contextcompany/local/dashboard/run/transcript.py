"""The conversation of a run: what was said and done in its order, each thing once, errors in their place.

Each request to a model repeats all that was said before. Of its messages only those are shown that are new;
calls and results of tools whose spans are here are shown as these.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from contextcompany.local.dashboard.run.message_view import (
    ARGUMENTS,
    RESULT,
    MessageView,
    PartView,
    data_view,
    message_view,
    part_view,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from contextcompany.local.dashboard.run.waterfall import Place, Waterfall
    from contextcompany.local.reading.conversation import Conversation, Message

TurnKind: TypeAlias = Literal["system", "earlier", "message", "tool", "agent", "error"]
Phase: TypeAlias = Literal["begin", "end"]

_MOST_NEW: Final = 8
_MOST_EARLIER: Final = 40
_MOST_CHARACTERS: Final = 12_000
_MOST_DATA_LINES: Final = 12
_LOOK_BACK: Final = 16


@dataclass(frozen=True, slots=True)
class Moment:
    """A point of the conversation: the beginning of a span, or the end of a run."""

    place: Place
    phase: Phase


@dataclass(frozen=True, slots=True)
class Turn:
    """One thing that was said or done.

    `place` is the span it comes from. `left_out` counts messages that are not shown for want of room.
    """

    kind: TurnKind
    place: Place
    messages: tuple[MessageView, ...] = ()
    parts: tuple[PartView, ...] = ()
    arguments: PartView | None = None
    result: PartView | None = None
    error_type: str = ""
    error: str = ""
    left_out: int = 0


@dataclass(slots=True)
class _Scope:
    """What was shown of one run so far."""

    said: Counter[object] = field(default_factory=Counter[object])
    answers: set[str] = field(default_factory=set[str])
    system: set[object] = field(default_factory=set[object])
    calls: set[str] = field(default_factory=set[str])
    tools: Counter[str] = field(default_factory=Counter[str])


def moments(found: Waterfall) -> list[Moment]:
    """List the points of the conversation from first to last."""
    listed: list[Moment] = []
    waiting = [Moment(root, "begin") for root in reversed(found.roots)]
    while waiting:
        moment = waiting.pop()
        place = moment.place
        if moment.phase == "end":
            listed.append(moment)
            continue
        if place.kind in {"run", "step", "tool"} and not place.is_seen_twice:
            listed.append(moment)
        if place.kind == "run" and place.line is not None:
            waiting.append(Moment(place, "end"))
        waiting.extend(Moment(child, "begin") for child in reversed(place.children))
    return listed


def known_before(listed: Sequence[Moment], start: int) -> list[Moment]:
    """Choose what tells, for a page that begins at `start`, what was shown before it."""
    around: dict[str, Moment] = {}
    steps: dict[str, Moment] = {}
    for moment in listed[:start]:
        place = moment.place
        if place.kind == "run" and moment.phase == "begin":
            around[place.run] = moment
        elif place.kind == "run":
            around.pop(place.run, None)
        elif place.kind == "step":
            steps[place.run] = moment
    last = [steps[run] for run in around if run in steps]
    chosen = [
        *list(around.values())[-_LOOK_BACK:],
        *last[-_LOOK_BACK:],
        *listed[max(0, start - _LOOK_BACK) : start],
    ]
    return list(dict.fromkeys(chosen))


def transcript(
    shown: Sequence[Moment],
    conversations: Mapping[str, Conversation],
    before: Sequence[Moment] = (),
    after: Iterable[Moment] = (),
) -> tuple[Turn, ...]:
    """Tell a part of the conversation.

    Args:
        shown: The points to tell.
        conversations: What their spans say, by the key of their places.
        before: Points that are known already, and are told elsewhere.
        after: Points that come later; of their spans no more than the lines is looked at.
    """
    told = _Transcript(conversations)
    told.expect([*before, *shown, *after])
    for moment in before:
        for _ in told.turns(moment):
            pass
    return tuple(turn for moment in shown for turn in told.turns(moment))


class _Transcript:
    def __init__(self, conversations: Mapping[str, Conversation]) -> None:
        self._conversations = conversations
        self._scopes: defaultdict[str, _Scope] = defaultdict(_Scope)
        self._errors: set[tuple[str, str]] = set()

    def expect(self, listed: Sequence[Moment]) -> None:
        """Note which tool calls have a span of their own."""
        for moment in listed:
            if moment.place.kind == "tool" and moment.place.line is not None:
                self._scopes[moment.place.run].tools[moment.place.line.name] += 1

    def turns(self, moment: Moment) -> Iterator[Turn]:
        place = moment.place
        conversation = self._conversations.get(place.key)
        if moment.phase == "begin" and place.kind == "run" and (place.agents or place.line is None):
            yield Turn("agent", place)
        if place.line is None:
            return
        if place.kind == "tool":
            yield self._tool(place, conversation)
            return
        if conversation is not None:
            if moment.phase == "begin":
                yield from self._system(place, conversation)
                yield from self._asked(place, conversation)
            if place.kind == "step" or moment.phase == "end":
                yield from self._answered(place, conversation)
        if place.kind == "step" or moment.phase == "end":
            yield from self._error(place)

    def _system(self, place: Place, conversation: Conversation) -> Iterator[Turn]:
        fingerprint = tuple(part.text for part in conversation.system)
        known = self._scopes[place.run].system
        if fingerprint and fingerprint not in known:
            known.add(fingerprint)
            parts = tuple(
                part_view(part, f"system.{number}", _MOST_CHARACTERS)
                for number, part in enumerate(conversation.system)
            )
            yield Turn("system", place, parts=parts)

    def _asked(self, place: Place, conversation: Conversation) -> Iterator[Turn]:
        scope = self._scopes[place.run]
        new: list[tuple[int, Message]] = []
        earlier: list[tuple[int, Message]] = []
        here: Counter[object] = Counter()
        for number, message in enumerate(conversation.asked):
            fingerprint = _fingerprint(message)
            here[fingerprint] += 1
            if here[fingerprint] <= scope.said[fingerprint]:
                # What comes before something that was shown is no news.
                earlier += new
                new = []
            else:
                scope.said[fingerprint] += 1
                new.append((number, message))
        if not earlier:
            earlier, new = new[:-_MOST_NEW], new[-_MOST_NEW:]
        before = self._views(place, "asked", earlier[-_MOST_EARLIER:])
        if before:
            yield Turn("earlier", place, messages=before, left_out=max(0, len(earlier) - _MOST_EARLIER))
        for view in self._views(place, "asked", new[-_MOST_EARLIER:]):
            yield Turn("system" if view.role == "system" else "message", place, (view,), parts=view.parts)

    def _answered(self, place: Place, conversation: Conversation) -> Iterator[Turn]:
        scope = self._scopes[place.run]
        answers: list[tuple[int, Message]] = []
        for number, message in enumerate(conversation.answered):
            words = _words(message)
            # A run answers what its last step answered, without the calls that came with it.
            if place.kind == "step" or words not in scope.answers:
                answers.append((number, message))
            scope.said[_fingerprint(message)] += 1
            scope.answers.add(words)
        for view in self._views(place, "answered", answers[:_MOST_EARLIER]):
            yield Turn("message", place, (view,), parts=view.parts)

    def _views(
        self, place: Place, source: str, messages: list[tuple[int, Message]]
    ) -> tuple[MessageView, ...]:
        views = (
            self._without_calls(
                place,
                message_view(message, f"{source}.{number}", _MOST_CHARACTERS),
                is_answer=source == "answered",
            )
            for number, message in messages
        )
        return tuple(view for view in views if view.parts)

    def _without_calls(self, place: Place, view: MessageView, *, is_answer: bool) -> MessageView:
        """Leave out calls and results that are shown as the spans of their tools."""
        scope = self._scopes[place.run]
        kept: list[PartView] = []
        for part in view.parts:
            if part.kind == "call":
                is_known = part.call_id in scope.calls if part.call_id else False
                if not is_known and is_answer and scope.tools[part.name] > 0:
                    scope.tools[part.name] -= 1
                    scope.calls.add(part.call_id)
                    is_known = True
                elif not is_known and not is_answer and scope.tools[part.name]:
                    is_known = True
                    scope.calls.add(part.call_id)
                if is_known:
                    continue
            elif part.kind == "result" and part.call_id and part.call_id in scope.calls:
                continue
            kept.append(part)
        return MessageView(view.role, tuple(kept), view.finish_reason)

    def _tool(self, place: Place, conversation: Conversation | None) -> Turn:
        assert place.line is not None  # noqa: S101
        arguments = result = None
        if conversation is not None:
            arguments = data_view(conversation.arguments, ARGUMENTS, _MOST_CHARACTERS, _MOST_DATA_LINES)
            result = data_view(conversation.result, RESULT, _MOST_CHARACTERS, _MOST_DATA_LINES)
        line = place.line
        if line.status == "failed":
            self._errors.add((line.error_type, line.error))
        return Turn(
            "tool", place, arguments=arguments, result=result, error_type=line.error_type, error=line.error
        )

    def _error(self, place: Place) -> Iterator[Turn]:
        line = place.line
        if line is None or line.status == "ok" or not (line.error or line.error_type):
            return
        # A run fails with what failed in it.
        if (line.error_type, line.error) in self._errors and place.kind == "run":
            return
        self._errors.add((line.error_type, line.error))
        yield Turn("error", place, error_type=line.error_type, error=line.error)


def _words(message: Message) -> str:
    return " ".join(part.text.strip() for part in message.parts if part.kind == "text")


def _fingerprint(message: Message) -> object:
    return message.role, tuple((part.kind, part.name, part.text.strip()) for part in message.parts)
