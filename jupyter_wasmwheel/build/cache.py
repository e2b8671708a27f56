"""A cache of wheels, by the hash of all inputs of their builds.

Entries are verified when they are read, and damaged ones are removed. All users share the entries
of read-only stores.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Struct

from .. import build_variables
from ..api.errors import WasmwheelError
from ..api.events import Emitter, note
from ..api.report import Crate, Patch
from ..project.copy import Copy
from ..safe_paths import NAME_PATTERN
from ..store import Store, read_file, replace_file
from ..toolchain import cargo_config
from ..wheel import Wheel, read
from .plan import Plan

#: Changes with the steps of a build, so that older entries are not used.
CACHE_VERSION = "5"

#: The folder of the entries in a store, and the file with an entry's metadata.
FOLDER, METADATA_FILE = "built", "about.json"

#: The file in a work folder with the hash of the only sources that were built in it.
SOURCES_NOTE = "sources"

#: Prefixes of the variables that change the output of cargo, pyo3 or a C compiler.
INFLUENCING = (
    "AR",
    "CARGO_",
    "CC",
    "CFLAGS",
    "CXX",
    "MATURIN_",
    "PYO3_",
    "RUSTC",
    "RUSTFLAGS",
    "SETUPTOOLS_",
    "SOURCE_DATE_EPOCH",
)


class _Metadata(Struct, frozen=True, kw_only=True):
    """An entry's metadata: the name and the hash of its wheel, and how it was built."""

    wheel: Annotated[str, msgspec.Meta(pattern=rf"\A{NAME_PATTERN}\Z")]
    sha256: str
    crates: tuple[Crate, ...]
    crates_with_c: tuple[str, ...]
    seeded: bool
    confined: bool = False


class CachedWheel(Struct, frozen=True, kw_only=True):
    """A wheel, and how it was built."""

    wheel: Wheel
    crates: tuple[Crate, ...]
    crates_with_c: tuple[str, ...]
    seeded: bool
    confined: bool = False


def key(planned: Plan, private: Copy, sources: str, patches: Sequence[Patch]) -> str:
    """Return the key for the build of a private copy with the hash `sources` and edited crates."""
    toolchain, request = planned.toolchain, planned.request
    assert toolchain, "only builds with a toolchain are cached"
    rust, sysroot, linker = toolchain.rust, toolchain.sysroot, toolchain.linker
    c_compiler, tool = toolchain.emscripten, toolchain.wasm_opt
    given = {
        "recipe": CACHE_VERSION,
        "sources": sources,
        "patches": msgspec.to_builtins(patches),
        "target": planned.target.abi,
        "flags": msgspec.to_builtins(planned.target.flags),
        "profile": request.profile,
        "settings": request.config_settings,
        "features": [planned.features, planned.no_default_features, private.unlocked],
        "rust": rust and rust.commit,
        "std": sysroot and str(sysroot.folder),
        "linker": linker and [str(linker.program), linker.version],
        "emscripten": c_compiler and [str(c_compiler.folder), c_compiler.version],
        "wasm_opt": tool and [tool.version, tool.flags],
        "maturin": toolchain.maturin,
        "variables": _influencing(planned.env),
        "configuration": str(cargo_config.influencing(private.folder, planned.environ)),
        "named": sorted(build_variables.named_variables(planned.env, planned.variables).items()),
    }
    return f"{FOLDER}/{hashlib.sha256(json.dumps(given).encode()).hexdigest()[:32]}"


def key_in_folder(key: str, work: Path) -> str:
    """Return the key for a build that starts with what other sources left in its work folder.

    Its wheel is not used for other projects with the same sources: the code that the project had
    before can have changed what was compiled.
    """
    return f"{FOLDER}/{hashlib.sha256(f'{key} {work}'.encode()).hexdigest()[:32]}"


def note_sources(planned: Plan, sources: str) -> bool:
    """Note the hash of the sources that are built in a work folder, and whether no others were.

    Otherwise, the code of other sources can have left anything there.
    """
    path = planned.work / SOURCES_NOTE
    try:
        is_only = read_file(path) == sources.encode()
    except OSError:
        is_only = not planned.cargo_target.exists()
    replace_file(path, (sources if is_only else "several").encode())
    return is_only


def _influencing(env: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in sorted(env.items())
        # The target folder differs between work folders.
        if name.startswith((*INFLUENCING, "WASMWHEEL_CARGO")) and name != "CARGO_TARGET_DIR"
    }


def get_or_build(
    key: str, build: Callable[[], CachedWheel], store: Store, emit: Emitter
) -> tuple[CachedWheel, bool]:
    """Return the wheel under a key, building it if needed, and whether it was cached.

    Another process that requests the same key meanwhile waits for this build.
    """
    fresh: list[CachedWheel] = []

    def fill(folder: Path) -> None:
        built = build()
        fresh.append(built)
        shutil.copy2(built.wheel.path, folder / built.wheel.path.name)
        about = _Metadata(
            wheel=built.wheel.path.name,
            sha256=built.wheel.sha256,
            crates=built.crates,
            crates_with_c=built.crates_with_c,
            seeded=built.seeded,
            confined=built.confined,
        )
        (folder / METADATA_FILE).write_bytes(msgspec.json.encode(about))

    found = _read(store.find(key))
    if found is None:
        if store.find(key):
            note(emit, "The cached wheel is damaged; building it again.")
            store.remove(key, emit)
        folder = store.install(key, fill, emit)
        trim(store, emit)
        if fresh:
            return fresh[0], False
        found = _read(folder)
        if found is None:  # it is in a store that is not written to
            return build(), False
    with contextlib.suppress(OSError):  # it is in a read-only store
        os.utime(store.home / key)
    return found, True


def _read(folder: Path | None) -> CachedWheel | None:
    """Return the entry in a folder, or None if it is damaged."""
    if folder is None:
        return None
    try:
        about = msgspec.json.decode(read_file(folder / METADATA_FILE), type=_Metadata)
        if not (folder / about.wheel).is_file():  # a pipe would block
            return None
        wheel = read(folder / about.wheel)
        if wheel.sha256 != about.sha256:
            return None
        return CachedWheel(
            wheel=wheel,
            crates=about.crates,
            crates_with_c=about.crates_with_c,
            seeded=about.seeded,
            confined=about.confined,
        )
    except (OSError, ValueError, RecursionError, WasmwheelError):
        return None


def trim(store: Store, emit: Emitter) -> None:
    """Remove the least recently used entries until the store's limit is met."""
    entries = sorted((store.home / FOLDER).glob("*"), key=lambda path: path.stat().st_mtime)
    sizes = {path: sum(each.stat().st_size for each in path.iterdir()) for path in entries}
    total = sum(sizes.values())
    for path in entries[:-1]:
        if total <= store.limit:
            return
        store.remove(f"{FOLDER}/{path.name}", emit)
        total -= sizes[path]
