"""A network namespace of our own: what listens on all interfaces in it is reached from nowhere else."""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import sys
from pathlib import Path

CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
SIOCGIFFLAGS = 0x8913
SIOCSIFFLAGS = 0x8914
IFF_UP = 0x1


def isolate() -> bool:
    """Move this process, and all it starts from now on, into a network namespace that has only loopback.

    Returns False, with nothing changed, where there is no right to do so. Call it before any thread starts.
    """
    if sys.platform != "linux":
        return False
    for own_user in (False, True):
        # Tried in a child first: a system may allow the namespace and then refuse to bring loopback up in it,
        # and there is no way back.
        if _allowed(own_user=own_user):
            _enter(own_user=own_user)
            return True
    return False


def _allowed(*, own_user: bool) -> bool:
    child = os.fork()
    if child == 0:
        try:
            _enter(own_user=own_user)
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _enter(*, own_user: bool) -> None:
    user, group = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET | (CLONE_NEWUSER if own_user else 0)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    if own_user:
        # Without a map this process, and the files it owns, would belong to nobody.
        this = Path("/proc/self")
        (this / "setgroups").write_text("deny", encoding="ascii")
        (this / "uid_map").write_text(f"{user} {user} 1", encoding="ascii")
        (this / "gid_map").write_text(f"{group} {group} 1", encoding="ascii")
    _loopback_up()


def _loopback_up() -> None:
    # Only Linux comes here, and the module does not exist everywhere.
    import fcntl

    request = struct.Struct("16sh22x")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        answer = fcntl.ioctl(control, SIOCGIFFLAGS, request.pack(b"lo", 0))
        name, flags = request.unpack(answer)
        fcntl.ioctl(control, SIOCSIFFLAGS, request.pack(name, flags | IFF_UP))
