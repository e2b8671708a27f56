"""Confinement of untrusted code on Linux: by bubblewrap or, where that does not work, by Landlock.

By bubblewrap, a command sees the system and what it is given, and nothing else: no home, no
sockets, no other processes, and no network unless it is allowed. All that it starts ends with it.
Landlock (landlock.py) confines it less, to the same files.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from . import landlock

#: bubblewrap's program, and the command that installs it on Debian.
PROGRAM, INSTALL = "bwrap", "apt-get install bubblewrap"

#: The variable that disables confinement, the values that do so, and the one to use Landlock.
SWITCH, OFF = "WASMWHEEL_CONFINE", ("0", "false", "no", "off")
BUBBLEWRAP, LANDLOCK = "bubblewrap", "landlock"

#: The namespaces of a command, which has no rights of root and can have no other namespaces.
NAMESPACES = (
    *("--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"),
    *("--die-with-parent", "--new-session", "--cap-drop", "ALL"),
)

#: Options of bubblewrap 0.8 or newer: no namespaces in the command's own, and at most 512 MiB for
#: each folder in memory, which `build.memory` does not count.
NO_USER_NAMESPACES, MAX_MEMORY = "--disable-userns", ("--size", str(512 * 1024**2))

#: The folders of the system, and its files of /etc without secrets.
SYSTEM = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt"),
    *("/nix/store", "/gnu/store", "/sys/devices/system/cpu", "/sys/fs/cgroup"),
)
ETC = (
    *("alternatives", "ca-certificates", "debian_version", "emscripten", "fonts", "group", "hosts"),
    *("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "mime.types", "nsswitch.conf"),
    *("os-release", "passwd", "perl", "pki/ca-trust", "pki/tls/certs", "protocols", "resolv.conf"),
    *("services", "ssl/cert.pem", "ssl/certs", "ssl/openssl.cnf", "timezone"),
)

#: The folder for temporary files of a command.
TEMPORARY = Path("/tmp")


class Confinement(Struct, frozen=True, kw_only=True):
    """What a command can reach besides the system.

    `hidden` are folders of which only the parts that are readable or writable are seen. `replaced`
    are files with others that are shown in their place. `temporary` is its /tmp; without one, that
    is in memory.
    """

    readable: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()
    hidden: tuple[Path, ...] = ()
    replaced: tuple[tuple[Path, Path], ...] = ()
    temporary: Path | None = None
    network: bool = False


def is_wanted() -> bool:
    """Return whether this system can confine code, and the user has not disabled it."""
    return sys.platform == "linux" and os.environ.get(SWITCH, "").lower() not in OFF


def method() -> str:
    """Return what confines code here: bubblewrap, Landlock, or nothing."""
    if not is_wanted():
        return ""
    if not unavailable():
        return BUBBLEWRAP
    return LANDLOCK if landlock.is_supported() else ""


def unavailable() -> str:
    """Return why bubblewrap does not confine code, or an empty text."""
    if sys.platform != "linux":
        return "only Linux can confine it"
    if os.environ.get(SWITCH, "").lower() == LANDLOCK:
        return f"{SWITCH} selects Landlock"
    return _trial()[1] if is_wanted() else f"it is disabled by {SWITCH}"


def shortcoming() -> str:
    """Return what this system's confinement of a build lacks, or an empty text."""
    found = method()
    if not found:
        return f"The build is not confined: {unavailable()}."
    if found == BUBBLEWRAP:
        return ""
    network = "UDP" if landlock.version() >= landlock.WITH_TCP else "the network"
    return (
        f"The build is confined to its files, by Landlock. It can still use {network} and unix "
        f"sockets: {unavailable()}."
    )


@functools.cache
def _trial() -> tuple[bool, str]:
    """Return whether bubblewrap is newer, and why it does not work or an empty text."""
    if not shutil.which(PROGRAM):
        return False, f"bubblewrap is not installed; on Debian, run `{INSTALL}`"
    for is_newer in (True, False):
        command = _command(["true"], Confinement(), Path("/"), is_newer=is_newer)
        done = subprocess.run(command, capture_output=True, text=True, errors="replace")
        if not done.returncode:
            return is_newer, ""
    return False, f"bubblewrap does not work here: {done.stderr.strip()[:200]}"


