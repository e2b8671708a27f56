"""What a project's manifests say: its build backend, its crate, the workspace around it.

pyproject.toml is read as PEP 517 and PEP 621 define it, Cargo.toml as the Cargo book does. They
are read here rather than asked of cargo, because cargo may run what a project configures, and
because the project is looked at before there is a toolchain.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from packaging.metadata import RawMetadata, parse_email
from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import Version

from ..api.errors import SourceError

#: What builds a project. `setuptools` may compile C, which only shows when it runs; `pure` is any
#: backend that compiles nothing.
Backend = Literal["maturin", "setuptools-rust", "setuptools", "pure"]

#: The crates that make bindings for Python; a project has one of them, or it has none.
BINDINGS = ("pyo3", "pyo3-ffi", "cpython", "uniffi", "cffi")


#: The names that packages may have (PEP 508), which become those of files.
NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,198}[A-Za-z0-9])?")

_DEPENDENCIES = ("dependencies", "build-dependencies", "dev-dependencies")

#: What is read of pyproject.toml and Cargo.toml as tables and as lists; `*` is any name.
SHAPES: dict[str, type] = {
    **dict.fromkeys(("build-system", "project", "tool", "tool.maturin"), dict),
    **dict.fromkeys(("tool.setuptools-rust", "dependency-groups", "toolchain"), dict),
    **dict.fromkeys(("package", "workspace", "workspace.package", "target", "target.*"), dict),
    **dict.fromkeys(("patch", "patch.*"), dict),
    **{f"{at}{name}": dict for at in ("", "workspace.", "target.*.") for name in _DEPENDENCIES},
    **dict.fromkeys(("build-system.requires", "project.dynamic"), list),
    **dict.fromkeys((f"tool.setuptools-rust.{name}" for name in ("ext-modules", "bins")), list),
}


@dataclass(frozen=True, kw_only=True)
class Project:
    """A project, as its manifests describe it.

    `crate` is the Cargo.toml of its extension; `roots` are the folders that a build needs, the
    project's own first; `channel` is what a rust-toolchain file asks for.
    """

    folder: Path
    name: str
    version: str | None
    backend: Backend
    crate: Path | None
    roots: tuple[Path, ...]
    channel: str | None

    @property
    def label(self) -> str:
        """Name and version for a person."""
        return f"{self.name} {self.version}" if self.version else self.name


def read(folder: Path) -> Project:
    """The project in a folder; a SourceError where there is none that can be built."""
    path = folder / "pyproject.toml"
    if not path.is_file() and not (folder / "setup.py").is_file():
        raise _no_pyproject(folder)
    pyproject = load_toml(path) if path.is_file() else {}
    backend = _backend(folder, pyproject)
    crate = None
    if backend == "maturin":
        crate = _crate(folder, pyproject)
        _require_bindings(crate, pyproject)
    elif backend == "setuptools-rust":
        crate = _crate_of_setuptools(folder, pyproject)
    manifest = load_toml(crate) if crate else {}
    table = pyproject.get("project", {})
    info = _pkg_info(folder)
    name = table.get("name", info.get("name", manifest.get("package", {}).get("name")))
    if name is None:
        name = re.sub(r"[^A-Za-z0-9]+", "-", folder.name).strip("-") or "package"
    if not NAME.fullmatch(str(name)):
        raise SourceError(
            f"Invalid package name in {folder}: {str(name)!r:.100}.",
            "A package's name has letters, digits, `-`, `_` and `.`, and at most 200 of them.",
            "Correct `name` in its pyproject.toml or Cargo.toml.",
            code="project.invalid-name",
        )
    version = table.get("version") or info.get("version")
    roots = tuple(_roots(folder, crate, table))
    return Project(
        folder=folder,
        name=str(name),
        version=str(version) if version else _crate_version(crate, manifest) if crate else None,
        backend=backend,
        crate=crate,
        roots=roots,
        channel=_channel(folder, roots),
    )


def requirements(folder: Path) -> tuple[Requirement, ...] | None:
    """What a project requires, as its static metadata says; None where only a build can tell."""
    path = folder / "pyproject.toml"
    table = load_toml(path).get("project") if path.is_file() else None
    info = _pkg_info(folder)
    if table and "dependencies" not in table.get("dynamic", []):
        lines = table.get("dependencies", [])
    elif "requires-dist" not in map(str.lower, info.get("dynamic", [])) and _is_static(info):
        lines = info.get("requires_dist", [])
    else:
        return None
    try:
        return tuple(Requirement(str(line)) for line in lines)
    except InvalidRequirement as error:
        raise SourceError(
            f"Invalid requirement in {folder}.",
            str(error),
            "Correct it (PEP 508).",
            code="project.invalid-requirement",
        ) from error


def _is_static(info: RawMetadata) -> bool:
    """Whether an sdist's metadata says which of its fields a build may change (PEP 643)."""
    return Version(info.get("metadata_version", "1.0")) >= Version("2.2")


