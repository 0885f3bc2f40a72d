"""A Celery application with its broker in a folder: each task records a run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from celery import Celery, signals  # type: ignore[import-untyped]

from tests.servers.ledger import record

TASKS: Final = 7
_FOLDER: Final = Path(os.environ["BROKER"])

application = Celery("tests.servers.tasks")
application.conf.update(
    broker_url="filesystem://",
    broker_transport_options={
        "data_folder_in": str(_FOLDER / "queue"),
        "data_folder_out": str(_FOLDER / "queue"),
        "control_folder": str(_FOLDER / "control"),
        "polling_interval": 0.02,
    },
    broker_connection_retry_on_startup=False,
    task_ignore_result=True,
    worker_enable_remote_control=False,
)


@application.task  # type: ignore[untyped-decorator]
def work(number: int) -> None:
    """Record a run in a child of the pool."""
    record(f"task-{number}-{os.getpid()}")


@signals.worker_init.connect  # type: ignore[untyped-decorator]
def before_the_pool(**_: Any) -> None:
    """Record before the children are forked."""
    record("before-the-pool")


@signals.worker_ready.connect  # type: ignore[untyped-decorator]
def beside_the_pool(**_: Any) -> None:
    """Record while the children wait, and give them work."""
    record("beside-the-pool")
    for number in range(TASKS):
        work.delay(number)
