"""`tcc serve`: the collector and the dashboard, until Ctrl-C."""

import threading
import webbrowser
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from contextcompany.cli.amounts import days, size, size_text
from contextcompany.cli.asking import is_local_collector
from contextcompany.cli.database import DatabaseOption, database_path
from contextcompany.cli.failures import CommandError
from contextcompany.cli.screens import screen
from contextcompany.local.server.tokens import FILE_NAME, Tokens
from contextcompany.local.store.rows import StoreLockedError
from contextcompany.settings.destination import LOCAL_URL, origin

if TYPE_CHECKING:
    from contextcompany.local.server.access import Access
    from contextcompany.local.server.serving import Server
    from contextcompany.local.store.sqlite.store import SqliteRunStore

_PORT: Final = origin(LOCAL_URL)[2]
_HOST: Final = "localhost"
_NAMES: Final = len("Dashboard")
_MOST_PORT: Final = 65_535
_OTHERWISE: Final = "open that one, or choose another database with --db and another port with --port"


def serve(
    *,
    port: Annotated[
        int, typer.Option(min=0, max=_MOST_PORT, help="Where to listen; 0 takes a free one.")
    ] = _PORT,
    host: Annotated[
        str, typer.Option(help="On which address; one that others can reach needs tokens (tcc tokens).")
    ] = _HOST,
    database: DatabaseOption = None,
    max_age: Annotated[
        str, typer.Option(metavar="AGE", help="How long runs are kept, such as 12h or 30d.")
    ] = "30d",
    max_size: Annotated[
        str, typer.Option(metavar="SIZE", help="How large the database may grow, such as 500MB or 2GB.")
    ] = "2GB",
    open_page: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the dashboard in a browser.")
    ] = False,
) -> None:
    """Collect runs and show them in a browser, until Ctrl-C."""
    # What it takes to serve is loaded only here: the other commands start faster without.
    from contextcompany.local.server.allocation import share_heap
    from contextcompany.local.server.serving import Server, UnprotectedError
    from contextcompany.local.server.sockets import PortTakenError

    share_heap()
    path = database_path(database)
    store = _opened(path, max_age_days=days("--max-age", max_age), max_bytes=size("--max-size", max_size))
    try:
        try:
            access = _access(host, path)
            server = Server(store, host=host, port=port, access=access)
        except PortTakenError as error:
            raise CommandError(_taken(host, port)) from error
        except UnprotectedError as error:
            named = "" if database is None else f"; add --db {database} to it, as here"
            raise CommandError(f"{error}{named}") from error
        store.announce(server.url)
        kept = f"{max_age}, {max_size} at most"
        send = _how_to_send(server, is_protected=access.tokens is not None)
        server.serve(partial(_say, server, store, path, kept=kept, send=send, open_page=open_page))
    finally:
        store.close()


def _opened(path: Path, *, max_age_days: float, max_bytes: int) -> "SqliteRunStore":
    from contextcompany.local.store.sqlite.store import SqliteRunStore
    from contextcompany.local.store.sqlite.tables.ownership import owner_url

    try:
        return SqliteRunStore.open(path, max_age_days=max_age_days, max_bytes=max_bytes)
    except StoreLockedError as error:
        url = owner_url(path)
        if url is None or not is_local_collector(url):
            raise
        raise CommandError(f"tcc serve is running already at {url}: {_OTHERWISE}") from error


def _access(host: str, path: Path) -> "Access":
    """Return the rule of who may ask: without tokens on this machine, with them elsewhere."""
    from contextcompany.local.server.access import Access
    from contextcompany.local.server.sockets import only_this_machine

    return Access(None if only_this_machine(host) else Tokens.load(path.with_name(FILE_NAME)))


def _taken(host: str, port: int) -> str:
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    if is_local_collector(url):
        return f"tcc serve is running already at {url}: {_OTHERWISE}"
    return f"port {port} is taken by another program: stop that one, or choose another with --port"


def _say(
    server: "Server", store: "SqliteRunStore", path: Path, *, kept: str, send: str, open_page: bool
) -> None:
    found = store.stats()
    console = screen()
    for name, text in (
        ("Dashboard", server.url),
        ("Data", f"{path} ({found.runs:,} runs, {size_text(found.bytes)}; {kept})"),
        ("Send", send),
    ):
        # Not wrapped: addresses and paths are taken from here.
        console.print(f"{name:<{_NAMES}}  {text}", soft_wrap=True)
    console.file.flush()
    if open_page:
        # A browser for terminals would keep the server from answering it.
        threading.Thread(target=webbrowser.open, args=(server.url,), daemon=True).start()


def _how_to_send(server: "Server", *, is_protected: bool) -> str:
    if is_protected:
        return (
            "TCC_API_KEY=<a write token: tcc tokens add> and TCC_URL=https://<your proxy with TLS>, or "
            f"http://<this machine>:{server.port} with TCC_ALLOW_INSECURE=1 inside a trusted network"
        )
    if server.port == _PORT:
        return "nothing to set for programs with contextcompany; OTLP/HTTP to that address for others"
    return f"TCC_URL={server.url}"
