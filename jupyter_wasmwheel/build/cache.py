"""Finished wheels, kept under the hash of all that went into them.

What a build of the same project, with the same settings, by the same toolchain came to before is
taken again. An entry is verified when it is read; one that is not whole is thrown away. Entries of
read-only stores are shared by all users.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from .. import build_variables
from ..api.errors import WasmwheelError
from ..api.events import Emitter, note
from ..api.report import Crate, Patch
from ..project import copy
from ..project.copy import Copy
from ..store import Store
from ..wheel import Wheel, read
from .plan import Plan

#: Changes with what a build does to a wheel, so that older entries are not taken.
CACHE_VERSION = "4"

#: The folder of the entries in a store, and what an entry says of its wheel.
FOLDER, METADATA_FILE = "built", "about.json"

#: How variables begin that change what cargo, pyo3 or a C compiler make of a project.
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

#: What the variables of a plan name that differs from one work folder to another.
OF_THE_WORK_FOLDER = ("CARGO_TARGET_DIR",)


@dataclass(frozen=True, kw_only=True)
class CachedWheel:
    """A finished wheel, and what the report tells of how it was made."""

    wheel: Wheel
    crates: tuple[Crate, ...]
    crates_with_c: tuple[str, ...]
    seeded: bool


def key(planned: Plan, private: Copy, patches: Sequence[Patch]) -> str:
    """Return the entry for what a plan builds from a private copy, and edited crates."""
    toolchain, request = planned.toolchain, planned.request
    assert toolchain, "what is compiled has a toolchain"
    rust, sysroot, linker = toolchain.rust, toolchain.sysroot, toolchain.linker
    c_compiler, tool = toolchain.emscripten, toolchain.wasm_opt
    given = {
        "recipe": CACHE_VERSION,
        "sources": copy.digest(private),
        "patches": msgspec.to_builtins(patches),
        "target": planned.target.abi,
        "profile": request.profile,
        "features": [planned.features, planned.no_default_features, private.unlocked],
        "rust": rust and rust.commit,
        "std": sysroot and str(sysroot.folder),
        "linker": linker and [str(linker.program), linker.version],
        "emscripten": c_compiler and [str(c_compiler.folder), c_compiler.version],
        "wasm_opt": tool and tool.version,
        "maturin": toolchain.maturin,
        "variables": _influencing(planned.env),
        "named": sorted(build_variables.named_variables(planned.env, planned.variables).items()),
    }
    return f"{FOLDER}/{hashlib.sha256(json.dumps(given).encode()).hexdigest()[:32]}"


def _influencing(env: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in sorted(env.items())
        if name.startswith((*INFLUENCING, "WASMWHEEL_CARGO")) and name not in OF_THE_WORK_FOLDER
    }


def get_or_build(
    key: str, build: Callable[[], CachedWheel], store: Store, emit: Emitter
) -> tuple[CachedWheel, bool]:
    """What is kept under a key, else what `build` makes of it; and whether it was kept.

    Whoever asks for the same while it is built waits, and gets the same.
    """
    fresh: list[CachedWheel] = []

    def fill(folder: Path) -> None:
        built = build()
        fresh.append(built)
        shutil.copy2(built.wheel.path, folder / built.wheel.path.name)
        about = {
            "wheel": built.wheel.path.name,
            "sha256": built.wheel.sha256,
            "crates": msgspec.to_builtins(built.crates),
            "crates_with_c": built.crates_with_c,
            "seeded": built.seeded,
        }
        (folder / METADATA_FILE).write_text(json.dumps(about), encoding="utf-8")

    found = _read(store.find(key))
    if found is None:
        if store.find(key):
            note(emit, "What was kept of this build is damaged; it is built again.")
            store.remove(key, emit)
        folder = store.install(key, fill, emit)
        trim(store, emit)
        if fresh:
            return fresh[0], False
        found = _read(folder)
        assert found, "it was made a moment ago"
    _touch(store.home / key)
    return found, True


def _read(folder: Path | None) -> CachedWheel | None:
    """The entry in a folder, or None where it is not whole."""
    if folder is None:
        return None
    try:
        about: dict[str, Any] = json.loads((folder / METADATA_FILE).read_bytes())
        wheel = read(folder / about["wheel"])
        if wheel.sha256 != about["sha256"]:
            return None
        return CachedWheel(
            wheel=wheel,
            crates=msgspec.convert(about["crates"], tuple[Crate, ...]),
            crates_with_c=tuple(about["crates_with_c"]),
            seeded=about["seeded"],
        )
    except (OSError, ValueError, KeyError, TypeError, WasmwheelError):
        return None


def _touch(folder: Path) -> None:
    """Note that an entry of the home was asked for; one of a read-only store stays as it is."""
    with contextlib.suppress(OSError):
        os.utime(folder)


def trim(store: Store, emit: Emitter) -> None:
    """Keep within the store's limit: the entries that were not asked for the longest go first."""
    entries = sorted((store.home / FOLDER).glob("*"), key=lambda path: path.stat().st_mtime)
    sizes = {path: sum(each.stat().st_size for each in path.iterdir()) for path in entries}
    total = sum(sizes.values())
    for path in entries[:-1]:
        if total <= store.limit:
            return
        store.remove(f"{FOLDER}/{path.name}", emit)
        total -= sizes[path]
