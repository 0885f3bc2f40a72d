"""Errors as one line that says what to do."""

from __future__ import annotations

import errno
import sqlite3
from typing import Final

from contextcompany.local.reading.preview import one_line
from contextcompany.local.server.tokens import TokensError
from contextcompany.local.store.filters import METADATA_PREFIX, FilterError
from contextcompany.local.store.rows import StoreError

_MOST_CHARACTERS: Final = 1_000


class CommandError(Exception):
    """A command cannot do what was asked; the message says what happened and what to do."""


def failure_line(error: BaseException) -> str | None:
    """Return the line for an error that a user can do something about; None for a bug of ours.

    It is empty where the help was asked for by typing nothing, and has been printed.
    """
    text: str | None
    match error:
        case CommandError() | StoreError() | TokensError():
            text = str(error)
        case FilterError():
            text = _of_filter(error)
        case OSError() if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            text = "the disk is full: make room, or use another one"
        case OSError():
            said = error.strerror or str(error) or type(error).__name__
            text = f"{said}: {error.filename}" if error.filename is not None else said
        case sqlite3.Error():
            text = f"the database cannot be used ({error}): name another with --db"
        case _:
            # What typer says of options and arguments; its class has another home from version to version.
            message = getattr(error, "format_message", None)
            text = _of_usage(error, message()) if callable(message) else None
    return None if text is None else one_line(text, _MOST_CHARACTERS)


def _of_filter(error: FilterError) -> str:
    option = "--metadata" if error.name.startswith(METADATA_PREFIX) else f"--{error.name}"
    return f"{option}: {str(error).removeprefix(error.name).removeprefix(':').strip()}"


def _of_usage(error: BaseException, message: object) -> str:
    if not message:
        return ""
    context = getattr(error, "ctx", None)
    command = getattr(context, "command_path", None) or "tcc"
    return f"{str(message).rstrip('.')}: see {command} --help"
