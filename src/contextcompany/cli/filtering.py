"""The filters of the dashboard as options of a command."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from contextcompany.cli.failures import CommandError
from contextcompany.local.store.filters import FEEDBACK, METADATA_PREFIX, ORDERS, STATUSES, RunFilter

if TYPE_CHECKING:
    from collections.abc import Callable

_PANEL: Final = "Filters"
_HELP: Final = {
    "text": 'What prompts, responses and errors contain; any words, or a "quoted phrase".',
    "agent": "The agent, of the run or of anything in it.",
    "user": "Id or name of the user.",
    "org": "Id or name of the organisation.",
    "session": "Id of the session.",
    "status": f"One of {', '.join(STATUSES)}.",
    "model": "A model that was used.",
    "tool": "A tool that was called.",
    "error": "The type of an error.",
    "feedback": f"One of {', '.join(FEEDBACK)}.",
    "since": "Runs that began after a time (2026-05-01T12:00) or within an age (90min, 24h, 7d).",
    "until": "Runs that began before a time, or an age ago.",
    "order": f"One of {', '.join(ORDERS)}.",
}
_METADATA_HELP: Final = "A pair that the run's metadata holds; may be given again."


def with_filters(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command an option for each filter; it gets them together as its argument `wanted`.

    Raises:
        FilterError: At the call, where a filter cannot be used.
    """

    def filtered(**given: Any) -> Any:
        texts = [(name, given.pop(name) or "") for name in _HELP]
        pairs = [_pair(one) for one in given.pop("metadata") or ()]
        return command(wanted=RunFilter.of([*texts, *pairs]), **given)

    own = inspect.signature(command, eval_str=True).parameters.values()
    kept = [parameter for parameter in own if parameter.name != "wanted"]
    options = [_parameter(name, str | None, name.upper(), text) for name, text in _HELP.items()]
    options.append(_parameter("metadata", list[str] | None, "KEY=VALUE", _METADATA_HELP))
    parameters = [*kept, *options]
    filtered.__doc__ = command.__doc__
    filtered.__name__ = command.__name__
    # What typer reads a command's options from.
    filtered.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    vars(filtered)["__signature__"] = inspect.Signature(parameters)
    return filtered


def _parameter(name: str, kind: Any, metavar: str, text: str) -> inspect.Parameter:
    option = typer.Option(f"--{name}", metavar=metavar, help=text, rich_help_panel=_PANEL, show_default=False)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind, option]
    )


def _pair(given: str) -> tuple[str, str]:
    key, found, value = given.partition("=")
    if not found or not key or not value:
        raise CommandError(f"--metadata: must be key=value, got {given!r}")
    return METADATA_PREFIX + key, value
