"""The files that a kernel reads while it starts, built once for a Pyodide and its packages.

Otherwise a kernel would unpack one wheel after the other and compile hundreds of modules. So a site
has the packages of its kernel unpacked in one file, with bytecode by the same Python, and likewise
the standard library, which Pyodide ships as source. Modules that are not needed for the start are
in a third file, which is fetched later (deferred_stdlib.py). A memory snapshot would take longer to
fetch, and every kernel would have the same hash seed.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct
from packaging.utils import canonicalize_name

from .. import archive
from ..api.errors import Retry, SiteError
from ..api.events import note
from ..process.confine import Confinement
from ..runtime import node_sandbox, snapshot
from ..runtime.context import RunContext
from ..runtime.lock import Lock, Place
from ..runtime.node import Node
from ..runtime.pyodide import Runtime
from ..safe_paths import Root
from . import wheels

#: The script that builds them, in Node.js.
MAKE = Path(__file__).with_name("kernel-files.mjs")

#: The list of them, in the folder of a site's lock; kernel-start.mjs reads it.
ABOUT = "kernel-files.json"

#: The files, by their keys in ABOUT. Some servers would unpack files named `.gz`.
FILES = {
    "files": "kernel-packages.bin",
    "library": "kernel-library.bin",
    "rest": "kernel-rest.bin",
}


class _File(Struct):
    file_name: Place


class _About(Struct):
    """The part of ABOUT that is read here."""

    files: _File | None = None
    library: _File | None = None
    rest: _File | None = None


def places(package_root: Root) -> list[str]:
    """Return the files, relative to the lock; raise a SiteError if ABOUT is invalid."""
    if not package_root.is_file(ABOUT):
        return []
    try:
        about = msgspec.json.decode(package_root.read(ABOUT), type=_About)
    except (ValueError, RecursionError) as error:
        raise SiteError(
            f"Invalid list of a kernel's files in {package_root.path(ABOUT)}.",
            f"{type(error).__name__}: {error}",
            "Remove the site and create it again with `jupyter wasmwheel site create`.",
            code="site.invalid-kernel-files",
        ) from error
    return [each.file_name for each in (about.files, about.library, about.rest) if each]


def add(
    names: Sequence[str],
    lock: Lock,
    package_root: Root,
    runtime: Runtime,
    node: Node,
    context: RunContext,
) -> None:
    """Build the files for packages of a lock, and add them to its folder."""
    entries, _ = lock.closure(names)
    packages: dict[str, object] = dict(
        sorted((canonicalize_name(each.name), each.sha256) for each in entries)
    )
    scripts = snapshot.START.read_bytes() + MAKE.read_bytes()
    recipe = json.dumps([runtime.key, packages]).encode() + scripts

    def fill(folder: Path) -> None:
        note(context.emit, f"Compiling bytecode for the kernels of Pyodide {runtime.version}.")
        base, out = package_root.path().resolve(), folder.resolve()
        scripts = (MAKE.resolve(), snapshot.START.resolve())
        allowed = Confinement(readable=(*scripts, *runtime.files, base, out), writable=(out,))
        words: list[str | Path] = [*scripts, runtime.folder.resolve(), base, out, *names]
        status, lines = node_sandbox.run_script(node, words, out, allowed)
        if status or not all((folder / name).is_file() for name in FILES.values()):
            raise SiteError(
                f"Could not load the packages of a kernel into Pyodide {runtime.version}.",
                snapshot.last_line(lines),
                "Run it again. If it fails again, report it with the line above.",
                code="site.kernel-packages-failed",
                remedies=[Retry()],
            )

    key = f"kernel-files/{hashlib.sha256(recipe).hexdigest()[:32]}"
    made = context.store.install(key, fill, context.emit)
    about: dict[str, dict[str, object]] = {"packages": packages}
    for name, file in FILES.items():
        sha256 = wheels.hash_of(made / file)
        digest = base64.b64encode(bytes.fromhex(sha256)).decode()
        place = wheels.add(made / file, sha256, package_root, wheels.DEPENDENCIES)
        about[name] = {"file_name": place, "integrity": f"sha256-{digest}"}
    about["rest"]["modules"] = _modules(made / FILES["rest"])
    package_root.replace({ABOUT: json.dumps(about).encode()})


def _modules(rest: Path) -> list[str]:
    """Return the top-level names of the modules in an archive."""
    names = [name.removeprefix("site-packages/") for name in archive.tar_names(rest)]
    return sorted({name.partition("/")[0].removesuffix(".py") for name in names})
