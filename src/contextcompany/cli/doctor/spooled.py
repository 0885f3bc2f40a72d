"""What waits on disk for a collector that did not take it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contextcompany.cli.amounts import counted, size_text
from contextcompany.cli.doctor.findings import Finding
from contextcompany.delivery.spool.location import folder_of
from contextcompany.delivery.spool.segment import is_name, spans_in

if TYPE_CHECKING:
    from pathlib import Path

    from contextcompany.settings.settings import Settings

TOPIC: Final = "spool"


def spooled(settings: Settings) -> tuple[Finding, ...]:
    """Tell what waits on disk for this destination and key; nothing is written."""
    if not settings.spool:
        return (Finding(TOPIC, "note", "nothing is kept on disk of what cannot be delivered (TCC_SPOOL)"),)
    if settings.destination.is_implicit:
        return (
            Finding(TOPIC, "note", "nothing is kept on disk for the local default: TCC_URL asks for that"),
        )
    try:
        folder = folder_of(settings.destination, spool_dir=settings.spool_dir, create=False)
        if folder is None:
            return (Finding(TOPIC, "ok", "nothing waits on disk"),)
        files, size, spans = _waiting(folder)
    except OSError as error:
        said = error.strerror or str(error)
        return (
            Finding(TOPIC, "problem", f"the spool cannot be used: {said}", "name another with TCC_SPOOL_DIR"),
        )
    if not files:
        return (Finding(TOPIC, "ok", f"nothing waits in {folder}"),)
    waiting = f"{counted(spans, 'span')} in {counted(files, 'file')} ({size_text(size)}) wait in {folder}"
    return (Finding(TOPIC, "note", f"{waiting}; the next program with this destination and key sends them"),)


def _waiting(folder: Path) -> tuple[int, int, int]:
    files = size = spans = 0
    try:
        paths = [path for path in folder.iterdir() if is_name(path.name)]
    except FileNotFoundError:
        return 0, 0, 0
    for path in paths:
        try:
            size += path.lstat().st_size
            spans += spans_in(path)
            files += 1
        except FileNotFoundError:
            continue  # sent meanwhile
    return files, size, spans
