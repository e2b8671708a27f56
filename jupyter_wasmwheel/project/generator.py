"""UniFFI's generator, a program in a project's crate that runs on this machine.

UniFFI's guide lets the whole crate depend on `uniffi` with the feature `cli`, a hundred crates that
a module never calls. In the copy of a project, only the program has them.
"""

from __future__ import annotations

import tomllib
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
    programs = [each for each in manifest.get("bin", []) if each.get("name") == PROGRAM]
    if CLI not in features or not programs or _library_uses_cli(project.crate, programs):
        return None
    import tomlkit  # other builds do not need it

    document = tomlkit.parse(text)
    document["dependencies"][UNIFFI]["features"].remove(CLI)
    document.setdefault("features", tomlkit.table())[FEATURE] = [f"{UNIFFI}/{CLI}"]
    return tomlkit.dumps(document)


def _library_uses_cli(crate: Path, programs: list[dict[str, object]]) -> bool:
    """Return whether sources other than the program name what the feature adds."""
    own = {crate.parent / str(each.get("path", f"src/bin/{PROGRAM}.rs")) for each in programs}
    return any(
        "bindgen" in path.read_text(encoding="utf-8", errors="replace")
        for path in (crate.parent / "src").rglob("*.rs")
        if path not in own and path.is_file()
    )
