"""The facts about a package that other build tools need, read from its source without a build."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from msgspec import Struct
from packaging.metadata import RawMetadata
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from .. import text_files
from ..api.errors import SourceError, UsageError
from ..api.report import CargoSettings, Patch
from ..package_metadata import parse_requirement
from ..project import git, manifest
from ..project.edits import EditPreview, Edits
from ..project.manifest import Backend, Project
from ..project.recipes import NO_SETTINGS
from ..project.source import FetchedSource
from ..runtime.lock import Lock
from ..runtime.packages import applicable
from ..runtime.targets import TRIPLE, Target

#: Where PyPI serves sdists under names that follow from their own.
PYPI = "https://files.pythonhosted.org/packages/source"

#: The variable with rustc's flags for the target, and the flags for a side module.
RUSTFLAGS = f"CARGO_TARGET_{TRIPLE.upper().replace('-', '_')}_RUSTFLAGS"
SIDE_MODULE = "-C link-arg=-sSIDE_MODULE=2 -C link-arg=-sWASM_BIGINT"

#: The variable with arguments for maturin when it is called by a build frontend.
MATURIN_ARGUMENTS = "MATURIN_PEP517_ARGS"


class Sdist(Struct, frozen=True, kw_only=True):
    """A source on PyPI."""

    url: str
    file_name: str
    sha256: str


class Commit(Struct, frozen=True, kw_only=True):
    """A source in a git repository; `folder` is that of the package in it."""

    url: str
    commit: str
    folder: PurePosixPath


class Checkout(Struct, frozen=True, kw_only=True):
    """A folder of this machine; `inside` is its path in its repository."""

    folder: Path
    inside: PurePosixPath


class Package(Struct, frozen=True, kw_only=True):
    """A package with its source, its edits, and the settings for cargo.

    `requires` are its dependencies on the target; `lacking` are those that Pyodide does not have.
    `modules` are its top-level modules, as far as its files name them.
    """

    name: str
    version: str
    target: Target
    backend: Backend
    origin: Sdist | Commit | Checkout
    requires: tuple[str, ...]
    lacking: tuple[str, ...]
    modules: tuple[str, ...]
    summary: str
    home: str
    license: str
    patches: tuple[Patch, ...]
    cargo: CargoSettings

    @property
    def label(self) -> str:
        """Return the name and the version."""
        return f"{self.name} {self.version}"

    @property
    def has_rust(self) -> bool:
        """Return whether its build compiles Rust."""
        return self.backend in ("maturin", "setuptools-rust")

    @property
    def patch(self) -> str:
        """Return all edits as one text for `patch -p1`, each after its reason.

        Blank lines of context have no space, as editors leave them; patch accepts that.
        """
        parts = []
        for each in self.patches:
            lines = each.diff.splitlines()[2:]
            body = "\n".join("" if line == " " else line for line in lines)
            parts.append(f"{each.why}\n--- a/{each.file}\n+++ b/{each.file}\n{body}\n")
        return "\n".join(parts)

    @property
    def maturin_arguments(self) -> str:
        """Return the arguments of maturin for the features; empty for the default ones."""
        words = [f"--features {feature}" for feature in self.cargo.features]
        if not self.cargo.default_features:
            words.append("--no-default-features")
        return " ".join(words)

    @property
    def cfgs(self) -> str:
        """Return the arguments of rustc for the `cfg`s."""
        return " ".join(f"--cfg {cfg}" for cfg in self.cargo.cfg)


def read(preview: EditPreview, wanted: CargoSettings, target: Target, lock: Lock) -> Package:
    """Return the package in a source, with the requested features, for a target with a lock."""
    project, edits = preview.project, preview.edits
    info = manifest.pkg_info(project.folder)
    pyproject = manifest.load_pyproject(project.folder)
    table = pyproject.get("project", {})
    optional = {canonicalize_name(name) for name in edits.make_optional}
    requires = tuple(
        requirement.name
        for requirement in applicable(_requirements(info, table), lock)
        if canonicalize_name(requirement.name) not in optional
    )
    recipe = edits.recipe.cargo if edits.recipe else NO_SETTINGS
    package = Package(
        name=project.name,
        version=project.version or _no_version(project),
        target=target,
        backend=project.backend,
        origin=_origin(preview.fetched, project),
        requires=requires,
        lacking=tuple(name for name in requires if lock.get(name) is None),
        modules=tuple(dict.fromkeys(_modules(project, pyproject))),
        summary=(info.get("summary") or table.get("description") or "").replace("\n", " "),
        home=_home(info, table),
        license=_license(info, table),
        patches=preview.patches,
        cargo=CargoSettings(
            features=(*wanted.features, *recipe.features),
            default_features=recipe.default_features and wanted.default_features,
            cfg=recipe.cfg,
        ),
    )
    _refuse(package, edits)
    return package


def _refuse(package: Package, edits: Edits) -> None:
    """Refuse a package that only jupyter-wasmwheel can build."""
    recipe = edits.recipe
    crates = [each.dependency for each in recipe.replace if each.dependency] if recipe else []
    outside = [each.file for each in package.patches if each.file.startswith("..")]
    if crates or outside:
        what = f"crates of the registry ({', '.join(crates)})" if crates else ", ".join(outside)
        raise SourceError(
            f"Could not export {package.label}: its recipe edits {what}.",
            "Other build tools can only edit the package's own files.",
            "Require a version of them that has the edit, or use `--recipe none`.",
            code="export.recipe-not-exportable",
        )
    if package.backend == "setuptools-rust" and package.maturin_arguments:
        raise UsageError(
            f"Could not export {package.label} with other features than its own.",
            "Its backend, setuptools-rust, takes features only from its configuration.",
            "Set them under `[[tool.setuptools-rust.ext-modules]]`, and omit the options.",
            code="export.features-not-exportable",
        )


def _no_version(project: Project) -> str:
    raise SourceError(
        f"{project.name} has no static version.",
        "Its version is only known after a build.",
        f"Export a release that is on PyPI: `pypi:{project.name}`.",
        code="export.version-unknown",
    )


def _origin(fetched: FetchedSource, project: Project) -> Sdist | Commit | Checkout:
    """Return the place from which others get the source."""
    kind, text = fetched.source.kind, fetched.source.text
    if kind == "pypi" and fetched.archive:
        file_name = fetched.archive.name
        stem = file_name.removesuffix(".tar.gz").removesuffix(".zip").rpartition("-")[0]
        assert fetched.identity, "an archive has a hash"
        url = f"{PYPI}/{stem[0].lower()}/{stem}/{file_name}"
        return Sdist(url=url, file_name=file_name, sha256=fetched.identity)
    if kind == "git":
        address = git.parse(text)
        if address.local:
            raise UsageError(
                f"{text} is a local repository, which others cannot fetch.",
                "An exported file must work on other machines.",
                "Use its public address or, for a workflow of its own repository, a folder.",
                code="export.local-repository",
            )
        commit = (fetched.identity or "").split()[0]
        return Commit(url=address.url, commit=commit, folder=address.subdirectory)
    if kind == "folder":
        folder = project.folder
        top = next((up for up in (folder, *folder.parents) if (up / ".git").exists()), folder)
        return Checkout(folder=folder, inside=PurePosixPath(folder.relative_to(top).as_posix()))
    raise UsageError(
        f"{text} is a local file, which others cannot fetch.",
        "An exported file must work on other machines.",
        f"Use `pypi:{project.name}=={project.version}` if it is on PyPI. Otherwise unpack it and "
        "use the folder.",
        code="export.local-file",
    )


def _requirements(info: RawMetadata, table: Mapping[str, Any]) -> Iterator[Requirement]:
    """Yield the requirements in a package's files; skip invalid ones."""
    for line in info.get("requires_dist") or table.get("dependencies", []):
        try:
            yield parse_requirement(line)
        except InvalidRequirement:
            continue


