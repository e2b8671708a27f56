"""A project's manifests: its build backend, its crate and the workspace around it.

pyproject.toml is read as PEP 517 and PEP 621 define it, Cargo.toml as the Cargo book does. cargo
is not used: it can run what a project configures, and the toolchain is chosen only later.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct
from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import Version

from .. import text_files
from ..api.errors import SourceError
from ..package_metadata import PARSE_ERRORS, parse_requirement, parse_version
from ..text_files import match, named
from . import bindings
from .bindings import DEPENDENCIES, NO_MATURIN_SETTINGS, MaturinSettings

if TYPE_CHECKING:
    from packaging.metadata import RawMetadata

#: What a project's build is expected to use, by its requirements; what it does use shows when it
#: runs. `pure` is any backend that is not known to compile.
Backend = Literal["maturin", "setuptools-rust", "setuptools", "pure"]

#: Valid package names (PEP 508); they become file names.
NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,198}[A-Za-z0-9])?")

#: The types of the values that are read from pyproject.toml and Cargo.toml; `*` is any name.
SHAPES: dict[str, type] = {
    **dict.fromkeys(("build-system", "project", "tool", "tool.maturin"), dict),
    **dict.fromkeys(("tool.setuptools-rust", "dependency-groups", "toolchain"), dict),
    **dict.fromkeys(("lib", "features", "profile", "profile.*"), dict),
    **dict.fromkeys(("package", "workspace", "workspace.package", "target", "target.*"), dict),
    **dict.fromkeys(("patch", "patch.*", "replace", "source", "source.*"), dict),
    **{f"{at}{name}": dict for at in ("", "workspace.", "target.*.") for name in DEPENDENCIES},
    **dict.fromkeys(("build-system.requires", "project.dynamic", "paths"), list),
    **dict.fromkeys(("tool.maturin.features", "lib.crate-type", "project.dependencies"), list),
    **dict.fromkeys(("workspace.members", "bin", "example", "test", "bench"), list),
    **dict.fromkeys((f"tool.setuptools-rust.{name}" for name in ("ext-modules", "bins")), list),
    **dict.fromkeys(("tool.poetry", "tool.poetry.dependencies", "project.urls"), dict),
    **dict.fromkeys(("tool.pytest", "tool.pytest.ini_options"), dict),
    **dict.fromkeys(("build-system.backend-path", "dependency-groups.*", "lib.crate_type"), list),
}

#: The types of the items of these lists.
ITEMS: dict[str, type] = {
    **dict.fromkeys(("build-system.requires", "build-system.backend-path"), str),
    **dict.fromkeys(("project.dynamic", "project.dependencies", "workspace.members"), str),
    **dict.fromkeys(("bin", "example", "test", "bench"), dict),
    **dict.fromkeys((f"tool.setuptools-rust.{name}" for name in ("ext-modules", "bins")), dict),
}

#: Matches the fields of an sdist's metadata that are used, with their continuation lines.
_USED_FIELDS = re.compile(
    r"^(?:dynamic|home-page|license|license-expression|metadata-version|name|project-url"
    r"|requires-dist|requires-python|version):.*(?:\n[ \t].*)*\n?",
    re.IGNORECASE | re.MULTILINE,
)


class Project(Struct, frozen=True, kw_only=True):
    """A project, as its manifests describe it.

    `crate` is the Cargo.toml of its extension, if the manifests name one, and `bindings` are those
    that they name for it; `is_maturin` says that its backend is maturin itself. `roots` are the
    folders and files that a build reads, the project's own folder first; `channel` is what a
    rust-toolchain file requests. `tree` is the folder that a fetched source must not leave, None
    for a folder of the user's own, and `history` the repository with its commit and tags, if its
    build reads them. Only the files of one that `is_own` can be edited by the user.
    """

    folder: Path
    name: str
    version: str | None
    backend: Backend
    crate: Path | None
    roots: tuple[Path, ...]
    channel: str | None
    tree: Path | None = None
    history: Path | None = None
    is_own: bool = True
    is_maturin: bool = False
    bindings: str | None = None

    @property
    def label(self) -> str:
        """Return name and version for messages."""
        return f"{self.name} {self.version}" if self.version else self.name


def read(folder: Path, tree: Path | None = None) -> Project:
    """Read the project in a folder, all of whose files must be in `tree` if that is given."""
    cargo = folder / "Cargo.toml"
    if not _has_manifest(folder) and cargo.is_file():
        bindings.find(cargo, load_toml(cargo), {}, NO_MATURIN_SETTINGS)
    require_manifest(folder)
    pyproject = load_pyproject(folder)
    backend = _backend(folder, pyproject)
    is_maturin = _is_maturin(pyproject)
    crate = _crate(folder, pyproject, backend, tree)
    if crate is None and is_maturin:
        raise _no_crate(folder, pyproject)
    manifest = load_toml(crate) if crate else {}
    found_bindings = None
    if crate and is_maturin:
        root = workspace_root(crate, tree)
        workspace = load_toml(root / "Cargo.toml") if root else {}
        found_bindings = bindings.find(crate, manifest, workspace, bindings.settings(pyproject))
    table = pyproject.get("project", {})
    info = pkg_info(folder)
    name = table.get("name", info.get("name", manifest.get("package", {}).get("name")))
    if name is None:
        name = re.sub(r"[^A-Za-z0-9]+", "-", folder.name).strip("-") or "package"
    if not NAME.fullmatch(str(name)):
        raise SourceError(
            f"Invalid package name in {folder}: {str(name)!r:.100}.",
            "A package name consists of at most 200 letters, digits, `-`, `_` and `.`.",
            "Correct `name` in its pyproject.toml or Cargo.toml.",
            code="project.invalid-name",
        )
    version = table.get("version") or info.get("version")
    roots = tuple(_roots(folder, crate, table, tree))
    return Project(
        folder=folder,
        name=str(name),
        version=str(version) if version else _crate_version(crate, manifest, tree),
        backend=backend,
        crate=crate,
        roots=roots,
        channel=_channel(folder, tree),
        tree=tree,
        is_maturin=is_maturin,
        bindings=found_bindings,
    )


def maturin_settings(folder: Path) -> MaturinSettings:
    """Return maturin's settings of the project in a folder."""
    return bindings.settings(load_pyproject(folder))