def load_toml(path: Path) -> dict[str, Any]:
    """The contents of a TOML file; a SourceError where it is none, or has other things in it."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SourceError(
            f"{path} cannot be read.",
            f"It is not valid TOML: {error}.",
            "Correct that line.",
            code="project.invalid-toml",
        ) from error
    for name, shape in SHAPES.items():
        for found in _found(data, name.split(".")):
            if not isinstance(found, shape):
                word = "table" if shape is dict else "list"
                raise SourceError(
                    f"{path} cannot be read.",
                    f"{name} in it is no {word}.",
                    "Correct it there.",
                    code="project.invalid-value",
                )
    return data


def _found(data: Any, names: list[str]) -> list[Any]:
    """What a TOML file has under some names, of which `*` is any."""
    if not names:
        return [data]
    if not isinstance(data, dict):
        return []
    below = data.values() if names[0] == "*" else [data[names[0]]] if names[0] in data else []
    return [each for value in below for each in _found(value, names[1:])]


def _pkg_info(folder: Path) -> RawMetadata:
    """What an sdist's own metadata says; nothing where there is none."""
    path = folder / "PKG-INFO"
    return parse_email(path.read_bytes())[0] if path.is_file() else {}


def _no_pyproject(folder: Path) -> SourceError:
    cargo = folder / "Cargo.toml"
    if cargo.is_file():
        if not _has_bindings(load_toml(cargo)):
            return _no_bindings(cargo)
        return SourceError(
            f"{folder} has no pyproject.toml.",
            "It holds a Rust crate with Python bindings, but nothing says how to build a Python "
            "package of it.",
            "Run `maturin init` in it, or add a pyproject.toml with `[build-system]` naming "
            "maturin.",
            code="project.no-build-system",
        )
    return SourceError(
        f"{folder} has no pyproject.toml.",
        "That file says how a Python package is built, and there is no Cargo.toml either.",
        "Name the folder of a Python package, or make one with `jupyter wasmwheel new NAME`.",
        code="project.no-pyproject",
    )


def _backend(folder: Path, pyproject: dict[str, Any]) -> Backend:
    system = pyproject.get("build-system", {})
    requires = " ".join(map(str, system.get("requires", []))).lower().replace("_", "-")
    if "maturin" in str(system.get("build-backend", "")) or "maturin" in requires:
        return "maturin"
    if "setuptools-rust" in requires:
        return "setuptools-rust"
    if (folder / "Cargo.toml").is_file():
        raise SourceError(
            f"{folder} has a Rust crate, but its build backend does not build Rust.",
            f"pyproject.toml names {system.get('build-backend') or 'no backend'}.",
            "Name maturin or setuptools-rust in `[build-system]`, or build the folder without "
            "its Cargo.toml.",
            code="project.backend-without-rust",
        )
    named = str(system.get("build-backend", "setuptools"))
    # A backend of the project's own, beside it, mostly wraps setuptools.
    return "setuptools" if "setuptools" in f"{named} {requires}" else "pure"


def _crate(folder: Path, pyproject: dict[str, Any]) -> Path:
    """Where maturin looks for the crate: `manifest-path`, else the folder, else `rust/`."""
    named = pyproject.get("tool", {}).get("maturin", {}).get("manifest-path")
    places = [named] if named else ["Cargo.toml", "rust/Cargo.toml", "native/Cargo.toml"]
    for place in places:
        if (folder / place).is_file():
            return (folder / place).resolve()
    raise SourceError(
        f"{folder} has no Cargo.toml.",
        f"Its build backend is maturin, which looks for {' or '.join(map(str, places))}.",
        "Add the crate, or set `manifest-path` under `[tool.maturin]`.",
        code="project.no-cargo-toml",
    )


