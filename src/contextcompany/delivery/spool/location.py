"""Which folder on disk belongs to a destination and its key."""

from __future__ import annotations

import json
import os
import re
import sys
from hashlib import blake2b
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from contextcompany.delivery.spool.ownership import PLAIN, check_private, make_private, write_private

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contextcompany.settings.destination import Destination

_OURS: Final = "contextcompany"
_SALT: Final = "salt"
_SALT_BYTES: Final = 32
_LONGEST_HOST: Final = 60
_ATTEMPTS: Final = 5

FOLDER_NAME: Final = re.compile(r"[a-z0-9.-]+-[0-9a-f]{32}")


def folder_of(destination: Destination, *, spool_dir: str | None, create: bool = True) -> Path | None:
    """Return the folder in which requests to a destination wait, one for each URL, key and headers.

    Its name is the host and a hash over URL, key and headers, keyed by random bytes in a file beside
    it, so that neither can be guessed from the name.

    Args:
        destination: where the requests go.
        spool_dir: a folder, perhaps shared by users, in which this user gets one of their own;
            None for the user's state directory.
        create: whether to make what does not exist yet; else nothing is written.

    Returns:
        The folder. None where this user has no home, and without `create` also where this user never
        had a spool.

    Raises:
        OSError: where a folder cannot be made, belongs to another user, or is a link that another
            user may have placed.
    """
    found = _roots(spool_dir)
    if found is None:
        return None
    outside, levels = found
    if create:
        _make_outside(outside, shared=spool_dir is not None)
    root = outside
    for level in levels:
        root /= level
        if create:
            make_private(root)
        elif _is_there(root):
            check_private(root)
        else:
            return None
    salt = _salt(root / _SALT, create=create)
    if salt is None:
        return None
    folder = root / f"{_host(destination.url)}-{_hash(destination, salt)}"
    if create:
        make_private(folder)
    elif _is_there(folder):
        check_private(folder)
    return folder


def state_folder(platform: str, environ: Mapping[str, str], home: str | None) -> PurePath | None:
    """Return where a platform keeps the state of a user's programs, or None where there is no home.

    Args:
        platform: as `sys.platform`.
        environ: as `os.environ`.
        home: the home folder, if there is one.
    """
    if platform == "win32":
        local = PureWindowsPath(environ.get("LOCALAPPDATA", ""))
        return local if local.is_absolute() else None
    # The XDG specification: a path that is not absolute is to be ignored.
    named = PurePosixPath(environ.get("XDG_STATE_HOME", ""))
    if platform != "darwin" and named.is_absolute():
        return named
    if home is None or not PurePosixPath(home).is_absolute():
        return None
    return PurePosixPath(home, "Library/Application Support" if platform == "darwin" else ".local/state")


def _roots(spool_dir: str | None) -> tuple[Path, tuple[str, ...]] | None:
    """Return the folder that is not ours, and the names of our folders in it, outermost first."""
    if spool_dir is not None:
        return Path(spool_dir).absolute(), (f"{_OURS}-{_user()}",)
    state = state_folder(sys.platform, os.environ, _home())
    return None if state is None else (Path(state), (_OURS, "spool"))


def _make_outside(folder: Path, *, shared: bool) -> None:
    """Make the folder around ours: as `mkdir` would where users share it, else closed to others."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    for place in reversed(missing):
        place.mkdir(0o777 if shared else 0o700, exist_ok=True)


def _user() -> str:
    if sys.platform == "win32":
        return re.sub(r"[^A-Za-z0-9]+", "-", os.environ.get("USERNAME", "user"))
    return str(os.geteuid())


def _home() -> str | None:
    if sys.platform == "win32":
        return None
    import pwd

    named = os.environ.get("HOME")
    # `sudo` may keep the caller's HOME: folders of root would then lock the caller out of their own home.
    if not named or (os.geteuid() == 0 and _belongs_to_another(named)):
        try:
            named = pwd.getpwuid(os.geteuid()).pw_dir
        except KeyError:
            return None  # containers run under numbers that no password file knows
    # A home that does not exist, as system users have, is a way to say that there is none.
    return named if _is_there(Path(named)) else None


def _belongs_to_another(folder: str) -> bool:
    return _is_there(Path(folder)) and Path(folder).stat().st_uid != os.geteuid()


def _is_there(path: Path) -> bool:
    """Return whether something is there that this user may look at, if only a broken link."""
    try:
        path.lstat()
    except OSError:
        return False
    return True


def _host(url: str) -> str:
    parts = urlsplit(url)
    host = re.sub(r"[^a-z0-9.]+", "-", (parts.hostname or "").lower()).strip("-.")[:_LONGEST_HOST] or "host"
    return host if parts.port is None else f"{host}-{parts.port}"


def _hash(destination: Destination, salt: bytes) -> str:
    names = json.dumps([destination.url, destination.key, sorted(destination.headers)])
    return blake2b(names.encode(), key=salt, digest_size=16).hexdigest()


def _salt(path: Path, *, create: bool) -> bytes | None:
    """Return the random bytes in a file; of processes that make it at once, one wins for all."""
    for _ in range(_ATTEMPTS):
        found = _read_salt(path)
        if found is not None and len(found) == _SALT_BYTES:
            return found
        if not create:
            return None
        if found is not None:
            path.unlink(missing_ok=True)  # torn by a power failure
        draft = path.with_name(f"{path.name}-{os.urandom(8).hex()}")
        write_private(draft, os.urandom(_SALT_BYTES))
        try:
            _place(draft, path)
        finally:
            draft.unlink(missing_ok=True)
    raise OSError(f"{path} stays unreadable: remove it, or name another folder with TCC_SPOOL_DIR")


def _place(draft: Path, path: Path) -> None:
    """Give a file its name unless another process was first."""
    try:
        # Unlike a rename, a link never takes the place of what is there.
        os.link(draft, path)
    except FileExistsError:
        return
    except OSError:
        # A file system without links: what another process makes between these two lines is lost.
        if not path.exists():
            draft.replace(path)


def _read_salt(path: Path) -> bytes | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | PLAIN)
    except FileNotFoundError:
        return None
    try:
        return os.read(descriptor, _SALT_BYTES + 1)
    finally:
        os.close(descriptor)
