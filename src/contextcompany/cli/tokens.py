"""`tcc tokens`: who may use a server that other machines can reach."""

from pathlib import Path
from typing import Annotated, Final

import typer
from rich.table import Table

from contextcompany.cli.database import DatabaseOption, database_path
from contextcompany.cli.failures import CommandError
from contextcompany.cli.screens import say, screen
from contextcompany.local.server.tokens import FILE_NAME, Tokens
from contextcompany.local.terminal.trimming import Trimmed

tokens: Final = typer.Typer(
    no_args_is_help=True, help="Manage the tokens of a server that other machines can reach (serve --host)."
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="What to call it, such as `billing-service`.")]


@tokens.command()
def add(
    name: Name,
    *,
    read: Annotated[bool, typer.Option("--read", help="For a person: opens the pages and the API.")] = False,
    write: Annotated[
        bool, typer.Option("--write", help="For a service: sends runs, and reads none.")
    ] = False,
    database: DatabaseOption = None,
) -> None:
    """Make a token and print its secret, which is not kept."""
    if read == write:
        raise CommandError("a token is either for people or for services: give one of --read and --write")
    secret = _tokens(database).create(name, "read" if read else "write")
    # The secret alone goes to the standard output, so that a script can take it.
    screen().print(secret, soft_wrap=True)
    how = "Sign in on the page with it." if read else "Services send it as their key: TCC_API_KEY."
    say(f"This is shown once. {how}")


@tokens.command("list")
def list_tokens(*, database: DatabaseOption = None) -> None:
    """List the tokens, without their secrets."""
    found = _tokens(database).list()
    if not found:
        screen().print("No tokens yet.")
        return
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in ("name", "for", "made"):
        table.add_column(column)
    for token in found:
        table.add_row(
            token.name, "people (read)" if token.role == "read" else "services (write)", token.created
        )
    screen().print(Trimmed(table))


@tokens.command()
def remove(name: Name, *, database: DatabaseOption = None) -> None:
    """Let a token count no longer, at once, on a running server too."""
    _tokens(database).remove(name)
    screen().print(f"{name} counts no longer.")


def _tokens(database: Path | None) -> Tokens:
    return Tokens.load(database_path(database).with_name(FILE_NAME))
