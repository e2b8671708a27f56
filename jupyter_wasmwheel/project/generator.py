"""UniFFI's generator, a program in a project's crate that runs on this machine.

UniFFI's guide lets the whole crate depend on `uniffi` with the feature `cli`, a hundred crates that
a module never calls. In the copy of a project, only the program has them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

from .manifest import Project

#: The dependency, its feature for the generator, and the crate's new feature that enables it.
UNIFFI, CLI = "uniffi", "cli"
FEATURE = "wasmwheel-uniffi-cli"

#: The name of the program.
PROGRAM = "uniffi-bindgen"


def without_cli(project: Project) -> str | None:
    """Return the Cargo.toml of a project's crate with the generator apart, None to leave it."""
    if project.crate is None or project.bindings != UNIFFI:
        return None
    text = project.crate.read_text(encoding="utf-8")
    manifest = tomllib.loads(text)
    uniffi = manifest.get("dependencies", {}).get(UNIFFI)
    features = uniffi.get("features", []) if isinstance(uniffi, dict) else []
    if CLI not in features or not _is_for_program_alone(project.crate, manifest.get("bin", [])):
        return None
    import tomlkit  # other builds do not need it

    document = tomlkit.parse(text)
    document["dependencies"][UNIFFI]["features"].remove(CLI)
    document.setdefault("features", tomlkit.table())[FEATURE] = [f"{UNIFFI}/{CLI}"]
    return tomlkit.dumps(document)


def _is_for_program_alone(crate: Path, programs: Iterable[Mapping[str, str]]) -> bool:
    """Return whether a crate has the program, and no other source names what the feature adds."""
    usual = f"src/bin/{PROGRAM}.rs"
    named = {each.get("path", usual) for each in programs if each.get("name") == PROGRAM}
    own = {crate.parent / name for name in (*named, usual)}
    others = (path for path in (crate.parent / "src").rglob("*.rs") if path not in own)
    return any(path.is_file() for path in own) and not any(
        "bindgen" in path.read_text(encoding="utf-8", errors="replace")
        for path in others
        if path.is_file()
    )
