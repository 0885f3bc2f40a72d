"""What is recorded of a decorated function's arguments and result: all, nothing, or what a function says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from contextcompany.diagnostics import warn_once

if TYPE_CHECKING:
    from collections.abc import Callable

CaptureArgs: TypeAlias = "bool | Callable[[dict[str, Any]], Any]"
CaptureResult: TypeAlias = "bool | Callable[[Any], Any]"

NOTHING: Final = object()
"""What is recorded where nothing is to be."""


@dataclass(frozen=True, slots=True)
class Capture:
    """The options `capture_args` and `capture_result` of a decorator.

    Attributes:
        owner: whom they belong to, such as `tool search`, for warnings and errors.
        args: True, False, or what maps the arguments by name to what is recorded.
        result: True, False, or what maps the result to what is recorded.

    Raises:
        TypeError: for an option that is neither a bool nor callable.
    """

    owner: str
    args: CaptureArgs = True
    result: CaptureResult = True

    def __post_init__(self) -> None:
        for option, given in (("capture_args", self.args), ("capture_result", self.result)):
            if not isinstance(given, bool) and not callable(given):
                raise TypeError(
                    f"{option} of {self.owner} must be True, False or a function: "
                    f"got {type(given).__name__}; pass a function that returns what is to be recorded"
                )

    @property
    def keeps_result(self) -> bool:
        """Return whether anything is recorded of the result."""
        return self.result is not False

    @property
    def maps_result(self) -> bool:
        """Return whether a function makes what is recorded of the result."""
        return not isinstance(self.result, bool)

    def of_args(self, arguments: dict[str, Any], unmapped: object) -> object:
        """Return what is recorded of arguments, or `NOTHING`.

        Args:
            arguments: the arguments by name, for the mapping function.
            unmapped: what is recorded where there is none.
        """
        if isinstance(self.args, bool):
            return unmapped if self.args else NOTHING
        return self._mapped("capture_args", self.args, arguments)

    def of_result(self, result: object) -> object:
        """Return what is recorded of a result, or `NOTHING`."""
        if isinstance(self.result, bool):
            return result if self.result else NOTHING
        return self._mapped("capture_result", self.result, result)

    def _mapped(self, option: str, function: Callable[[Any], Any], given: object) -> object:
        try:
            return function(given)
        except Exception as error:  # noqa: BLE001  (the user's function may raise anything)
            warn_once(
                (option, self.owner),
                "%s of %s raised %s: nothing is recorded of it",
                option,
                self.owner,
                type(error).__name__,
            )
            return NOTHING


def or_empty(captured: object) -> object:
    """Return what was captured for a field that every span must have: empty text for nothing."""
    return "" if captured is NOTHING else captured
