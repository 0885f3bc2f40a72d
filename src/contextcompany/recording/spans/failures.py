"""What failed: messages without secrets, a class name, and the exception as an event, once."""

from __future__ import annotations

import sys
import traceback
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from contextcompany.redaction import redact_secrets
from contextcompany.semconv import attributes as names
from contextcompany.semconv.text import recording
from contextcompany.semconv.values import clean_text

if TYPE_CHECKING:
    from opentelemetry.util.types import AnyValue

_MOST_MESSAGE_BYTES: Final = 16 << 10
_MOST_NAME_BYTES: Final = 1 << 10
_MOST_TRACE_BYTES: Final = 64 << 10
_OURS: Final = frozenset({names.ERROR_TYPE_TIMEOUT, names.ERROR_TYPE_ABANDONED, names.ERROR_TYPE_INCOMPLETE})


class Failure(NamedTuple):
    """Why a span failed: a message that passed the secret patterns, and its `error.type`."""

    message: str
    error_type: str
    exception: BaseException | None = None

    @property
    def is_ours(self) -> bool:
        """Return whether this package is the author of the message, which then holds no content."""
        return self.error_type in _OURS


def failure_from(given: object) -> Failure:
    """Return the failure that a caller describes by a text or an exception.

    A text given while an exception is being handled takes the class of that exception.
    """
    # By its type: an object can raise when its `__class__` is asked for.
    raised = issubclass(type(given), BaseException)
    exception = cast("BaseException", given) if raised else sys.exc_info()[1]
    return Failure(
        message=safe_message(given),
        error_type=names.ERROR_TYPE_OTHER if exception is None else type_name(exception),
        exception=exception,
    )


def safe_message(given: object) -> str:
    """Return a message as bounded text in which secrets are masked; None is no text."""
    if given is None:
        return ""
    return _redacted(given, _MOST_MESSAGE_BYTES)


def type_name(exception: BaseException) -> str:
    """Return the class of an exception with its module, unless it is built in."""
    kind = type(exception)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return clean_text(name, _MOST_NAME_BYTES)[0]


def exception_attributes(exception: BaseException, *, content: bool) -> dict[str, AnyValue]:
    """Return the attributes of the event that records an exception.

    Args:
        exception: what was raised.
        content: whether its message and stack trace may be recorded.
    """
    event: dict[str, AnyValue] = {names.EXCEPTION_TYPE: type_name(exception)}
    if content:
        event[names.EXCEPTION_MESSAGE] = safe_message(exception)
        event[names.EXCEPTION_STACKTRACE] = _stack_trace(exception)
    return event


def _stack_trace(exception: BaseException) -> str:
    try:
        with recording():
            lines = traceback.format_exception(exception)
    except Exception:  # noqa: BLE001  (a hostile exception raises whatever is asked of it)
        lines = [f"{type_name(exception)}: its stack trace cannot be formatted"]
    return _redacted("".join(lines), _MOST_TRACE_BYTES)


def _redacted(given: object, limit: int) -> str:
    # Masked before it is cut: half a secret at the cut would match no pattern.
    return clean_text(redact_secrets(clean_text(given, 2 * limit)[0]), limit)[0]
