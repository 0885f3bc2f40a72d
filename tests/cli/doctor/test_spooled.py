"""What waits on disk, looked at without touching it."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

import pytest

from contextcompany.cli.doctor.spooled import spooled
from contextcompany.delivery.spool.location import folder_of
from contextcompany.delivery.spool.spool import Spool
from contextcompany.settings.settings import load
from tests.delivery.sinks import parcel

if TYPE_CHECKING:
    from pathlib import Path

    from contextcompany.settings.settings import Settings

URL = "https://collector.example"


def told(settings: Settings) -> tuple[str, str]:
    """Return state and text of the only finding."""
    (found,) = spooled(settings)
    return found.state, found.text


def test_an_empty_spool_is_well(tmp_path: Path) -> None:
    """Nothing is made by looking."""
    settings = load(tcc_url=URL, spool_dir=tmp_path / "spool")
    assert told(settings) == ("ok", "nothing waits on disk")
    assert not (tmp_path / "spool").exists()


def test_what_waits_is_counted(tmp_path: Path) -> None:
    """Files, spans and where they are; those for another key are not counted."""
    settings = load(tcc_url=URL, spool_dir=tmp_path / "spool")
    other = load(tcc_url=URL, api_key="another", spool_dir=tmp_path / "spool")
    for one, count in ((settings, 2), (other, 1)):
        spool = Spool(partial(folder_of, one.destination, spool_dir=one.spool_dir))
        for _ in range(count):
            waiting = parcel("a", "b")
            spool.write(waiting.body, waiting.spans, merge=False)
    state, text = told(settings)
    assert state == "note"
    assert text.startswith("4 spans in 2 files (")
    assert str(tmp_path) in text


def test_where_nothing_is_kept() -> None:
    """Neither without a spool nor for the local default."""
    assert told(load(tcc_url=URL, spool=False))[0] == "note"
    assert told(load())[0] == "note"


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="users are told apart on POSIX")
def test_a_folder_that_cannot_be_used_is_a_problem(tmp_path: Path) -> None:
    """Such as one that is a link of somebody's."""
    place = tmp_path / f"contextcompany-{os.geteuid()}"
    place.symlink_to(tmp_path / "elsewhere")
    state, text = told(load(tcc_url=URL, spool_dir=tmp_path))
    assert state == "problem"
    assert text.startswith("the spool cannot be used: ")
