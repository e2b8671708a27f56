"""Bundles for builds on machines without a network: archives of a store's entries and crates.

Unpacked with `tar`, a bundle is a store for WASMWHEEL_PATH; `unpack` adds it to the user's own.
Seeds are not included: cargo's output fits only the paths that it was compiled for.
"""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from .. import archive
from ..api.errors import SourceError
from ..api.events import Emitter, Progress, note
from ..project import starter
from ..runtime.context import RunContext
from ..runtime.targets import Target
from ..store import Store
from ..toolchain import crates
from ..toolchain.rust import Rust

#: The kinds of entries that machines with the same system can share, and those whose key begins
#: with the target.
SHARED_KINDS = ("binaryen", "kernel-files", "node", "rustup", "snapshots", "sysroots")
TARGET_KINDS = ("headers", "lite", "packages", "pyodide")


class Bundle(Struct, frozen=True, kw_only=True):
    """A bundle, with the keys of its entries; `size` in bytes."""

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
    """Write a bundle for a target, with the crates of the starters and of some projects.

    `variables` are those that the setting passes on to cargo.
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
        vendored, store = work / "crates", context.store
        key = crates.vendor([*starters, *projects], rust, vendored, store, context.emit, variables)
        entries[key] = work / "crates"
        packed = work / "packed.tar.gz"
        with tarfile.open(packed, "w:gz", compresslevel=6) as tar:
            for count, (key, folder) in enumerate(sorted(entries.items())):
                context.emit(Progress(done=count, total=len(entries), unit="entries", label=key))
                tar.add(folder, arcname=key, filter=_without_owner)
        os.replace(packed, out)
    return Bundle(path=out, keys=tuple(sorted(entries)), size=out.stat().st_size)


def unpack(path: Path, store: Store, emit: Emitter) -> list[str]:
    """Add a bundle's entries to a store, and return the keys of new ones."""
    if not path.is_file():
        raise SourceError(
            f"{path} not found.",
            "There is no such file.",
            "Pass a file that `jupyter wasmwheel cache bundle` wrote.",
            code="store.bundle-not-found",
        )
    with tempfile.TemporaryDirectory(dir=store.home, prefix=".unpacking-") as scratch:
        # Entries are added one by one, so a link must not leave its own.
        archive.unpack(path, Path(scratch), within=2)
        found = {
            key: folder
            for key, folder in _keyed(Path(scratch))
            if key.split("/")[0] in (*SHARED_KINDS, *TARGET_KINDS, crates.FOLDER)
        }
        if not found:
            raise SourceError(
                f"{path.name} is not a bundle.",
                "It contains no entries of a store.",
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
    """Give the entries of a store for a bundle, by key; later ones take precedence."""
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
    """Give the entries in a folder, by key; packages are by target and name."""
    for folder in [*root.glob("*/*"), *root.glob("packages/*/*")]:
        if folder.is_dir() and folder.parent != root / "packages":
            yield folder.relative_to(root).as_posix(), folder


def _without_owner(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Remove the owner from a member."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member
