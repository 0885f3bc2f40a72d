"""The last resort: an error of ours is answered and said without what it may hold of a request."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect

from contextcompany.diagnostics import logger
from contextcompany.local.server.answers import refusal

if TYPE_CHECKING:
    from types import TracebackType

    from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Faults:
    """Answer 500 where the rest fails, and log the class and the place of the error alone.

    Its message may hold prompts, so that is said on the debug level only.

    Args:
        app: What answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ask the rest, and answer in its place if it fails."""
        started = False

        async def send_noted(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, send_noted)
        except ClientDisconnect:
            # Nobody is there to read an answer.
            return
        except Exception as error:
            logger.error(
                "the local server failed to answer: %s at %s; please report it",
                type(error).__name__,
                _place(error.__traceback__),
            )
            logger.debug("what failed:", exc_info=error)
            if started or scope["type"] != "http":
                # The answer is cut off, which the caller sees as a broken connection.
                raise
            answer = refusal(
                scope["path"],
                HTTPStatus.INTERNAL_SERVER_ERROR,
                f"the server failed with {type(error).__name__}; its log says where",
            )
            await answer(scope, receive, send)


def _place(traceback: TracebackType | None) -> str:
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None:
        return "?"
    return f"{traceback.tb_frame.f_code.co_filename}:{traceback.tb_lineno}"
