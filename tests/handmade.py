"""Wheels and modules made by hand, for what no compiler would make, and crates of a test's own."""

from __future__ import annotations

import secrets
import textwrap
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from jupyter_wasmwheel.api import events
from jupyter_wasmwheel.project import starter
from jupyter_wasmwheel.runtime import engine, targets
from jupyter_wasmwheel.runtime.context import RunContext
from jupyter_wasmwheel.runtime.engine import Engine
from jupyter_wasmwheel.runtime.targets import Target
from jupyter_wasmwheel.store import Store
from jupyter_wasmwheel.wheel import record_row

WEAK = 1


class Machine(NamedTuple):
    target: Target
    engine: Engine
    context: RunContext


def machine(abi: str, store: Store) -> Machine:
    target = targets.find(abi)
    context = RunContext(store=store, emit=events.ignore)
    return Machine(target, engine.prepare(target, context), context)


def wheel(
    folder: Path,
    tag: str,
    members: Mapping[str, bytes],
    *,
    requires: Iterable[str] = (),
    name: str = "handmade",
    version: str = "1.0",
    description: bytes = b"",
) -> Path:
    """A wheel's file."""
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {line}\n" for line in requires)
    whole = {
        **members,
        f"{info}/METADATA": metadata.encode() + description,
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nTag: {tag}\n".encode(),
    }
    rows = [",".join(record_row(member, data)) for member, data in whole.items()]
    path = folder / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, data in whole.items():
            archive.writestr(member, data)
        archive.writestr(f"{info}/RECORD", "\n".join([*rows, f"{info}/RECORD,,\n"]))
    return path


def side_module(
    imports: Iterable[tuple[str, str]] = (),
    exports: Iterable[str] = (),
    *,
    calls: int | None = None,
    needed: Iterable[str] = (),
    weak: Iterable[str] = (),
    runtime_paths: Iterable[str] = (),
    compilers: Iterable[tuple[str, str]] | None = None,
) -> bytes:
    """A side module of functions without arguments that give an i32.

    Imports of the modules GOT.mem and GOT.func are globals, as in a real one. Every exported
    function calls the import of number `calls`, or traps.
    """
    imports, exports = list(imports), list(exports)
    functions = [(module, name) for module, name in imports if not module.startswith("GOT.")]
    dylink = _part(1, _number(0) * 4)
    if needed:
        dylink += _part(2, _list([_name(library) for library in needed]))
    if runtime_paths:
        dylink += _part(5, _list([_name(path) for path in runtime_paths]))
    if weak:
        dylink += _part(4, _list([_name("env") + _name(name) + _number(WEAK) for name in weak]))
    body = bytes([0x10, calls]) if calls is not None else b"\x00"
    return b"".join(
        [
            b"\0asm\1\0\0\0",
            _part(0, _name("dylink.0") + dylink),
            _part(1, _list([b"\x60\x00\x01\x7f"])),
            _part(2, _list([_import(module, name) for module, name in imports])),
            _part(3, _list([_number(0) for _ in exports])),
            _part(
                7,
                _list(
                    _name(name) + b"\0" + _number(len(functions) + place)
                    for place, name in enumerate(exports)
                ),
            ),
            _part(10, _list([_sized(b"\0" + body + b"\x0b") for _ in exports])),
            _producers(compilers) if compilers is not None else b"",
        ]
    )


def _producers(compilers: Iterable[tuple[str, str]]) -> bytes:
    processed = _list([_name(name) + _name(version) for name, version in compilers])
    return _part(0, _name("producers") + _list([_name("processed-by") + processed]))


def _import(module: str, name: str) -> bytes:
    what = b"\x03\x7f\x01" if module.startswith("GOT.") else b"\x00\x00"
    return _name(module) + _name(name) + what


def _number(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _sized(data: bytes) -> bytes:
    return _number(len(data)) + data


def _name(text: str) -> bytes:
    return _sized(text.encode())


def _list(items: Iterable[bytes]) -> bytes:
    items = list(items)
    return _number(len(items)) + b"".join(items)


def _part(number: int, data: bytes) -> bytes:
    return bytes([number]) + _sized(data)


def crate(name: str, folder: Path) -> Path:
    """A starter crate that nobody has built, so that nothing that is kept is taken for it."""
    made = starter.make(name, folder)
    with (made / "src/lib.rs").open("a", encoding="utf-8") as source:
        source.write(f"// {secrets.token_hex(16)}\n")
    return made


def backend_project(folder: Path, code: str = "", before: str = "") -> Path:
    """A pure project, version 1, whose own backend runs some code before it gives its wheel."""
    folder.mkdir()
    name = folder.name
    made = wheel(folder, "py3-none-any", {f"{name}.py": b""}, name=name, version="1").name
    body = textwrap.indent(code.strip() or "pass", "    ")
    (folder / "own.py").write_text(
        "import os, pathlib, shutil, socket, subprocess, sys, time\n"
        f"{before}\ndef build_wheel(into, *rest):\n{body}\n"
        f"    shutil.copy({made!r}, into)\n    return {made!r}\n"
    )
    (folder / "pyproject.toml").write_text(
        f'[project]\nname = "{name}"\nversion = "1"\n'
        '[build-system]\nrequires = []\nbuild-backend = "own"\nbackend-path = ["."]\n'
    )
    return folder
