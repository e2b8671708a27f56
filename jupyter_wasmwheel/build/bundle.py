"""What a machine without a network needs to build, packed on one that has all of it.

It is an archive of entries of a store, each under its key, and one more with the crates of the
starter crates. Unpacked by `tar` it is a store for WASMWHEEL_PATH; `unpack` puts it into one's own.
Seeds stay at home: what cargo compiled fits the paths alone that it was compiled for.
"""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .. import archive
from ..api.errors import SourceError
from ..api.events import Emitter, Progress, note
from ..project import starter
from ..runtime.context import RunContext
from ..runtime.targets import Target
from ..store import Store
from ..toolchain import crates
from ..toolchain.rust import Rust

#: The kinds of entries that any machine of the same system may use, as they are or with another
#: Rust of the same release; and those of a target, where the key begins with it.
SHARED_KINDS = ("binaryen", "kernel-files", "node", "rustup", "snapshots", "sysroots")
TARGET_KINDS = ("headers", "lite", "packages", "pyodide")


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A bundle that was written, with the keys of the entries in it; `size` in bytes."""

    path: Path
    keys: tuple[str, ...]
    size: int


def write(
    target: Target,
    projects: Sequence[Path],
    rust: Rust,
    out: Path,
    context: RunContext,
    *,
    variables: Sequence[str] = (),
) -> Bundle:
    """Pack what builds for a target need, with the crates of the starters and of some projects.

    `variables` are those that the settings let cargo see.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as scratch:
        work = Path(scratch)
        starters = [
            starter.create(f"starter-{each.name}", work / "starters", each.name)
            for each in starter.templates()
        ]
        (work / "crates").mkdir()
        entries = dict(_entries(target, context.store))
        key = crates.vendor([*starters, *projects], rust, work / "crates", context.emit, variables)
        entries[key] = work / "crates"
        packed = work / "packed.tar.gz"
        with tarfile.open(packed, "w:gz", compresslevel=6) as tar:
            for count, (key, folder) in enumerate(sorted(entries.items())):
                context.emit(Progress(done=count, total=len(entries), unit="entries", label=key))
                tar.add(folder, arcname=key, filter=_anybodys)
        os.replace(packed, out)
    return Bundle(path=out, keys=tuple(sorted(entries)), size=out.stat().st_size)


def unpack(path: Path, store: Store, emit: Emitter) -> list[str]:
    """Put a bundle's entries into a store, whole; the keys of those that it did not have."""
    if not path.is_file():
        raise SourceError(
            f"{path} not found.",
            "A bundle is a file.",
            "Pass a file that `jupyter wasmwheel cache bundle` wrote.",
            code="store.bundle-not-found",
        )
    with tempfile.TemporaryDirectory(dir=store.home, prefix=".unpacking-") as scratch:
        # Entries are taken one by one, and a link is to lead nowhere else than in its own.
        archive.unpack(path, Path(scratch), within=2)
        found = {
            key: folder
            for key, folder in _keyed(Path(scratch))
            if key.split("/")[0] in (*SHARED_KINDS, *TARGET_KINDS, crates.FOLDER)
        }
        if not found:
            raise SourceError(
                f"{path.name} is not a bundle.",
                "It contains nothing that a build needs.",
                "Pass a file that `jupyter wasmwheel cache bundle` wrote.",
                code="store.bundle-invalid",
            )
        new = [key for key in sorted(found) if store.find(key) is None]
        for key in new:
            note(emit, f"Unpacking {key}.")

            def fill(place: Path, folder: Path = found[key]) -> None:
                shutil.copytree(folder, place, symlinks=True, dirs_exist_ok=True)

            store.install(key, fill, emit)
    return new


def _entries(target: Target, store: Store) -> Iterator[tuple[str, Path]]:
    """The entries of a store that a bundle has, by key; a read-only store's come first."""
    lite = target.jupyterlite
    prefixes = {
        "headers": target.abi,
        "packages": target.abi,
        "pyodide": target.pyodide,
        "lite": f"{lite.core}-{lite.kernel}" if lite else "-",
    }
    for root in (store.home, *reversed(store.read_only)):
        for key, folder in _keyed(root):
            kind, name, *_ = key.split("/")
            if kind in SHARED_KINDS or (kind in TARGET_KINDS and name.startswith(prefixes[kind])):
                yield key, folder


def _keyed(root: Path) -> Iterator[tuple[str, Path]]:
    """The entries under a folder, by key; packages are kept by target, and then by name."""
    for folder in [*root.glob("*/*"), *root.glob("packages/*/*")]:
        if folder.is_dir() and folder.parent != root / "packages":
            yield folder.relative_to(root).as_posix(), folder


def _anybodys(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """A member that says nothing of who packed it."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member
