"""What a kernel reads while it starts, made once for a runtime and its packages.

A kernel that starts the plain way unpacks a wheel after the other and compiles hundreds of modules
from their source. So a site has the packages of its kernel in one file, unpacked, and with bytecode
by the very Python that is to run it; the same for the modules of the standard library, which
Pyodide ships as source. What no start asks for is in a third file, which comes after it
(deferred_stdlib.py). No memory snapshot: it would take longer to fetch, and would freeze the
seed of Python's hashes, so that every kernel had the same.
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
from ..runtime import snapshot
from ..runtime.context import RunContext
from ..runtime.lock import Lock, Place
from ..runtime.node import Node
from ..runtime.pyodide import Runtime
from ..safe_paths import Root
from . import wheels

#: The script that makes them, in Node.js.
MAKE = Path(__file__).with_name("kernel-files.mjs")

#: What there is, beside a site's lock: read by kernel-start.mjs.
ABOUT = "kernel-files.json"

#: The files, and how ABOUT calls them. Some servers would unpack what is called `.gz`.
FILES = {
    "files": "kernel-packages.bin",
    "library": "kernel-library.bin",
    "rest": "kernel-rest.bin",
}


class _File(Struct):
    file_name: Place


class _About(Struct):
    """What of ABOUT is read here."""

    files: _File | None = None
    library: _File | None = None
    rest: _File | None = None


def places(package_root: Root) -> list[str]:
    """Return the places beside a lock of what was put there; a SiteError where one is not valid."""
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
    its: Lock,
    package_root: Root,
    runtime: Runtime,
    node: Node,
    context: RunContext,
) -> None:
    """Put them beside a lock for packages of it; without Node.js's doing it starts plainly."""
    entries, _ = its.closure(names)
    packages: dict[str, object] = dict(
        sorted((canonicalize_name(each.name), each.sha256) for each in entries)
    )
    scripts = snapshot.START.read_bytes() + MAKE.read_bytes()
    recipe = json.dumps([runtime.key, packages]).encode() + scripts

    def fill(folder: Path) -> None:
        note(context.emit, f"Making bytecode for the kernels of Pyodide {runtime.version}, once.")
        done = node.run(MAKE, snapshot.START, runtime.folder, package_root.path(), folder, *names)
        if done.returncode or not all((folder / name).is_file() for name in FILES.values()):
            raise SiteError(
                f"Could not load the packages of a kernel into Pyodide {runtime.version}.",
                snapshot.last_line(done.stderr),
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
    """The names without a dot of modules, or of packages with some, that an archive has."""
    names = [name.removeprefix("site-packages/") for name in archive.tar_names(rest)]
    return sorted({name.partition("/")[0].removesuffix(".py") for name in names})
