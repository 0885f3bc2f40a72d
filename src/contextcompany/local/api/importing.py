"""An import through the API: laid down whole before the store is touched, then taken in at once."""

from __future__ import annotations

import asyncio
import tempfile
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, cast

from starlette.concurrency import run_in_threadpool

from contextcompany.local.api.errors import ApiError, bad
from contextcompany.local.api.filling import imported_fields
from contextcompany.local.api.lines import BadLineError, import_lines, merged

if TYPE_CHECKING:
    from io import BufferedIOBase

    from starlette.requests import Request

    from contextcompany.local.api.models import Imported
    from contextcompany.local.store.interface import RunStore

_IN_MEMORY_BYTES: Final = 4 * 1024 * 1024
_SECONDS: Final = 30.0


async def take_in(store: RunStore, request: Request) -> Imported:
    """Take in the lines of a request.

    The body goes to a temporary file first: a slow sender must not keep others from the store.

    Raises:
        ApiError: A line cannot be read, the sender is too slow, or there is no room for the file.
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", ""}:
        raise bad("Content-Encoding", f"Content-Encoding: send lines as they are, got {encoding[:60]!r}")
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES) as file:
        try:
            await _fill(file, request)
        except TimeoutError:
            raise ApiError(
                HTTPStatus.REQUEST_TIMEOUT, f"nothing came for {_SECONDS:g} seconds: send faster"
            ) from None
        except OSError as error:
            raise ApiError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"the lines cannot be laid down: {error.strerror}: make room in {tempfile.gettempdir()}",
            ) from error
        file.seek(0)
        return await run_in_threadpool(_add, store, cast("BufferedIOBase", file))


async def _fill(file: tempfile.SpooledTemporaryFile[bytes], request: Request) -> None:
    pieces = aiter(request.stream())
    while True:
        async with asyncio.timeout(_SECONDS):
            piece = await anext(pieces, None)
        if piece is None:
            return
        await run_in_threadpool(file.write, piece)


def _add(store: RunStore, file: BufferedIOBase) -> Imported:
    try:
        added = store.add_all(merged(import_lines(file)))
    except BadLineError as error:
        raise bad(f"line {error.line}", f"{error}; nothing was taken in") from error
    if not added.accepted and not added.duplicates:
        raise bad("body", "body: must be lines as an export writes them, got none")
    return imported_fields(added)
