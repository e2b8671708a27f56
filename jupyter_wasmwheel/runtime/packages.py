"""The packages that a runtime can use, fetched as wheels from the user's package index.

Pyodide's own files of what its lock names are on a CDN. The index has the same names and versions
with other bytes, so whoever takes a file from here writes its name and its sha256 into his lock.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from ..errors import SourceError
from ..events import Emitter, note
from ..index import Index
from ..store import Store
from ..wheel import Wheel
from .lock import Entry, Lock


def fetch(entry: Entry, of: Lock, index: Index, store: Store, emit: Emitter) -> Path:
    """The wheel that the user's index has for an entry of a lock: same name, same version.

    It is kept in the store. A SourceError where the index has none for the lock's ABI, as for the
    libraries and the parts of the standard library that only Pyodide itself ships.
    """
    title = f"{entry.name} {entry.version}"
    if entry.package_type != "package":
        raise _pyodide_only(title, f"It is a {entry.package_type.replace('_', ' ')}, not a package")
    try:
        requirement = Requirement(f"{canonicalize_name(entry.name)}=={entry.version}")
    except InvalidRequirement as error:
        raise _pyodide_only(title, f"{error} (in the lock)") from error
    try:
        return newest(requirement, of, index, store, emit)
    except SourceError as error:
        raise _pyodide_only(title, f"{error.what} {error.why}") from error


def newest(requirement: Requirement, of: Lock, index: Index, store: Store, emit: Emitter) -> Path:
    """The newest wheel on the user's index that a requirement allows and a lock's runtime can load.

    That is a pure one, or one with the ABI's platform tag (PEP 783). It is kept in the store, and
    nothing is asked where one version is required (`==`) that is there already.
    """
    (exact,) = requirement.specifier if len(requirement.specifier) == 1 else (None,)
    if exact and exact.operator == "==":
        kept = store.find(_key(of, requirement.name, exact.version))
        if kept:
            return _wheel_in(kept)
    found = index.wheel(requirement, python_version(of), f"pyemscripten_{of.abi}_wasm32")

    def fill(folder: Path) -> None:
        note(emit, f"Fetching {found.link.filename} from the package index.")
        index.fetch(found, folder)

    key = _key(of, requirement.name, found.version or "unknown")
    return _wheel_in(store.install(key, fill, emit))


def python_version(lock: Lock) -> tuple[int, int]:
    """The major and minor version of the Python that a lock belongs to."""
    major, minor = lock.python.split(".")[:2]
    return int(major), int(minor)


def marker_environment(lock: Lock) -> dict[str, str]:
    """What environment markers (PEP 508) are evaluated with in the runtime of a lock."""
    platform = str(lock.head["info"].get("platform", ""))
    return {
        "implementation_name": "cpython",
        "implementation_version": lock.python,
        "os_name": "posix",
        "platform_machine": "wasm32",
        "platform_python_implementation": "CPython",
        "platform_release": platform.removeprefix("emscripten_").replace("_", "."),
        "platform_system": "Emscripten",
        "platform_version": "#1",
        "python_full_version": lock.python,
        "python_version": "{}.{}".format(*python_version(lock)),
        "sys_platform": "emscripten",
    }


def requirements(wheel: Wheel, of: Lock, extras: Iterable[str] = ()) -> list[Requirement]:
    """What a wheel requires in the runtime of a lock, with the extras that were asked for."""
    environment = marker_environment(of)
    contexts = [environment | {"extra": extra} for extra in ("", *extras)]
    return [
        requirement
        for requirement in wheel.requires
        if requirement.marker is None or any(map(requirement.marker.evaluate, contexts))
    ]


def _key(lock: Lock, name: str, version: str) -> str:
    return f"packages/{lock.abi}/{canonicalize_name(name)}-{version}"


def _wheel_in(folder: Path) -> Path:
    (wheel,) = folder.glob("*.whl")
    return wheel


def _pyodide_only(title: str, why: str) -> SourceError:
    return SourceError(
        f"{title}, which Pyodide has, could not be fetched as a wheel.",
        why if why.endswith(".") else f"{why}.",
        "Check the network and `pip config list`. What only Pyodide's CDN has can be used in a "
        "site made with `jupyter wasmwheel site create --cdn`.",
    )