def requirements(folder: Path) -> tuple[Requirement, ...] | None:
    """Return a project's static requirements, or None if only a build can list them."""
    table = load_pyproject(folder).get("project")
    info = pkg_info(folder)
    if table and "dependencies" not in table.get("dynamic", []):
        lines = table.get("dependencies", [])
    elif "requires-dist" not in map(str.lower, info.get("dynamic", [])) and _is_static(info):
        lines = info.get("requires_dist", [])
    else:
        return None
    try:
        return tuple(map(parse_requirement, lines))
    except InvalidRequirement as error:
        raise SourceError(
            f"Invalid requirement in {folder}.",
            str(error),
            "Correct it (PEP 508).",
            code="project.invalid-requirement",
        ) from error


def _is_static(info: RawMetadata) -> bool:
    """Return whether an sdist's metadata lists the fields that a build can change (PEP 643)."""
    version = parse_version(info.get("metadata_version", "1.0"))
    return version is not None and version >= Version("2.2")


def load_pyproject(folder: Path) -> dict[str, Any]:
    """Load the pyproject.toml of a folder; an empty table if there is only a setup.py."""
    path = folder / "pyproject.toml"
    return load_toml(path) if path.is_file() else {}


def load_toml(path: Path) -> dict[str, Any]:
    """Load a TOML file and check its shape; a SourceError says what is wrong with it."""
    data = text_files.read_toml(path)
    for name, shape in SHAPES.items():
        for found in _found(data, name.split(".")):
            if not isinstance(found, shape):
                raise _wrong_value(path, name, "table" if shape is dict else "list")
    for name, shape in ITEMS.items():
        for found in _found(data, name.split(".")):
            if not all(isinstance(item, shape) for item in found):
                kind = "tables" if shape is dict else "strings"
                raise _wrong_value(path, name, f"list of {kind}")
    return data


def _wrong_value(path: Path, name: str, expected: str) -> SourceError:
    return SourceError(
        f"Could not read {path}.",
        f"`{name}` must be a {expected}.",
        "Correct that value.",
        code="project.invalid-value",
    )


def _found(data: Any, names: list[str]) -> list[Any]:
    """Return the values under some names, of which `*` is any."""
    if not names:
        return [data]
    if not isinstance(data, dict):
        return []
    below = data.values() if names[0] == "*" else [data[names[0]]] if names[0] in data else []
    return [each for value in below for each in _found(value, names[1:])]


