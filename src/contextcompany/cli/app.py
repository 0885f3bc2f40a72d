"""The command's frame: its subcommands, how it ends, and how it says what went wrong."""

import errno
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Final

import typer

from contextcompany.cli.doctor.command import doctor
from contextcompany.cli.failures import failure_line
from contextcompany.cli.runs import runs
from contextcompany.cli.serve import serve
from contextcompany.cli.show import show
from contextcompany.cli.tokens import tokens
from contextcompany.cli.transfer import export_runs, import_runs
from contextcompany.version import VERSION

_FAILED: Final = 2
_INTERRUPTED: Final = 130
_BROKEN_PIPE: Final = 141

app: Final = typer.Typer(
    name="tcc",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="See what AI agents do: a collector and a dashboard on this machine, and what they hold.",
)
app.command()(serve)
app.command()(runs)
app.command()(show)
app.command("export")(export_runs)
app.command("import")(import_runs)
app.command()(doctor)
app.add_typer(tokens, name="tokens")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"contextcompany-otel {VERSION}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    _wanted: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    pass


def run(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code.

    0 is success; 1 what `doctor` found; 2 an error, said in one line on the error stream; 130 Ctrl-C.
    """
    _let_print()
    try:
        code: object = app(args=list(arguments), prog_name="tcc", standalone_mode=False)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        return _end_of_pipe()
    except SystemExit as error:
        # Typer ends with 1 then, which is what doctor says of a problem.
        if isinstance(error.__context__, OSError) and error.__context__.errno == errno.EPIPE:
            return _end_of_pipe()
        raise
    except Exception as error:
        if isinstance(error, typer.Abort) or _was_interrupted(error):
            return _INTERRUPTED
        line = failure_line(error)
        if line is None:
            raise
        # Without words where the help is all there is to say.
        if line:
            typer.echo(f"tcc: {line}", err=True)
        return _FAILED
    return code if isinstance(code, int) else 0


def _was_interrupted(error: BaseException) -> bool:
    """Tell whether Ctrl-C led to an error: it comes between any two steps, also those that clean up."""
    before = error.__context__
    while before is not None and not isinstance(before, KeyboardInterrupt):
        before = before.__context__
    return before is not None


def _let_print() -> None:
    """Let a terminal without Unicode show escapes instead of ending the command."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _end_of_pipe() -> int:
    """End quietly where nobody reads on, as `tcc runs | head` does."""
    # Python would flush at its end, and complain.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return _BROKEN_PIPE
