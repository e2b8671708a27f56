"""Network isolation of a process that runs untrusted code, where the system supports it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from pathlib import Path

#: Linux's flags of unshare(2) for a user and a network namespace.
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000


def disable_network() -> OSError | None:
    """Move this process into a namespace without network; return the error if that fails."""
    if sys.platform != "linux":
        return OSError("only Linux has network namespaces")
    unshare = ctypes.CDLL(None, use_errno=True).unshare
    # Root does not need a user namespace (it would drop privileges).
    if unshare(CLONE_NEWNET) == 0:
        return None
    user, group = os.getuid(), os.getgid()
    if unshare(CLONE_NEWUSER | CLONE_NEWNET):
        number = ctypes.get_errno()
        return OSError(number, os.strerror(number))
    with contextlib.suppress(OSError):
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    return None