def pkg_info(folder: Path) -> RawMetadata:
    """Return an sdist's own metadata, or an empty one."""
    path = folder / "PKG-INFO"
    if not path.is_file():
        return {}
    from packaging.metadata import parse_email  # slow to import

    head = text_files.read_text(path).partition("\n\n")[0]
    try:
        # parse_email takes quadratic time for fields with different names.
        return parse_email("".join(_USED_FIELDS.findall(head)))[0]
    except PARSE_ERRORS:
        return {}


def require_manifest(folder: Path) -> None:
    """Raise a SourceError if a folder is no Python package, without reading any of its files."""
    if _has_manifest(folder):
        return
    if (folder / "Cargo.toml").is_file():
        raise SourceError(
            f"{folder} has no pyproject.toml.",
            "It is a Rust crate with Python bindings, but no build backend is configured.",
            "Run `maturin init` in it, or add a pyproject.toml that names maturin in "
            "`[build-system]`.",
            code="project.no-build-system",
        )
    raise SourceError(
        f"{folder} has no pyproject.toml.",
        "That file configures the build of a Python package. There is no Cargo.toml either.",
        "Pass the folder of a Python package, or create one with `jupyter wasmwheel new NAME`.",
        code="project.no-pyproject",
    )


def _has_manifest(folder: Path) -> bool:
    return any((folder / name).is_file() for name in ("pyproject.toml", "setup.py"))


def _is_maturin(pyproject: dict[str, Any]) -> bool:
    """Return whether the build backend is maturin itself, not a wrapper of it."""
    system = pyproject.get("build-system", {})
    return system.get("build-backend") == "maturin" and not system.get("backend-path")


def _backend(folder: Path, pyproject: dict[str, Any]) -> Backend:
    system = pyproject.get("build-system", {})
    named = str(system.get("build-backend", "setuptools"))
    tools = f"{named} {' '.join(map(str, system.get('requires', [])))}".lower().replace("_", "-")
    if "maturin" in tools:
        return "maturin"
    if "setuptools-rust" in tools or "setuptools_rust" in _setup_py(folder):
        return "setuptools-rust"
    # In-tree backends mostly wrap setuptools.
    return "setuptools" if "setuptools" in tools else "pure"


def _crate(
    folder: Path, pyproject: dict[str, Any], backend: Backend, tree: Path | None
) -> Path | None:
    """Find the crate that the manifests name, as the project's build tools do."""
    if backend == "maturin":
        places = _places_of_maturin(pyproject)
    elif backend == "setuptools-rust":
        places = [*_places_of_setuptools(folder, pyproject), "Cargo.toml"]
    else:
        return None
    pyproject_toml = folder / "pyproject.toml"
    for place in places:
        path = named(folder, place, pyproject_toml)
        if path.is_file():
            return text_files.require_within(tree, path, pyproject_toml)
    for pattern in ("*/Cargo.toml", "*/*/Cargo.toml") if backend == "setuptools-rust" else ():
        if found := match(folder, [pattern], pyproject_toml, tree):
            return found[0]
    return None


def _places_of_maturin(pyproject: dict[str, Any]) -> list[str]:
    """Return the paths at which maturin looks for the crate."""
    named = pyproject.get("tool", {}).get("maturin", {}).get("manifest-path")
    return [str(named)] if named else ["Cargo.toml", "rust/Cargo.toml", "native/Cargo.toml"]


def _places_of_setuptools(folder: Path, pyproject: dict[str, Any]) -> list[str]:
    """Return the paths of crates in pyproject.toml and setup.py.

    setup.py is not run: only paths that are literals in it are found.
    """
    table = pyproject.get("tool", {}).get("setuptools-rust", {})
    extensions = [*table.get("ext-modules", []), *table.get("bins", [])]
    places = [str(each["path"]) for each in extensions if "path" in each]
    return [*places, *re.findall(r"""["']([^"'\n\0]{0,200}Cargo\.toml)["']""", _setup_py(folder))]


def _setup_py(folder: Path) -> str:
    """Return the text of a project's setup.py, empty if it has none."""
    path = folder / "setup.py"
    return text_files.read_text(path) if path.is_file() else ""


def _no_crate(folder: Path, pyproject: dict[str, Any]) -> SourceError:
    return SourceError(
        f"{folder} has no Cargo.toml.",
        f"maturin, its build backend, looks for {' or '.join(_places_of_maturin(pyproject))}.",
        "Add the crate, or set `manifest-path` under `[tool.maturin]`.",
        code="project.no-cargo-toml",
    )


