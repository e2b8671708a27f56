"""The Python bindings of a crate, and what `[tool.maturin]` says of its build.

maturin finds the bindings in the crates that cargo resolves. Here only manifests are read, so the
answer is a hint wherever a crate can get its bindings from another crate.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from ..api.errors import SourceError

#: The crates that provide bindings for Python.
BINDINGS = ("pyo3", "pyo3-ffi", "cpython", "uniffi")

#: The kinds of dependencies in a Cargo.toml.
DEPENDENCIES = ("dependencies", "build-dependencies", "dev-dependencies")


class MaturinSettings(Struct, frozen=True, kw_only=True):
    """Settings of a pyproject.toml for maturin; `features` are those without a condition.

    `with_cffi` says that the project requires cffi, which can be its bindings.
    """

    bindings: str | None = None
    features: tuple[str, ...] = ()
    profile: str = "release"
    with_cffi: bool = False


#: The settings of a project that has none.
NO_MATURIN_SETTINGS = MaturinSettings()


def settings(pyproject: Mapping[str, Any]) -> MaturinSettings:
    """Return maturin's settings in a pyproject.toml."""
    table = pyproject.get("tool", {}).get("maturin", {})
    bindings, profile = table.get("bindings"), table.get("profile")
    required = pyproject.get("project", {}).get("dependencies", [])
    required = [*required, *pyproject.get("build-system", {}).get("requires", [])]
    return MaturinSettings(
        bindings=str(bindings) if bindings else None,
        features=tuple(each for each in table.get("features", []) if isinstance(each, str)),
        profile=str(profile) if profile else "release",
        with_cffi=any(re.match(r"cffi\b", str(each)) for each in required),
    )


def dependencies(
    manifest: Mapping[str, Any], workspace: Mapping[str, Any] | None = None
) -> Iterator[tuple[str, Any]]:
    """Give the dependencies in all tables of a Cargo.toml, by the crate's own name.

    Those that it inherits are looked up in the manifest of its workspace.
    """
    shared = (workspace or {}).get("workspace", {}).get("dependencies", {})
    tables = [manifest, manifest.get("workspace", {}), *manifest.get("target", {}).values()]
    for table in tables:
        for kind in DEPENDENCIES:
            for name, wanted in table.get(kind, {}).items():
                if isinstance(wanted, dict) and wanted.get("workspace"):
                    wanted = shared.get(name, wanted)
                yield (wanted.get("package", name) if isinstance(wanted, dict) else name), wanted
    for patches in (*manifest.get("patch", {}).values(), manifest.get("replace", {})):
        yield from patches.items()


def find(
    crate: Path,
    manifest: Mapping[str, Any],
    workspace: Mapping[str, Any],
    settings: MaturinSettings,
) -> str | None:
    """Return the name of a crate's bindings, or None if only cargo knows them.

    A SourceError says that it has none.
    """
    named, library = settings.bindings, manifest.get("lib", {})
    if named and named != "bin":
        return named
    is_library = "cdylib" in library.get("crate-type", library.get("crate_type", []))
    if named == "bin" or (not is_library and _has_program(crate, manifest)):
        raise _is_program(crate, manifest)
    required = [name for name, _ in dependencies(manifest, workspace)]
    found = next((name for name in BINDINGS if name in required), None)
    if found is None and is_library and settings.with_cffi:
        return "cffi"
    if found or required:
        return found
    raise _no_bindings(crate)


def _has_program(crate: Path, manifest: Mapping[str, Any]) -> bool:
    sources = crate.parent / "src"
    return (
        bool(manifest.get("bin")) or (sources / "main.rs").is_file() or (sources / "bin").is_dir()
    )


def _is_program(crate: Path, manifest: Mapping[str, Any]) -> SourceError:
    name = manifest.get("package", {}).get("name", crate.parent.name)
    return SourceError(
        f"{name} is a command-line program, which a browser cannot run.",
        "Its wheel would hold an executable file instead of a module that Python can import.",
        'Add a library with `#[pymodule]` and `crate-type = ["cdylib"]` to the crate, and build '
        'with `bindings = "pyo3"`.',
        code="project.is-program",
    )


def _no_bindings(crate: Path) -> SourceError:
    return SourceError(
        f"{crate} is a Rust crate without Python bindings.",
        "It does not depend on pyo3, pyo3-ffi or uniffi, and pyproject.toml does not name cffi as "
        "its bindings, so Python cannot import it.",
        "Run `cargo add pyo3` and add a `#[pymodule]`, or start from `jupyter wasmwheel new NAME`.",
        code="project.no-bindings",
    )
