"""Fuzz targets: functions of bytes that may only raise errors of this package."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from jupyter_wasmwheel import archive, wheel
from jupyter_wasmwheel.api.errors import WasmwheelError
from jupyter_wasmwheel.runtime import lock

#: The file names for an archive's bytes; the first byte selects one.
NAMES = ("x-1.zip", "x-1.tar.gz", "x-1.tar.xz", "x-1.tar.bz2", "x-1-py3-none-any.whl")

CORPUS = Path(__file__).parent / "corpus"


def archives(data: bytes) -> None:
    """Unpack an archive, or read a wheel; check that nothing is written outside its folder."""
    if not data:
        return
    folder = Path(tempfile.mkdtemp(prefix="wasmwheel-fuzz-"))
    try:
        path = folder / NAMES[data[0] % len(NAMES)]
        path.write_bytes(data[1:])
        inside = folder / "in"
        inside.mkdir()
        try:
            if path.suffix == ".whl":
                wheel.read(path)
            else:
                archive.unpack(path, inside)
        except WasmwheelError:
            pass
        assert sorted(folder.iterdir()) == sorted([inside, path])
        for each in inside.rglob("*"):
            assert each.resolve().is_relative_to(inside.resolve()), each
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def locks(data: bytes) -> None:
    """Read a lock, and write it again."""
    with tempfile.TemporaryDirectory(prefix="wasmwheel-fuzz-") as folder:
        path = Path(folder) / "pyodide-lock.json"
        path.write_bytes(data)
        try:
            found = lock.read(path)
            entries = dict(found.packages)
        except WasmwheelError:
            return
        found.write(path)
        assert dict(lock.read(path).packages) == entries


TARGETS = {"archives": archives, "locks": locks}
