"""Texts that are derived from files."""

from __future__ import annotations

import os
import re
from pathlib import Path

from jupyter_wasmwheel.runtime.pyodide import MAIN_MODULES, Runtime
from jupyter_wasmwheel.store import Store, derived

WORD = re.compile(r"^\w+$")


def test_text_is_cached_until_a_file_changes(tmp_path: Path) -> None:
    store, file = Store(home=tmp_path / "home"), tmp_path / "file"
    computed = 0

    def compute() -> str:
        nonlocal computed
        computed += 1
        return file.read_text()

    def derive() -> tuple[str | None, int]:
        return derived.derive([file], "text", WORD, compute, store), computed

    file.write_text("one")
    before = file.stat()
    assert [derive(), derive()] == [("one", 1), ("one", 1)]
    file.write_text("two")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert [derive(), derive()] == [("two", 2), ("two", 2)]
    for kept in (store.home / derived.FOLDER).iterdir():
        kept.write_bytes(b"\xff")
    assert derive() == ("two", 3)


def test_text_without_pattern_is_not_cached(tmp_path: Path) -> None:
    store, file = Store(home=tmp_path / "home"), tmp_path / "file"
    file.write_text("")
    assert derived.derive([file], "text", WORD, lambda: "no word", store) is None
    assert derived.derive([file], "text", WORD, lambda: "word", store) == "word"


def test_key_of_runtime_follows_its_files(tmp_path: Path) -> None:
    folder, store = tmp_path / "pyodide", Store(home=tmp_path / "home")
    folder.mkdir()
    for name in ("pyodide.mjs", MAIN_MODULES[0], "pyodide.asm.wasm", "python_stdlib.zip"):
        (folder / name).write_text(name)

    def key(store: Store | None) -> str:
        return Runtime(folder=folder, version="314.0.7", abi="2026_0", store=store).key

    first = key(store)
    assert first == key(store) == key(None)
    (folder / "pyodide.asm.wasm").write_text("changed")
    assert key(store) == key(None) != first
