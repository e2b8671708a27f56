"""UniFFI's generator, a program in a project's crate that runs on this machine.

UniFFI's guide lets the whole crate depend on `uniffi` with the feature `cli`, a hundred crates that
a module never calls. In the copy of a project, only the program has them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .. import text_files
from .manifest import Project, load_toml, workspace_root

#: The dependency, its feature for the generator, and the crate's new feature that enables it.
UNIFFI, CLI = "uniffi", "cli"
FEATURE = "wasmwheel-uniffi-cli"

#: The name of the program.
PROGRAM = "uniffi-bindgen"


def without_cli(project: Project) -> str | None:
    """Return the Cargo.toml of a project's crate with the generator apart, None to leave it."""
    if project.crate is None or project.bindings != UNIFFI:
        return None
    manifest = load_toml(project.crate)
    named = manifest.get("dependencies", {}).get(UNIFFI)
    uniffi = _inherited(project, named) if isinstance(named, dict) else {}
    if CLI not in uniffi.get("features", []):
        return None
    if not _is_for_program_alone(project.crate, manifest.get("bin", [])):
        return None
    import tomlkit  # other builds do not need it

    document = tomlkit.parse(text_files.read_bytes(project.crate).decode("utf-8-sig"))
    if named.get("workspace"):
        own = tomlkit.inline_table()
        own.update(uniffi)
        document["dependencies"][UNIFFI] = own
    document["dependencies"][UNIFFI]["features"].remove(CLI)
    document.setdefault("features", tomlkit.table())[FEATURE] = [f"{UNIFFI}/{CLI}"]
    return tomlkit.dumps(document)


def _inherited(project: Project, named: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a dependency of a project's crate, with what it inherits from its workspace."""
    crate = project.crate
    root = workspace_root(crate, project.tree) if crate and named.get("workspace") else None
    if crate is None or root is None:
        return named
    workspace = load_toml(root / "Cargo.toml").get("workspace", {})
    shared = workspace.get("dependencies", {}).get(UNIFFI, {})
    shared = dict(shared) if isinstance(shared, dict) else {"version": shared}
    if "path" in shared:
        shared["path"] = os.path.relpath(root / shared["path"], crate.parent)
    features = dict.fromkeys((*shared.get("features", ()), *named.get("features", ())))
    own = {key: value for key, value in named.items() if key != "workspace"}
    return {**shared, **own, "features": list(features)}


def _is_for_program_alone(crate: Path, programs: Iterable[Mapping[str, str]]) -> bool:
    """Return whether a crate has the program, and no other source names what the feature adds."""
    usual = f"src/bin/{PROGRAM}.rs"
    names = {each.get("path", usual) for each in programs if each.get("name") == PROGRAM}
    own = {text_files.named(crate.parent, name, crate) for name in (*names, usual)}
    others = (path for path in (crate.parent / "src").rglob("*.rs") if path not in own)
    return any(path.is_file() for path in own) and not any(
        "bindgen" in text_files.read_start(path) for path in others if path.is_file()
    )
