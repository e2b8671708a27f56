"""Pyodide runtimes, of npm's `pyodide` package; only those in the store are run."""

from __future__ import annotations

import hashlib
import json
import re
from functools import cached_property
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from .. import archive
from ..api.errors import ToolchainError
from ..api.events import Emitter, note
from ..archive.errors import DamagedError
from ..safe_paths import Root
from ..store import Store, derived, read_file
from . import lock
from .lock import Lock
from .node import Node, fetch_npm_package
from .targets import Target

#: The files of a runtime. The main module ends in .mjs since Pyodide 314.
FILES = ("pyodide.mjs", "pyodide.asm.wasm", "python_stdlib.zip", lock.FILE)
MAIN_MODULES = ("pyodide.asm.mjs", "pyodide.asm.js")
METADATA_FILE = "package.json"

#: The URL of a release's files on Pyodide's CDN.
CDN = "https://cdn.jsdelivr.net/pyodide/v{version}/full/"

#: The standard library's module with Python's build configuration, and its maximum size.
_SYSCONFIG_DATA, MAX_MODULE_BYTES = re.compile(r"_sysconfigdata_[\w-]*\.py"), 4 * 1024**2


#: A runtime's key.
_KEY = re.compile(r"^[0-9a-f]{32}$")


class Runtime(Struct, frozen=True, kw_only=True, dict=True):
    """A Pyodide in a folder; a `store` caches what is derived from its files."""

    folder: Path
    version: str
    abi: str
    store: Store | None = None

    @property
    def lock(self) -> Path:
        """Return the path of the runtime's own lock."""
        return self.folder / lock.FILE

    @property
    def files(self) -> list[Path]:
        """Return its files; the folder can contain others as well."""
        names = (*FILES, *MAIN_MODULES, METADATA_FILE)
        return [self.folder / name for name in names if (self.folder / name).is_file()]

    def read_lock(self) -> Lock:
        """Return its own lock, with the URL of its packages' files."""
        return released_lock(Root(self.folder.resolve()), self.version)

    def sysconfig_data(self) -> tuple[str, bytes]:
        """Return the name and the text of the module with its Python's build configuration."""
        with archive.open_zip(self.folder / "python_stdlib.zip") as packed:
            for name in packed.names:
                if _SYSCONFIG_DATA.fullmatch(name):
                    return name, packed.read(name, MAX_MODULE_BYTES)
            raise DamagedError("it has no _sysconfigdata_ module")

    @cached_property
    def key(self) -> str:
        """Return a hash of the files that run."""
        names = ("pyodide.mjs", *MAIN_MODULES, "pyodide.asm.wasm", "python_stdlib.zip")
        paths = [path for path in map(self.folder.joinpath, names) if path.exists()]

        def compute() -> str:
            digest = hashlib.sha256()
            for path in paths:
                digest.update(path.read_bytes())
            return digest.hexdigest()[:32]

        known = self.store and derived.derive(paths, "runtime", _KEY, compute, self.store)
        return known or compute()


def released_lock(root: Root, version: str) -> Lock:
    """Return the lock of a release in a folder, with the URL of its packages' files."""
    return replace(lock.read_beneath(root), files_url=CDN.format(version=version))


def key(target: Target) -> str:
    """Return the store entry of a target's runtime."""
    return f"pyodide/{target.pyodide}"


def ensure_runtime(
    target: Target, node: Node, store: Store, emit: Emitter, *, offline: bool = False
) -> Runtime:
    """Return a target's runtime, installed from npm into the store."""

    def fill(folder: Path) -> None:
        note(emit, f"Fetching Pyodide {target.pyodide} from npm.")
        specifier = f"pyodide@{target.pyodide}"
        fetch_npm_package(node, specifier, target.integrity, folder, offline=offline)

    folder = store.install(key(target), fill, emit)
    return runtime_in(folder, store)


def runtime_in(folder: Path, store: Store) -> Runtime:
    """Return the runtime in a folder, such as an entry of the store."""
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing or not any((folder / name).is_file() for name in MAIN_MODULES):
        raise ToolchainError(
            f"The Pyodide in {folder} is incomplete.",
            f"These files are missing: {', '.join(missing) or ' and '.join(MAIN_MODULES)}.",
            "Remove that folder and run it again to fetch Pyodide again.",
            code="pyodide.incomplete",
        )
    abi = lock.read(folder / lock.FILE).abi
    try:
        version = str(json.loads(read_file(folder / METADATA_FILE))["version"])
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise ToolchainError(
            f"Invalid {folder / METADATA_FILE}.",
            f"{type(error).__name__}: {error}",
            "Remove that folder and run it again to fetch Pyodide again.",
            code="pyodide.invalid-metadata",
        ) from error
    return Runtime(folder=folder, version=version, abi=abi, store=store)