def _crate_of_setuptools(folder: Path, pyproject: dict[str, Any]) -> Path:
    """Where setuptools-rust looks: what pyproject.toml or setup.py names, else the nearest crate.

    setup.py is a program and is not run here; a path in it is taken where it is written out.
    """
    table = pyproject.get("tool", {}).get("setuptools-rust", {})
    extensions = [*table.get("ext-modules", []), *table.get("bins", [])]
    places = [str(each["path"]) for each in extensions if "path" in each]
    setup = folder / "setup.py"
    if setup.is_file():
        text = setup.read_text(encoding="utf-8", errors="replace")
        places += re.findall(r"""["']([^"'\n]*Cargo\.toml)["']""", text)
    for place in [*places, "Cargo.toml"]:
        if (folder / place).is_file():
            return (folder / place).resolve()
    found = sorted(folder.glob("*/Cargo.toml")) or sorted(folder.glob("*/*/Cargo.toml"))
    if found:
        return found[0].resolve()
    raise SourceError(
        f"{folder} has no Cargo.toml.",
        "It is built by setuptools-rust, which compiles a crate.",
        "Add the crate, or set `path` of its RustExtension.",
        code="project.no-cargo-toml",
    )


def _require_bindings(crate: Path, pyproject: dict[str, Any]) -> None:
    chosen = pyproject.get("tool", {}).get("maturin", {}).get("bindings")
    if chosen not in BINDINGS and not _has_bindings(load_toml(crate)):
        raise _no_bindings(crate)


def _no_bindings(crate: Path) -> SourceError:
    return SourceError(
        f"{crate} is a Rust crate without Python bindings.",
        f"It depends on none of {', '.join(BINDINGS[:2])}, uniffi or cffi, so Python has nothing "
        "to import.",
        "Add them with `cargo add pyo3` and a `#[pymodule]`, or start from "
        "`jupyter wasmwheel new NAME`.",
        code="project.no-bindings",
    )


def _has_bindings(manifest: dict[str, Any]) -> bool:
    return any(name in BINDINGS for name, _ in _dependencies(manifest))


def _dependencies(manifest: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every dependency that a Cargo.toml names, in all of its tables, by the crate's own name."""
    tables = [manifest, manifest.get("workspace", {}), *manifest.get("target", {}).values()]
    for table in tables:
        for kind in _DEPENDENCIES:
            for name, wanted in table.get(kind, {}).items():
                yield (wanted.get("package", name) if isinstance(wanted, dict) else name), wanted
    for patches in manifest.get("patch", {}).values():
        yield from patches.items()


def _crate_version(crate: Path, manifest: dict[str, Any]) -> str | None:
    version = manifest.get("package", {}).get("version")
    if isinstance(version, dict):
        root = workspace_root(crate)
        table = load_toml(root / "Cargo.toml").get("workspace", {}) if root else {}
        version = table.get("package", {}).get("version")
    return str(version) if version else None


def workspace_root(crate: Path) -> Path | None:
    """The folder of the workspace that a crate is a member of, found as cargo finds it."""
    package = load_toml(crate).get("package", {})
    if "workspace" in package:
        return (crate.parent / str(package["workspace"])).resolve()
    for folder in (crate.parent, *crate.parent.parents):
        manifest = folder / "Cargo.toml"
        if manifest.is_file() and "workspace" in load_toml(manifest):
            return folder
    return None


def _roots(folder: Path, crate: Path | None, table: dict[str, Any]) -> Iterator[Path]:
    """The folders and files that a build reads: the project, its workspace, path dependencies."""
    yield folder
    readme = table.get("readme")
    if isinstance(readme, dict):
        readme = readme.get("file")
    if readme and (folder / str(readme)).is_file() and ".." in Path(str(readme)).parts:
        yield (folder / str(readme)).resolve()
    seen: set[Path] = set()
    waiting = [crate] if crate else []
    while waiting:
        manifest = waiting.pop()
        if manifest in seen or not manifest.is_file():
            continue
        seen.add(manifest)
        yield manifest.parent
        root = workspace_root(manifest)
        if root:
            waiting.append(root / "Cargo.toml")
        for _, wanted in _dependencies(load_toml(manifest)):
            if isinstance(wanted, dict) and "path" in wanted:
                waiting.append((manifest.parent / str(wanted["path"]) / "Cargo.toml").resolve())


def _channel(folder: Path, roots: tuple[Path, ...]) -> str | None:
    """What a rust-toolchain file asks for; rustup looks in the folder and those above it."""
    top = min((root for root in roots if root.is_dir()), key=lambda root: len(root.parts))
    for place in (folder, *folder.parents):
        for name in ("rust-toolchain.toml", "rust-toolchain"):
            path = place / name
            if path.is_file():
                text = path.read_text(encoding="utf-8", errors="replace")
                if "[" in text:
                    wanted = load_toml(path).get("toolchain", {}).get("channel")
                    return str(wanted) if wanted else None
                return text.strip() or None
        if place == top:
            break
    return None
