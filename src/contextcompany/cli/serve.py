"""`tcc serve`: the collector and the dashboard, until Ctrl-C."""

import os
import signal
import webbrowser
from pathlib import Path
from types import FrameType
from typing import Annotated, Final

import typer

from contextcompany.cli.amounts import days, size, size_text
from contextcompany.cli.asking import is_local_collector
from contextcompany.cli.database import DatabaseOption, database_path
from contextcompany.cli.failures import CommandError
from contextcompany.cli.screens import screen
from contextcompany.settings.destination import LOCAL_URL, is_loopback, origin

_PORT: Final = origin(LOCAL_URL)[2]


def serve() -> None:
    """Placeholder."""
