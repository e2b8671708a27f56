"""What other build tools want to know of a package, read from its source without building it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from packaging.metadata import RawMetadata, parse_email
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from ..api.errors import SourceError, UsageError
from ..api.report import CargoSettings, Patch
from ..project import git, manifest
from ..project.edits import EditPreview, Edits
from ..project.manifest import Backend, Project
from ..project.recipes import NO_SETTINGS
from ..project.source import FetchedSource
from ..runtime.lock import Lock
from ..runtime.packages import applicable
from ..runtime.targets import TRIPLE, Target

#: Where PyPI serves an sdist under a name that can be told from its own.
PYPI = "https://files.pythonhosted.org/packages/source"

#: The variable with rustc's flags for the target, and those that a side module needs by emcc.
RUSTFLAGS = f"CARGO_TARGET_{TRIPLE.upper().replace('-', '_')}_RUSTFLAGS"
SIDE_MODULE = "-C link-arg=-sSIDE_MODULE=2 -C link-arg=-sWASM_BIGINT"

#: The variable in which maturin takes arguments where nobody calls it by hand.
MATURIN_ARGUMENTS = "MATURIN_PEP517_ARGS"


@dataclass(frozen=True, kw_only=True)
class Sdist:
    """A source that anybody can fetch from PyPI."""

    url: str
    file_name: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Commit:
    """A source that anybody can fetch by git; `folder` is the package's in it."""

    url: str
    commit: str
    folder: PurePosixPath


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """A folder of this machine; `inside` is its path in the repository that it belongs to."""

    folder: Path
    inside: PurePosixPath


@dataclass(frozen=True, kw_only=True)
class Package:
    """A package, where its source is, what it is edited by, and what cargo is told.

    `requires` are the names of what it depends on in the target's runtime; `lacking` are those of
    them that Pyodide does not have. `modules` are its top-level ones, as far as its files say it.
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
        """Name and version."""
        return f"{self.name} {self.version}"

    @property
    def has_rust(self) -> bool:
        """Whether Rust is compiled for it."""
        return self.backend in ("maturin", "setuptools-rust")

    @property
    def patch(self) -> str:
        """All edits in one text for `patch -p1`, each after its reason; empty where there are none.

        A blank line of context is left blank, as editors leave it; patch takes it so.
        """
        parts = []
        for each in self.patches:
            lines = each.diff.splitlines()[2:]
            body = "\n".join("" if line == " " else line for line in lines)
            parts.append(f"{each.why}\n--- a/{each.file}\n+++ b/{each.file}\n{body}\n")
        return "\n".join(parts)

    @property
    def maturin_arguments(self) -> str:
        """What maturin is given for the features that are wanted; empty for the usual ones."""
        words = [word for feature in self.cargo.features for word in ("--features", feature)]
        return " ".join(
            [*words, *([] if self.cargo.default_features else ["--no-default-features"])]
        )

    @property
    def cfgs(self) -> str:
        """What rustc is given for the `cfg`s that are wanted."""
        return " ".join(f"--cfg {cfg}" for cfg in self.cargo.cfg)


def read(preview: EditPreview, wanted: CargoSettings, target: Target, lock: Lock) -> Package:
    """Return the package in a source, for a target whose runtime has a lock.

    `wanted` are the features that are asked for.
    """
    project, edits = preview.project, preview.edits
    info = _pkg_info(project.folder)
    path = project.folder / "pyproject.toml"
    pyproject = manifest.load_toml(path) if path.is_file() else {}
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
    """Refuse what only this package's own build can do."""
    recipe = edits.recipe
    crates = [each.dependency for each in recipe.replace if each.dependency] if recipe else []
    outside = [each.file for each in package.patches if each.file.startswith("..")]
    if crates or outside:
        what = f"crates of the registry ({', '.join(crates)})" if crates else ", ".join(outside)
        raise SourceError(
            f"{package.label} cannot be exported: its recipe edits {what}.",
            "Other build tools edit nothing but the package's own files.",
            "Have the edit made where it belongs, and require that version; or `--recipe none`.",
            code="export.recipe-not-exportable",
        )
    if package.backend == "setuptools-rust" and package.maturin_arguments:
        raise UsageError(
            f"{package.label} cannot be exported with other features than its own.",
            "Its backend is setuptools-rust, which takes features from its configuration alone.",
            "Set them under `[[tool.setuptools-rust.ext-modules]]`, and leave the options away.",
            code="export.features-not-exportable",
        )


def _no_version(project: Project) -> str:
    raise SourceError(
        f"{project.name} has no static version.",
        "It is worked out when the package is built.",
        f"Name a release that is on PyPI: `pypi:{project.name}`.",
        code="export.version-unknown",
    )


def _origin(fetched: FetchedSource, project: Project) -> Sdist | Commit | Checkout:
    """Where others get the source."""
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
                "What is exported is for others.",
                "Name its public address; or a folder with the package, to export for that.",
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
        "What is exported is for others.",
        f"If it is on PyPI, name it `pypi:{project.name}=={project.version}`; or unpack it, and "
        "name the folder.",
        code="export.local-file",
    )


def _pkg_info(folder: Path) -> RawMetadata:
    path = folder / "PKG-INFO"
    return parse_email(path.read_bytes())[0] if path.is_file() else {}


def _requirements(info: RawMetadata, table: Mapping[str, Any]) -> Iterator[Requirement]:
    """The requirements that a package's files say; one that cannot be read is left out."""
    for line in info.get("requires_dist") or table.get("dependencies", []):
        try:
            yield Requirement(line)
        except InvalidRequirement:
            continue


def _home(info: RawMetadata, table: Mapping[str, Any]) -> str:
    urls = info.get("project_urls") or table.get("urls", {})
    known = {label.lower().replace("-", ""): url for label, url in urls.items()}
    labels = ("homepage", "repository", "source", "source code", "github")
    named = [known[label] for label in labels if label in known]
    return info.get("home_page") or next(iter([*named, *known.values()]), "")


def _license(info: RawMetadata, table: Mapping[str, Any]) -> str:
    said = table.get("license")
    text = said.get("text", "") if isinstance(said, dict) else said
    found = info.get("license_expression") or info.get("license") or text or ""
    return found if "\n" not in found else ""


def _modules(project: Project, pyproject: Mapping[str, Any]) -> Iterator[str]:
    """The top-level modules that a package's files name."""
    for listing in sorted(project.folder.glob("**/*.egg-info/top_level.txt")):
        yield from listing.read_text(encoding="utf-8").split()
    if project.backend == "maturin" and project.crate:
        settings = pyproject.get("tool", {}).get("maturin", {})
        crate = manifest.load_toml(project.crate)
        library = crate.get("lib", {}).get("name") or crate.get("package", {}).get("name", "")
        yield str(settings.get("module-name") or library).partition(".")[0].replace("-", "_")
        yield from (str(name).partition(".")[0] for name in settings.get("python-packages", []))
