"""The user's hook and the secret patterns over every text of a span; every rule here fails closed."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Final, Literal, cast

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.trace import Link, Status

from contextcompany.delivery.spans.leaves import Leaves, TooDeepError, read
from contextcompany.delivery.spans.rebuild import RedactedSpan, rebuilt
from contextcompany.delivery.spans.texts import JSON_KEYS, NAME_KEYS, STRUCTURAL_KEYS, TEXT_KEYS
from contextcompany.delivery.spans.written import NOTHING, Written, has_passed
from contextcompany.diagnostics import guard, warn_once
from contextcompany.redaction import MASK, is_secret_name, redact_secrets
from contextcompany.sdk import Event
from contextcompany.semconv import attributes as names
from contextcompany.semconv.text import byte_size, class_name, class_of, clean_text
from contextcompany.semconv.values import MAX_SPAN_BYTES, to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.util.types import AnyValue

    from contextcompany.sdk import ReadableSpan

    Attributes = Mapping[str, AnyValue]

FAILED: Final = "[redaction failed]"
"""Stands for a text for which the hook raised or returned no text."""

SPAN_NAME: Final = "span.name"
"""What the hook is told of the name of a span that is not made of structural attributes."""

EVENT_NAME: Final = "event.name"
"""What the hook is told of the name of an event."""


class Redactor:
    """Give each text of a span to the user's hook, then to the secret patterns where that is wanted.

    With neither it does nothing at all. May be used by several threads at once.

    Args:
        hook: gets a text and the name of its attribute and returns what may leave; None for no hook.
            What it raises, but `KeyboardInterrupt`, costs that text alone.
        secrets: `"all"` masks secrets in every text, `"errors"` leaves that to who records errors.
        keys: further texts that are secrets, for `"all"`.
    """

    __slots__ = ("hook", "is_idle", "keys", "masks_all")

    def __init__(
        self,
        hook: Callable[[str, str], str] | None,
        secrets: Literal["errors", "all"],
        *,
        keys: tuple[str, ...] = (),
    ) -> None:
        self.hook = hook
        self.keys = keys
        self.masks_all = secrets == "all"
        self.is_idle = hook is None and not self.masks_all

    def __repr__(self) -> str:
        """Return what it does; not the hook, which may hold a key."""
        return f"Redactor(hook={self.hook is not None}, secrets={'all' if self.masks_all else 'errors'})"

    def span(self, span: ReadableSpan) -> ReadableSpan:
        """Return an ended span as it may leave: itself where nothing changes, else a copy.

        A copy that passed once is never given to the hook again.
        """
        if self.is_idle or isinstance(span, RedactedSpan):
            return span
        with guard:
            return _Pass(self).span(span, Written(), always=False)
        return _bare(span)

    def rest(self, span: ReadableSpan, written: Written) -> ReadableSpan:
        """Return a copy of a span for which everything but what was written redacted passes now."""
        if self.is_idle:
            return span
        with guard:
            return _Pass(self).span(span, written, always=True)
        return _bare(span)

    def attributes(self, given: Attributes) -> Attributes:
        """Return attributes as they may leave: the same object where nothing is to be done."""
        if self.is_idle:
            return given
        with guard:
            return _Pass(self).attributes(given)
        return _structure(given)

    def text(self, text: str, name: str) -> str:
        """Return one text as it may leave.

        Args:
            text: any text, never looked into as JSON.
            name: what the hook is told: the name of an attribute.
        """
        if self.is_idle:
            return text
        with guard:
            return _Pass(self).text(name, text)
        return FAILED


class _Pass:
    """One way of a span through the redaction, which may add 4 MiB to it and no more."""

    __slots__ = ("_hook", "_keys", "_left", "_masks_all")

    def __init__(self, redactor: Redactor) -> None:
        self._hook = redactor.hook
        self._keys = redactor.keys
        self._masks_all = redactor.masks_all
        self._left = MAX_SPAN_BYTES

    def span(self, span: ReadableSpan, written: Written, *, always: bool) -> ReadableSpan:
        old = span.attributes or {}
        attributes = self.attributes(old, written.attributes)
        said = span.status.description
        described = said
        if said is not None and said != written.description:
            known = names.TCC_STATUS_MESSAGE
            # The same text twice is the same text to the hook.
            found = attributes.get(known) if old.get(known) == said else None
            described = found if isinstance(found, str) else self.text(known, said)
        events = [self._event(event, written.event) for event in span.events]
        links = [self._link(link) for link in span.links]
        name = self._name(span.name, old)
        if (
            not always
            and name == span.name
            and described == said
            and all(attributes[key] is value for key, value in old.items())
            and all(new is event for new, event in zip(events, span.events, strict=True))
            and all(new is link for new, link in zip(links, span.links, strict=True))
        ):
            return span
        return rebuilt(
            span,
            attributes=attributes,
            status=span.status if described == said else Status(span.status.status_code, described),
            events=events,
            links=links,
            name=name,
            redacted=True,
        )

    def attributes(self, given: Attributes, passed: Attributes = NOTHING) -> dict[str, AnyValue]:
        return {
            key: value if has_passed(key, value, passed) else self._attribute(key, value)
            for key, value in given.items()
        }

    def text(self, name: str, text: str, *, secret: bool = False) -> str:
        """Return one text as it may leave; an empty one holds nothing."""
        if not text:
            return text
        clean = clean_text(text, sys.maxsize)[0]
        result = clean
        if self._hook is not None:
            said = self._asked(clean, name)
            if said is None:
                return FAILED
            if said != clean:
                size = byte_size(clean)
                result = clean_text(said, size + self._left)[0]
                self._left -= max(byte_size(result) - size, 0)
        if self._masks_all:
            result = MASK if secret and result else redact_secrets(result)
            for key in self._keys:
                result = result.replace(key, MASK)
        return result

    def _asked(self, text: str, name: str) -> str | None:
        hook = self._hook
        if hook is None:
            return text
        try:
            said: object = hook(text, name)
        except BaseException as error:  # (it is the user's, and may raise anything)
            if isinstance(error, KeyboardInterrupt) and threading.current_thread() is threading.main_thread():
                raise
            # Not what it says: that may hold the text.
            self._warn("the redact hook raised %s", class_name(error))
            return None
        if not issubclass(class_of(said), str):
            self._warn("the redact hook returned %s where text was expected", class_name(said))
            return None
        return clean_text(said, sys.maxsize)[0]

    def _warn(self, what: str, kind: str) -> None:
        message = (
            f"{what}: the text is replaced by %s, here and wherever that happens again; correct the hook"
        )
        warn_once(("redact", id(self._hook)), message, kind, FAILED)

    def _attribute(self, key: str, value: AnyValue) -> AnyValue:
        if key in STRUCTURAL_KEYS:
            return value
        try:
            return self._redacted(key, value)
        except (RecursionError, TooDeepError):
            warn_once("redact-depth", "a value is nested too deeply to be redacted: it is left out")
            return FAILED

    def _redacted(self, key: str, value: AnyValue) -> AnyValue:
        secret = self._masks_all and key not in names.KNOWN_KEYS and is_secret_name(key)
        if isinstance(value, str):
            found = read(value) if _may_be_json(key, value) else None
            if found is None:
                changed = self.text(key, value, secret=secret)
                return value if changed == value else changed
            plain, is_repeated = found
            leaves = self._leaves(key)
            visited = leaves.framed(key, plain) if key in JSON_KEYS else leaves.free(plain, secret=secret)
            same = not leaves.is_changed and not is_repeated
            return value if same else to_json(cast("dict[str, None]", visited), sys.maxsize)[0]
        leaves = self._leaves(key)
        visited = leaves.free(value, secret=secret)
        if not leaves.is_changed:
            return value
        return cast("AnyValue", _alike(visited))

    def _leaves(self, key: str) -> Leaves:
        def visit(text: str, secret: bool) -> str:
            return self.text(key, text, secret=secret)

        return Leaves(visit, FAILED, names_tell=self._masks_all)

    def _event(self, event: Event, passed: Attributes) -> Event:
        given = event.attributes or {}
        is_exception = event.name == names.EXCEPTION_EVENT_NAME
        attributes = self.attributes(given, passed if is_exception else NOTHING)
        name = event.name if is_exception else self.text(EVENT_NAME, event.name)
        if name == event.name and all(attributes[key] is value for key, value in given.items()):
            return event
        return Event(name, _bounded(attributes, event.attributes), event.timestamp)

    def _link(self, link: Link) -> Link:
        given = link.attributes or {}
        attributes = self.attributes(given)
        if all(attributes[key] is value for key, value in given.items()):
            return link
        return Link(link.context, _bounded(attributes, link.attributes))

    def _name(self, name: str, attributes: Attributes) -> str:
        """Return the name of a span; one that is made of structural attributes is no text."""
        operation = attributes.get(names.GEN_AI_OPERATION_NAME)
        subjects = [attributes.get(key) for key in NAME_KEYS]
        known = [names.FEEDBACK_SPAN_NAME, operation, *(f"{operation} {subject}" for subject in subjects)]
        if name in known:
            return name
        return self.text(SPAN_NAME, name)


def _may_be_json(key: str, value: str) -> bool:
    return key not in TEXT_KEYS and value.lstrip()[:1] in {"{", "["}


def _alike(visited: object) -> object:
    """Return a list of one type, as attributes are: where a number became text, all of them do."""
    if not isinstance(visited, list):
        return visited
    items = cast("list[object]", visited)
    if not any(isinstance(item, str) for item in items):
        return items
    if not all(item is None or isinstance(item, (str, bool, int, float)) for item in items):
        return items
    return [None if item is None else clean_text(item, sys.maxsize)[0] for item in items]


def _bare(span: ReadableSpan) -> ReadableSpan:
    """Return what is left of a span for which the redaction itself failed: its structure."""
    attributes = _structure(span.attributes or {})
    operation = attributes.get(names.GEN_AI_OPERATION_NAME)
    return rebuilt(
        span,
        attributes=attributes,
        status=Status(span.status.status_code),
        events=[Event(FAILED, _structure(event.attributes or {}), event.timestamp) for event in span.events],
        links=[Link(link.context) for link in span.links],
        name=operation if isinstance(operation, str) else FAILED,
        redacted=True,
    )


def _structure(attributes: Attributes) -> dict[str, AnyValue]:
    return {key: value for key, value in attributes.items() if key in STRUCTURAL_KEYS}


def _bounded(attributes: Attributes, old: Attributes | None) -> BoundedAttributes:
    kept = BoundedAttributes(attributes=attributes, immutable=True)
    if isinstance(old, BoundedAttributes):
        kept.dropped = old.dropped
    return kept