def _crate_version(crate: Path | None, manifest: dict[str, Any], tree: Path | None) -> str | None:
    version = manifest.get("package", {}).get("version")
    if crate and isinstance(version, dict):
        root = workspace_root(crate, tree)
        table = load_toml(root / "Cargo.toml").get("workspace", {}) if root else {}
        version = table.get("package", {}).get("version")
    return str(version) if version else None


def workspace_root(crate: Path, tree: Path | None) -> Path | None:
    """Find the folder of a crate's workspace as cargo does; above `tree` nothing is searched."""
    package = load_toml(crate).get("package", {})
    if "workspace" in package:
        return named(crate.parent, package["workspace"], crate, tree)
    for folder in (crate.parent, *crate.parent.parents):
        manifest = folder / "Cargo.toml"
        if manifest.is_file() and "workspace" in load_toml(manifest):
            return folder
        if folder == tree:
            break
    return None


def _roots(
    folder: Path, crate: Path | None, table: dict[str, Any], tree: Path | None
) -> Iterator[Path]:
    """Give the folders and files that a build reads: the project, its workspace, path crates."""
    yield folder
    for value in (table.get("readme"), table.get("license")):
        file = value.get("file") if isinstance(value, dict) else value
        if isinstance(file, str) and ".." in Path(file).parts:
            path = named(folder, file, folder / "pyproject.toml")
            if path.is_file():
                yield text_files.require_within(tree, path, folder / "pyproject.toml")
    for configuration in _configurations(folder, tree):
        crate_folders(configuration, tree)
    seen: set[Path] = set()
    waiting = [crate] if crate else []
    while waiting:
        manifest = waiting.pop()
        if manifest in seen or not manifest.is_file():
            continue
        seen.add(manifest)
        yield manifest.parent
        root = workspace_root(manifest, tree)
        if root:
            waiting.append(root / "Cargo.toml")
        _require_targets_within(tree, manifest)
        waiting += _other_crates(manifest, tree)


def _other_crates(manifest: Path, tree: Path | None) -> Iterator[Path]:
    """Give the manifests of the path crates and the workspace's members in a Cargo.toml."""
    data, folder = load_toml(manifest), manifest.parent
    folders = [
        named(folder, wanted["path"], manifest, tree)
        for _, wanted in bindings.dependencies(data)
        if isinstance(wanted, dict) and "path" in wanted
    ]
    folders += match(folder, data.get("workspace", {}).get("members", []), manifest, tree)
    for each in folders:
        yield named(each, "Cargo.toml", manifest, tree)


def _require_targets_within(tree: Path | None, manifest: Path) -> None:
    """Refuse source files outside the tree that a Cargo.toml names, such as `[lib] path`."""
    data = load_toml(manifest)
    targets = [data.get("lib", {})]
    targets += [each for kind in ("bin", "example", "test", "bench") for each in data.get(kind, [])]
    for target in targets:
        if isinstance(target, dict) and "path" in target:
            named(manifest.parent, target["path"], manifest, tree)


def _configurations(folder: Path, tree: Path | None) -> Iterator[Path]:
    """Give the files of cargo's configuration in a fetched source, from a folder to its top."""
    for place in (folder, *folder.parents) if tree else ():
        for name in ("config.toml", "config"):
            if (place / ".cargo" / name).is_file():
                yield place / ".cargo" / name
        if place == tree:
            return


def crate_folders(path: Path, tree: Path | None = None) -> list[Path]:
    """Return the folders with crates that a file of cargo's configuration names."""
    configuration = load_toml(path)
    names = [
        source[kind]
        for source in configuration.get("source", {}).values()
        for kind in ("directory", "local-registry")
        if kind in source
    ]
    names += [
        wanted["path"]
        for _, wanted in bindings.dependencies(configuration)
        if isinstance(wanted, dict) and "path" in wanted
    ]
    names += configuration.get("paths", [])
    return [named(path.parent.parent, name, path, tree) for name in names]


def _channel(folder: Path, tree: Path | None) -> str | None:
    """Return the channel that a rust-toolchain file requests, found as rustup does.

    Above `tree` nothing is searched.
    """
    for place in (folder, *folder.parents):
        for name in ("rust-toolchain", "rust-toolchain.toml"):
            path = place / name
            if path.is_file():
                text = text_files.read_text(path)
                if "[" in text:
                    wanted = load_toml(path).get("toolchain", {}).get("channel")
                    return str(wanted) if wanted else None
                return text.strip() or None
        if place == tree:
            break
    return None
