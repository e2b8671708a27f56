"""The packages that a Pyodide lock names, fetched as wheels from the user's package index.

Pyodide's own files of them are on a CDN. The index has the same names and versions with other
bytes, so whoever takes a file from here writes its sha256 and its name into the lock that he uses.
"""

from __future__ import annotations

from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from ..errors import SourceError
from ..events import Emitter, note
from ..index import Index
from ..store import Store
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
    python = python_version(of)
    platform = f"pyemscripten_{of.abi}_wasm32"

    def fill(folder: Path) -> None:
        note(emit, f"Fetching {title} from the package index.")
        index.fetch(index.wheel(requirement, python, platform), folder)

    try:
        folder = store.install(f"packages/{of.abi}/{entry.name}-{entry.version}", fill, emit)
    except SourceError as error:
        raise _pyodide_only(title, f"{error.what} {error.why}") from error
    (wheel,) = folder.glob("*.whl")
    return wheel


def python_version(lock: Lock) -> tuple[int, int]:
    """The major and minor version of the Python that a lock belongs to."""
    major, minor = lock.python.split(".")[:2]
    return int(major), int(minor)


def _pyodide_only(title: str, why: str) -> SourceError:
    return SourceError(
        f"{title}, which Pyodide has, could not be fetched as a wheel.",
        why if why.endswith(".") else f"{why}.",
        "Check the network and `pip config list`. What only Pyodide's CDN has can be used in a "
        "site made with `jupyter wasmwheel site create --cdn`.",
    )