def _home(info: RawMetadata, table: Mapping[str, Any]) -> str:
    urls = info.get("project_urls") or table.get("urls", {})
    known = {label.lower().replace("-", ""): url for label, url in urls.items()}
    labels = ("homepage", "repository", "source", "source code", "github")
    named = [known[label] for label in labels if label in known]
    return info.get("home_page") or next(iter([*named, *known.values()]), "")


def _license(info: RawMetadata, table: Mapping[str, Any]) -> str:
    declared = table.get("license")
    text = declared.get("text", "") if isinstance(declared, dict) else declared
    found = str(info.get("license_expression") or info.get("license") or text or "")
    return found if "\n" not in found else ""


def _modules(project: Project, pyproject: Mapping[str, Any]) -> Iterator[str]:
    """Yield the top-level modules that a package's files name."""
    for listing in sorted(project.folder.glob("**/*.egg-info/top_level.txt")):
        yield from text_files.read_text(listing).split()
    if project.backend == "maturin" and project.crate:
        settings = pyproject.get("tool", {}).get("maturin", {})
        crate = manifest.load_toml(project.crate)
        library = crate.get("lib", {}).get("name") or crate.get("package", {}).get("name", "")
        yield str(settings.get("module-name") or library).partition(".")[0].replace("-", "_")
        yield from (str(name).partition(".")[0] for name in settings.get("python-packages", []))
