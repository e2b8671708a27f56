"""Where a project comes from: a folder, an sdist file, the package index, or a git repository."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from packaging.requirements import InvalidRequirement, Requirement

from .. import archive
from ..api.errors import SourceError, UsageError
from ..api.events import Emitter, note
from ..index import Index
from ..runtime.targets import Target
from ..store import Store
from . import git


@dataclass(frozen=True, kw_only=True)
class Source:
    """A source as the user named it: a path, a requirement for the package index, or `git+…`."""

    text: str
    kind: Literal["folder", "sdist", "pypi", "git"]


@dataclass(frozen=True, kw_only=True)
class FetchedSource:
    """A source that is at hand: its project's folder, and what tells it from every other.

    `identity` is the hash of an archive, or a commit and the folder in it; None of a folder.
    `archive` is the file that it was unpacked from.
    """

    source: Source
    folder: Path
    identity: str | None
    archive: Path | None = None

    @property
    def is_own(self) -> bool:
        """Whether it is a folder of the user's own, which he edits."""
        return self.source.kind == "folder"


def parse(text: str) -> Source:
    """The source that a SOURCE argument names; a UsageError or SourceError where it names none."""
    if text.startswith("pypi:"):
        _requirement(text)
        return Source(text=text, kind="pypi")
    if text.startswith("git+"):
        git.parse(text)
        return Source(text=text, kind="git")
    path = Path(text)
    # Unlike those of Path, these take what can be no path for one of nothing.
    if os.path.isdir(text):
        return Source(text=text, kind="folder")
    if os.path.isfile(text) and path.name.endswith(archive.SUFFIXES):
        return Source(text=text, kind="sdist")
    if os.path.isfile(text):
        raise SourceError(
            f"{text} is not a source.",
            f"It is a file, but not an sdist ({', '.join(archive.SUFFIXES)}).",
            "Name a project's folder, an sdist file, `pypi:NAME` or `git+URL`.",
            code="source.not-supported",
        )
    raise SourceError(
        f"{text} not found.",
        "A source is a folder, an sdist file, `pypi:NAME[==VERSION]` or `git+URL[@REV]`.",
        f"Check the path, or write `pypi:{text}` for a package of the package index."
        if text.replace("-", "").replace("_", "").isalnum()
        else "Check the path.",
        code="source.not-found",
    )


def _requirement(text: str) -> Requirement:
    try:
        requirement = Requirement(text.removeprefix("pypi:"))
    except InvalidRequirement as error:
        raise UsageError(
            f"Invalid requirement {text!r}.",
            str(error).splitlines()[0],
            "Write it as `pypi:NAME` or `pypi:NAME==VERSION`.",
            code="source.invalid-requirement",
        ) from error
    if requirement.url or requirement.marker or requirement.extras:
        raise UsageError(
            f"{text!r} has more than a name and a version.",
            "Only `pypi:NAME` with version specifiers can be built.",
            "Omit addresses, markers and extras.",
            code="source.extras-not-supported",
        )
    return requirement


def fetch(
    source: Source, target: Target, store: Store, emit: Emitter, *, offline: bool = False
) -> FetchedSource:
    """Bring a source to hand; archives are unpacked into the store, nothing of them is run."""
    if source.kind == "folder":
        return FetchedSource(source=source, folder=Path(source.text).resolve(), identity=None)
    if source.kind == "git":
        return _from_git(source, store, emit, offline)
    if source.kind == "sdist":
        return _unpacked(source, Path(source.text), store, emit)
    return _unpacked(source, _from_index(source, target, store, emit, offline), store, emit)


def _from_index(source: Source, target: Target, store: Store, emit: Emitter, offline: bool) -> Path:
    """The sdist of a package of the index, kept in the store; offline, the newest one kept."""
    requirement = _requirement(source.text)
    if offline:
        kept = [
            path
            for path in (store.home / "sdists").glob("*/*")
            if _matches(path.name, requirement) and path.name.endswith(archive.SUFFIXES)
        ]
        if kept:
            return max(kept, key=lambda path: path.stat().st_mtime)
    index = Index(offline=offline)
    package = index.find_sdist(requirement, target.python_version)
    name = package.link.filename
    note(emit, f"Fetching {name} from the package index.")

    def fill(folder: Path) -> None:
        index.fetch(package, folder)

    return store.install(f"sdists/{name}", fill, emit) / name


def _matches(file_name: str, requirement: Requirement) -> bool:
    from packaging.utils import InvalidSdistFilename, canonicalize_name, parse_sdist_filename

    try:
        name, version = parse_sdist_filename(file_name)
    except InvalidSdistFilename:
        return False
    return name == canonicalize_name(requirement.name) and version in requirement.specifier


def _from_git(source: Source, store: Store, emit: Emitter, offline: bool) -> FetchedSource:
    """The tree of a commit, and in it the folder that the address names."""
    address = git.parse(source.text)
    tree, commit = git.fetch(address, store, emit, offline=offline)
    folder = (tree / address.subdirectory).resolve()
    where = "at its top" if folder == tree.resolve() else f"in {address.subdirectory}"
    if not folder.is_relative_to(tree.resolve()) or not any(
        (folder / name).is_file() for name in ("pyproject.toml", "setup.py")
    ):
        raise SourceError(
            f"{address.url} has no Python package {where}.",
            f"There is no pyproject.toml {where} of commit {commit}.",
            _where_it_is(tree),
            code="git.no-package",
        )
    return FetchedSource(source=source, folder=folder, identity=f"{commit} {address.subdirectory}")


def _where_it_is(tree: Path) -> str:
    """What to write, by where in a tree there are Python packages; of many the first few."""
    found = sorted(path.parent.relative_to(tree) for path in tree.rglob("pyproject.toml"))
    folders = [folder.as_posix() for folder in found if folder != Path()][:5]
    if not folders:
        return "There is none in that repository at all; check its address."
    return "Append " + " or ".join(f"`#subdirectory={folder}`" for folder in folders) + "."


def _unpacked(source: Source, sdist: Path, store: Store, emit: Emitter) -> FetchedSource:
    """The project in an sdist, unpacked once for its hash."""
    with sdist.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    root = store.install(f"sources/{sha256[:32]}", lambda stage: _unpack(sdist, stage), emit)
    (folder,) = root.iterdir()
    return FetchedSource(source=source, folder=folder, identity=sha256, archive=sdist)


def _unpack(sdist: Path, folder: Path) -> None:
    archive.unpack(sdist, folder, within=1)
    inside = list(folder.iterdir())
    if len(inside) != 1 or not inside[0].is_dir() or inside[0].is_symlink():
        raise SourceError(
            f"{sdist.name} is not an sdist.",
            "An sdist holds one folder, NAME-VERSION; this one holds "
            f"{len(inside)} entries at its top.",
            "Make one with `maturin sdist` or `python -m build --sdist`.",
            code="source.invalid-sdist",
        )
