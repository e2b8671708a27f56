"""Confinement by Landlock (landlock(7)): `python -m …process.landlock RULES -- COMMAND…`.

Landlock needs neither root nor namespaces, so it works in most containers. The command can open the
files that RULES name and, since Linux 6.7, use no TCP; since Linux 6.12 it cannot end other
processes. It can still use UDP and the sockets of other programs in the file system.

It is started before each confined command, so this module imports little.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import json
import os
import stat
import struct
import sys
from typing import Any

#: The numbers of the system calls, on every architecture, and of prctl's option that they require.
CREATE_RULESET, ADD_RULE, RESTRICT_SELF, NO_NEW_PRIVILEGES = 444, 445, 446, 38

#: The option of prctl(2) that drops a capability for good, how many there can be, and the version
#: and the size of the sets of capset(2).
DROP_CAPABILITY, MAX_CAPABILITIES, CAPABILITY_VERSION, CAPABILITY_BYTES = 24, 64, 0x20080522, 24

#: The oldest version of the interface that protects files from being truncated (Linux 6.2).
MIN_VERSION = 3

#: Rights to files (linux/landlock.h): execute, write, read; list; truncate; and those of folders.
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, TRUNCATE = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 14
READ = EXECUTE | READ_FILE | READ_DIR
ALL_RIGHTS = (1 << 15) - 1
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE

#: Rights to TCP (bind, connect), and what stays within the sandbox: abstract sockets and signals.
TCP, SCOPES = 0b11, 0b11

#: The versions that have the rights to TCP, and these scopes.
WITH_TCP, WITH_SCOPES = 4, 6

#: Linux's flag of open(2) for a path that is not read.
OPEN_PATH: int = getattr(os, "O_PATH", 0)

#: The devices that a command can write to.
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty")


@functools.cache
def version() -> int:
    """Return the version of Landlock's interface; 0 where Linux has no Landlock."""
    if sys.platform != "linux":
        return 0
    found: int = _libc().syscall(CREATE_RULESET, None, ctypes.c_size_t(0), 1)
    return max(0, found)


def is_supported() -> bool:
    """Return whether this system can confine commands by Landlock."""
    return version() >= MIN_VERSION


def restrict(rules: dict[str, Any]) -> None:
    """Restrict this process, and all that it starts; an OSError says that it failed.

    `readable` and `writable` are paths, and `listed` are folders of which the names are visible.
    """
    fields = [ALL_RIGHTS]
    fields += [0 if rules["network"] else TCP] if version() >= WITH_TCP else []
    fields += [SCOPES] if version() >= WITH_SCOPES else []
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    ruleset = _call(CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
    for rights, paths in (
        (READ, [*rules["readable"], "/proc"]),
        (ALL_RIGHTS, rules["writable"]),
        (READ_DIR, rules["listed"]),
        (READ_FILE | WRITE_FILE, DEVICES),
    ):
        for path in paths:
            _allow(ruleset, path, rights)
    _drop_capabilities()
    if _libc().prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
    _call(RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    """Allow rights to a path and what is below it; one that is missing is skipped."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
        number = os.open(path, OPEN_PATH | getattr(os, "O_CLOEXEC", 0))
        is_folder = stat.S_ISDIR(os.fstat(number).st_mode)
        rule = struct.pack("=Qi", rights if is_folder else rights & OF_FILES, number)
        _call(ADD_RULE, ruleset, 1, rule, 0)
        os.close(number)


def _drop_capabilities() -> None:
    """Drop root's capabilities; by one of them, it reads the variables of other processes."""
    for capability in range(MAX_CAPABILITIES):
        _libc().prctl(DROP_CAPABILITY, capability, 0, 0, 0)
    _libc().capset(struct.pack("=Ii", CAPABILITY_VERSION, 0), bytes(CAPABILITY_BYTES))


def _call(number: int, *arguments: object) -> int:
    found: int = _libc().syscall(number, *arguments)
    if found < 0:
        raise OSError(ctypes.get_errno(), f"Landlock: {os.strerror(ctypes.get_errno())}")
    return found


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Restrict this process, and become the command."""
    text, _, *command = sys.argv[1:]
    rules = json.loads(text)
    restrict(rules)
    for name in ("TMPDIR", "TEMP", "TMP"):
        os.environ.pop(name, None)
    if rules["temporary"]:
        os.environ["TMPDIR"] = rules["temporary"]
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
