from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jupyter_wasmwheel.api.errors import SiteError
from jupyter_wasmwheel.runtime import lock


def row(name: str, *depends: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "version": "1.0",
        "file_name": f"{name}-1.0-py3-none-any.whl",
        "sha256": "0" * 64,
        "install_dir": "site",
        "package_type": "package",
        "imports": [name.lower()],
        "depends": list(depends),
        "unvendored_tests": False,
        **more,
    }


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "pyodide-lock.json"
    packages = {
        "prompt-toolkit": row("prompt_toolkit", "wcwidth"),
        "wcwidth": row("wcwidth"),
        "ipython": row("IPython", "prompt_toolkit", "sqlite3", tool={"kept": 1}),
    }
    info = {"abi_version": "2026_0", "arch": "wasm32", "python": "3.14.2", "platform": "x"}
    path.write_text(json.dumps({"info": info, "tool": {"also": "kept"}, "packages": packages}))
    return path


def test_lock_round_trip_keeps_unknown_fields(file: Path) -> None:
    before = json.loads(file.read_text())
    deep = {"π": [1, None, 1.5, True, {"x": "\u2028"}], "": 2**63, "extra": {"name": "../x"}}
    before |= {"unknown": deep}
    for row in before["packages"].values():
        row |= {"unknown": deep}
    file.write_text(json.dumps(before))
    for _ in range(2):  # a lock of Pyodide's, then one that we wrote
        lock.read(file).write(file)
        assert json.loads(file.read_text()) == before
        assert lock.read(file).get("IPython") is not None


def test_empty_lock_is_valid(file: Path) -> None:
    found = lock.read(file)
    for name in list(found.packages):
        found = found.without(name)
    found.write(file)
    assert lock.read(file).packages == {}


def test_lock_compares_normalized_names(file: Path) -> None:
    found = lock.read(file)
    for name in ("prompt_toolkit", "Prompt.Toolkit", "prompt-toolkit"):
        entry = found.get(name)
        assert entry is not None
        assert entry.name == "prompt_toolkit"


def test_closure_lists_dependencies_and_missing_ones(file: Path) -> None:
    entries, missing = lock.read(file).closure(["IPython"])
    assert sorted(entry.name for entry in entries) == ["IPython", "prompt_toolkit", "wcwidth"]
    assert missing == ["sqlite3"]


def test_lock_entry_replaces_entry_with_same_name(file: Path) -> None:
    found = lock.read(file)
    other = lock.Entry.parse(row("Prompt.Toolkit", version="2.0"))
    changed = found.with_entry(other)
    assert len(changed.packages) == 3
    assert json.loads(changed.dump())["packages"]["prompt-toolkit"]["version"] == "2.0"
    assert changed.without("prompt_toolkit").get("prompt-toolkit") is None


def test_name_of_namespace_leads_to_its_first_package(file: Path) -> None:
    before = lock.read(file)
    for name in ("text", "math", "text"):
        entry = lock.Entry.parse(row(f"acme-{name}", imports=["acme", f"acme.{name}"]))
        before = before.with_entry(entry)
    assert before.packages["acme-text"].imports == ("acme", "acme.text")
    assert before.packages["acme-math"].imports == ("acme.math",)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"packages": {}}', '{"packages": {"a": 1}, "info": {}}']
)
def test_invalid_lock_is_rejected(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(SiteError, match="Invalid Pyodide lock"):
        lock.read(file)
