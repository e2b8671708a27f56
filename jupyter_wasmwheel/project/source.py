"""Sources of projects: folders, sdist files, the package index and git repositories."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Literal

from msgspec import Struct
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidSdistFilename, canonicalize_name, parse_sdist_filename

from .. import archive
from ..api.errors import SourceError, UsageError
from ..api.events import Emitter, note
from ..index import Index, stated_hash
from ..package_metadata import parse_requirement
from ..runtime.targets import Target
from ..store import Store
from . import git

#: The folder in a store of the sources that a server sent to a worker (jobs/payload.py).
SENT_FOLDER = "shipped"


class Source(Struct, frozen=True, kw_only=True):
    """A source as the user passed it: a path, `pypi:REQUIREMENT` or `git+URL`."""

    text: str
    kind: Literal["folder", "sdist", "pypi", "git"]


class FetchedSource(Struct, frozen=True, kw_only=True):
    """A source on disk; `folder` is its project's.

    `tree` holds all of its files, and `identity` is the hash of its archive, or its commit and the
    folder in it; both are None for a folder of this machine. `archive` is the file that it was
    unpacked from. `origin` is what stays the same when its branch gets new commits.
    """

    source: Source
    folder: Path
    tree: Path | None = None
    identity: str | None = None
    archive: Path | None = None
    origin: str | None = None

    @property
    def is_own(self) -> bool:
        """Return whether this is a folder that the user edits, even if another machine sent it."""
        return self.source.kind == "folder"


def parse(text: str) -> Source:
    """Parse a SOURCE argument; a UsageError or SourceError says what is wrong with it."""
    if text.startswith("pypi:"):
        _requirement(text)
        return Source(text=text, kind="pypi")
    if text.startswith("git+"):
        git.parse(text)
        return Source(text=text, kind="git")
    path = Path(text)
    # Unlike the methods of Path, these accept invalid paths.
    if os.path.isdir(text):
        return Source(text=text, kind="folder")
    if os.path.isfile(text) and path.name.endswith(archive.SUFFIXES):
        return Source(text=text, kind="sdist")
    if os.path.isfile(text):
        raise SourceError(
            f"{text} is not a source.",
            f"It is a file, but not an sdist ({', '.join(archive.SUFFIXES)}).",
            "Pass a project's folder, an sdist file, `pypi:NAME` or `git+URL`.",
            code="source.not-supported",
        )
    raise SourceError(
        f"{text} not found.",
        "A source is a folder, an sdist file, `pypi:NAME[==VERSION]` or `git+URL[@REV]`.",
        f"Check the path, or pass `pypi:{text}` for a package on the package index."
        if text.replace("-", "").replace("_", "").isalnum()
        else "Check the path.",
        code="source.not-found",
    )


def _requirement(text: str) -> Requirement:
    try:
        requirement = parse_requirement(text.removeprefix("pypi:"))
    except InvalidRequirement as error:
        raise UsageError(
            f"Invalid requirement {text!r}.",
            str(error).splitlines()[0],
            "Write it as `pypi:NAME` or `pypi:NAME==VERSION`.",
            code="source.invalid-requirement",
        ) from error
    if requirement.url or requirement.marker or requirement.extras:
        raise UsageError(
            f"Invalid requirement {text!r}.",
            "A URL, a marker or extras are not supported here.",
            "Write it as `pypi:NAME` or `pypi:NAME==VERSION`.",
            code="source.extras-not-supported",
        )
    return requirement


def fetch(
    source: Source, target: Target, store: Store, emit: Emitter, *, offline: bool = False
) -> FetchedSource:
    """Fetch a source, unpacking archives into the store; none of its code is run."""
    if source.kind == "folder":
        return _from_folder(source, store)
    if source.kind == "git":
        return _from_git(source, store, emit, offline)
    if source.kind == "sdist":
        return _unpacked(source, Path(source.text), store, emit)
    return _unpacked(source, _from_index(source, target, store, emit, offline), store, emit)


def _from_folder(source: Source, store: Store) -> FetchedSource:
    """Return a folder; one that another machine sent must not leave what was sent."""
    folder, sent = Path(source.text).resolve(), (store.home / SENT_FOLDER).resolve()
    if not folder.is_relative_to(sent):
        return FetchedSource(source=source, folder=folder)
    key_and_source = folder.relative_to(sent).parts[:2]
    return FetchedSource(source=source, folder=folder, tree=sent.joinpath(*key_and_source))


def _from_index(source: Source, target: Target, store: Store, emit: Emitter, offline: bool) -> Path:
    """Fetch an sdist from the index into the store; offline, return the newest one there."""
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
    _, _, digits = (stated_hash(package.link) or "").partition(":")
    # Another index can have another file of this name.
    key = digits or hashlib.sha256(package.link.normalized.encode()).hexdigest()
    note(emit, f"Fetching {name} from the package index.")

    def fill(folder: Path) -> None:
        index.fetch(package, folder)

    return store.install(f"sdists/{key[:32]}", fill, emit) / name


def _matches(file_name: str, requirement: Requirement) -> bool:
    try:
        name, version = parse_sdist_filename(file_name)
    except InvalidSdistFilename:
        return False
    return name == canonicalize_name(requirement.name) and version in requirement.specifier


def _from_git(source: Source, store: Store, emit: Emitter, offline: bool) -> FetchedSource:
    """Fetch the tree of a commit, and find the folder that the address names in it."""
    address = git.parse(source.text)
    tree, commit = git.fetch(address, store, emit, offline=offline)
    tree = tree.resolve()
    folder = (tree / address.subdirectory).resolve()
    place = "at its top" if folder == tree else f"in {address.subdirectory}"
    if not folder.is_relative_to(tree) or not any(
        (folder / name).is_file() for name in ("pyproject.toml", "setup.py")
    ):
        raise SourceError(
            f"{address.url} has no Python package {place}.",
            f"There is no pyproject.toml {place} of commit {commit}.",
            _suggest_subdirectory(tree),
            code="git.no-package",
        )
    return FetchedSource(
        source=source,
        folder=folder,
        tree=tree,
        identity=f"{commit} {address.subdirectory}",
        origin=f"{address.url} {address.subdirectory}",
    )


def fetch_history(
    fetched: FetchedSource, store: Store, emit: Emitter, *, offline: bool
) -> Path | None:
    """Fetch the commits and tags of a source in a git repository, None of any other."""
    if fetched.source.kind != "git" or not fetched.identity:
        return None
    commit = fetched.identity.split()[0]
    return git.fetch_history(git.parse(fetched.source.text), commit, store, emit, offline=offline)


def _suggest_subdirectory(tree: Path) -> str:
    found = sorted(path.parent.relative_to(tree) for path in tree.rglob("pyproject.toml"))
    folders = [folder.as_posix() for folder in found if folder != Path()][:5]
    if not folders:
        return "Check the address: this repository has no Python package."
    return "Append " + " or ".join(f"`#subdirectory={folder}`" for folder in folders) + "."


def _unpacked(source: Source, sdist: Path, store: Store, emit: Emitter) -> FetchedSource:
    """Unpack an sdist, once for its hash."""
    with sdist.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    root = store.install(f"sources/{sha256[:32]}", lambda stage: _unpack(sdist, stage), emit)
    (folder,) = root.resolve().iterdir()
    return FetchedSource(source=source, folder=folder, tree=folder, identity=sha256, archive=sdist)


def _unpack(sdist: Path, folder: Path) -> None:
    archive.unpack(sdist, folder, within=1)
    inside = list(folder.iterdir())
    if len(inside) != 1 or not inside[0].is_dir() or inside[0].is_symlink():
        raise SourceError(
            f"{sdist.name} is not an sdist.",
            "An sdist contains one folder, NAME-VERSION; this archive has "
            f"{len(inside)} entries at its top.",
            "Create one with `maturin sdist` or `python -m build --sdist`.",
            code="source.invalid-sdist",
        )