def confined(words: Sequence[str | Path], confinement: Confinement, cwd: Path) -> list[str | Path]:
    """Return the command that runs a command confined."""
    if method() == LANDLOCK:
        return _by_landlock(words, confinement)
    return _command(words, confinement, cwd, is_newer=_trial()[0])


def _by_landlock(words: Sequence[str | Path], confinement: Confinement) -> list[str | Path]:
    secret = (*homes(), *confinement.hidden)
    system = [Path(name) for name in (*SYSTEM, *(f"/etc/{each}" for each in ETC))]
    shown = [path for path, _ in confinement.replaced]
    own = [confinement.temporary] if confinement.temporary else []
    rules = {
        "readable": [*map(str, _given((*system, *confinement.readable, *shown), secret))],
        "writable": [*map(str, (*_given(confinement.writable, secret), *own))],
        # Python lists the folder of this package to import it, also where it is in a clone.
        "listed": [str(Path(__file__).parents[2])],
        "temporary": str(confinement.temporary) if confinement.temporary else "",
        "network": confinement.network,
    }
    return [sys.executable, "-P", "-m", landlock.__name__, json.dumps(rules), "--", *words]


def _command(
    words: Sequence[str | Path], confinement: Confinement, cwd: Path, *, is_newer: bool
) -> list[str | Path]:
    in_memory = (*MAX_MEMORY, "--tmpfs") if is_newer else ("--tmpfs",)
    arguments: list[str | Path] = [shutil.which(PROGRAM) or PROGRAM, *NAMESPACES]
    arguments += [NO_USER_NAMESPACES] if is_newer else []
    arguments += [] if confinement.network else ["--unshare-net"]
    arguments += ["--proc", "/proc", "--dev", "/dev", *in_memory, "/dev/shm"]
    arguments += ["--setenv", "TMPDIR", TEMPORARY, "--unsetenv", "TEMP", "--unsetenv", "TMP"]
    return [*arguments, *_mounts(confinement, in_memory), "--chdir", cwd, "--", *words]


def homes() -> set[Path]:
    """Return the user's home: that of the variable, and that of the system."""
    found = {Path.home()}
    if sys.platform != "win32":
        import pwd

        with contextlib.suppress(KeyError):  # a container's user without an entry
            found.add(Path(pwd.getpwuid(os.getuid()).pw_dir))
    return {each for each in found if each != Path("/")}


def _mounts(confinement: Confinement, in_memory: tuple[str, ...]) -> Iterator[str | Path]:
    """Yield the options for files; those of a folder come before those of what is in it."""
    mounts: dict[Path, tuple[str | Path, ...]] = {}
    for name in (*SYSTEM, *(f"/etc/{each}" for each in ETC)):
        path = Path(name)
        if path.is_symlink() and path.parent == Path("/"):
            mounts[path] = ("--symlink", os.readlink(path), path)
        else:
            mounts[path] = ("--ro-bind-try", path, path)
    secret = (*homes(), *confinement.hidden)
    for path in (*secret, TEMPORARY, Path("/var/tmp")):
        mounts[path] = (*in_memory, path)
    if confinement.temporary:
        mounts[TEMPORARY] = ("--bind", confinement.temporary, TEMPORARY)
    for path in _given(confinement.readable, secret):
        mounts[path] = ("--ro-bind-try", path, path)
    for path in _given(confinement.writable, secret):
        mounts[path] = ("--bind-try", path, path)
    for path, shown in confinement.replaced:
        mounts[path] = ("--ro-bind", shown, path)
    for path in sorted(mounts, key=lambda path: len(path.parts)):
        above = next((mounts[up][0] for up in path.parents if up in mounts), None)
        # Each mount takes time, and this one would show what that of a folder above it shows.
        if mounts[path][0] != "--ro-bind-try" or above != "--ro-bind-try":
            yield from mounts[path]


def _given(paths: Iterable[Path], secret: Iterable[Path]) -> Iterator[Path]:
    """Yield paths, with what links in them lead to, that are neither secret nor around it."""
    secret = [each for path in secret for each in (path, path.resolve())]
    for path in paths:
        for each in dict.fromkeys([Path(os.path.abspath(path)), Path(os.path.realpath(path))]):
            if not any(below.is_relative_to(each) for below in secret):
                yield each
