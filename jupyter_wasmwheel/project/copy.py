"""A private copy of a project and its workspace, so that a build never touches the original.

The copy is kept between builds and updated with the files' times, so that cargo compiles again only
what has changed. Edited files are written directly, so that the same edit leaves its file alone.
"""

from __future__ import annotations

import dataclasses
import filecmp
import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from ..api.errors import SourceError
from .edits import Change
from .manifest import Project, load_toml, require_within

#: Folders of tools and version control, which are not part of a source.
IGNORED_FOLDERS = {
    *(".git", ".hg", ".mypy_cache", ".nox", ".pytest_cache", ".ruff_cache", ".svn", ".tox"),
    *(".venv", "__pycache__", "node_modules"),
}

#: Files and folders that usually hold logins, which are never sent to another machine.
PRIVATE_NAMES = (
    *(".aws", ".docker", ".env", ".env.*", ".envrc", ".git-credentials", ".gnupg", ".htpasswd"),
    *(".kube", ".netrc", ".npmrc", ".pgpass", ".pypirc", ".ssh", "_netrc", "id_dsa", "id_ecdsa"),
    *("id_ed25519", "id_rsa"),
)
PRIVATE_CARGO_FILES = ("credentials", "credentials.toml")


@dataclass(frozen=True, kw_only=True)
class Copy:
    """A private copy: `top` is the copy of the folder `original`, and `folder` the project's in it.

    An `unlocked` copy has no lock files of the project: cargo selects all versions.
    """

    top: Path
    original: Path
    folder: Path
    unlocked: bool = False

    def locate(self, name: str, base: Path | None = None) -> str:
        """Return the user's own file for a path in the copy; a relative one starts at `base`."""
        path = (base or self.folder) / name
        try:
            return str(self.original / path.relative_to(self.top))
        except ValueError:
            return name


def refresh(
    project: Project,
    top: Path,
    changes: tuple[Change, ...] = (),
    *,
    leaving: Callable[[Path], None] | None = None,
) -> Copy:
    """Update the copy of a project: copy changed files, and remove those that no longer exist.

    Links that lead out of a user's own project are followed. With `leaving`, for a copy that is
    sent to another machine, they are left out, and so are files outside the project and those that
    usually hold logins; it is called with each.
    """
    folders = [root if root.is_dir() else root.parent for root in project.roots]
    original = Path(os.path.commonpath([str(folder) for folder in folders]))
    top.mkdir(parents=True, exist_ok=True)
    copying = _Copying(changes, project.tree, bounds(project) if leaving else None, leaving)
    for root in _outermost(project.roots):
        if root.is_dir():
            copying.folder(root, top / root.relative_to(original))
        elif copying.may_follow(root):
            copying.file(root, top / root.relative_to(original))
    for crate in {root / "Cargo.lock" for root in folders if (root / "Cargo.lock").is_file()}:
        copying.file(crate, top / crate.relative_to(original))
    copying.configuration(original, top)
    copying.end(top)
    return Copy(top=top, original=original, folder=top / project.folder.relative_to(original))


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What can be sent to another machine: a project's `folders`, and files of its `checkout`."""

    folders: tuple[Path, ...]
    checkout: Path | None

    def contain(self, path: Path) -> bool:
        """Check whether the target of a path can be sent."""
        real = Path(os.path.realpath(path))
        tops = [*self.folders, *([self.checkout] if self.checkout and not real.is_dir() else [])]
        inside = [real.relative_to(top) for top in tops if real.is_relative_to(top)]
        return any(
            not IGNORED_FOLDERS & {*path.parts} and not any(map(_is_private, (path, *path.parents)))
            for path in inside
        ) and not _is_private(real)


def bounds(project: Project) -> Bounds:
    """Return what can be sent with a project; a SourceError if that includes the home folder."""
    folders = tuple(root.resolve() for root in project.roots if root.is_dir())
    home = Path.home().resolve()
    for folder in folders:
        if home.is_relative_to(folder):
            raise SourceError(
                f"{folder} is not sent to another machine.",
                "This project or workspace is your home folder, or contains it.",
                "Move the project into its own folder.",
                code="cluster.home-folder",
            )
    own = project.folder.resolve()
    checkout = next((up for up in (own, *own.parents) if (up / ".git").exists()), None)
    is_home = checkout is not None and home.is_relative_to(checkout)
    return Bounds(folders=folders, checkout=None if is_home else checkout)


def files_outside(project: Project) -> list[str]:
    """Return the read-me and license files of a project that cannot be sent with it."""
    path = project.folder / "pyproject.toml"
    table = load_toml(path).get("project", {}) if path.is_file() else {}
    package = load_toml(project.crate).get("package", {}) if project.crate else {}
    patterns = table.get("license-files")
    values = [table.get("readme"), table.get("license")]
    values += patterns if isinstance(patterns, list) else []
    named = [(project.folder, value) for value in values]
    if project.crate:
        named += [(project.crate.parent, package.get(key)) for key in ("readme", "license-file")]
    inside = bounds(project)
    return [
        file
        for folder, value in named
        if isinstance(file := value.get("file") if isinstance(value, dict) else value, str)
        and _is_path(folder, file)
        and not inside.contain(folder / file)
    ]


def _is_path(folder: Path, text: str) -> bool:
    """Check whether a text is a path rather than a license name (`license = "MIT"`)."""
    return ".." in Path(text).parts or Path(text).is_absolute() or (folder / text).exists()


def copy_folder(folder: Path, target: Path, changes: tuple[Change, ...]) -> None:
    """Update the copy of a single folder."""
    copying = _Copying(changes)
    copying.folder(folder, target)
    copying.end(target)


def unlock(copy: Copy) -> Copy:
    """Remove cargo's lock files from a copy."""
    for path in copy.top.rglob("Cargo.lock"):
        path.unlink()
    return dataclasses.replace(copy, unlocked=True)


def digest(copy: Copy) -> str:
    """Return a hash of the names and contents of all files of a copy.

    Lock files that cargo wrote into the copy do not count: they are results of a build.
    """
    found = hashlib.sha256()
    for path in sorted(copy.top.rglob("*")):
        name = path.relative_to(copy.top)
        if not path.is_file() or (
            name.name == "Cargo.lock" and not (copy.original / name).is_file()
        ):
            continue
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        found.update(f"{name.as_posix()}\0{content}\n".encode())
    return found.hexdigest()


def _outermost(roots: tuple[Path, ...]) -> list[Path]:
    """Return the roots that are not inside another one."""
    return [
        root
        for root in dict.fromkeys(roots)
        if not any(other != root and other in root.parents for other in roots)
    ]


def is_source(folder: Path) -> bool:
    """Check whether a folder is part of a source rather than the output of a tool."""
    if folder.name == "target":
        return not (folder / "CACHEDIR.TAG").is_file()
    return folder.name not in IGNORED_FOLDERS and not (folder / "pyvenv.cfg").is_file()


def _is_private(path: Path) -> bool:
    is_of_cargo = path.parent.name == ".cargo" and path.name in PRIVATE_CARGO_FILES
    return is_of_cargo or any(fnmatch(path.name, pattern) for pattern in PRIVATE_NAMES)


class _Copying:
    """One update of a copy; a fetched source must not leave its `tree`."""

    def __init__(
        self,
        changes: tuple[Change, ...],
        tree: Path | None = None,
        bounds: Bounds | None = None,
        leaving: Callable[[Path], None] | None = None,
    ) -> None:
        self._edited = {change.path: change for change in changes}
        self._tree = tree
        self._bounds = bounds
        self._leaving = leaving
        self._used: set[Path] = set()
        self._kept: set[Path] = set()

    def may_follow(self, path: Path) -> bool:
        """Check whether the target of a path belongs in the copy; report one that does not."""
        # `Path.resolve` raises an error for links in a circle in Python 3.11 and 3.12.
        require_within(self._tree, Path(os.path.realpath(path)), path)
        if self._bounds is None or self._bounds.contain(path):
            return True
        if self._leaving:
            self._leaving(path)
        return False

    def folder(self, source: Path, target: Path) -> None:
        """Copy a folder and the targets of its links."""
        for folder, names, files in os.walk(source):
            names[:] = [name for name in names if self._belongs(Path(folder) / name)]
            here = target / Path(folder).relative_to(source)
            here.mkdir(parents=True, exist_ok=True)
            self._kept.add(here)
            for name in files:
                path = Path(folder) / name
                if self._leaving and _is_private(path):
                    self._leaving(path)
                elif not path.is_symlink() or self.may_follow(path):
                    self.file(path, here / name)
            for name in names:
                link = Path(folder) / name
                if (
                    link.is_symlink()
                    and link.resolve() not in (link, *link.parents)
                    and self.may_follow(link)
                ):
                    self.folder(link.resolve(), here / name)

    def _belongs(self, folder: Path) -> bool:
        if self._leaving and _is_private(folder):
            self._leaving(folder)
            return False
        return is_source(folder)

    def file(self, source: Path, target: Path) -> None:
        """Copy a file with its time, or write its edited text; a dangling link is left out."""
        if not source.is_file():
            return
        self._kept.add(target)
        self._kept.update(target.parents)
        change = self._edited.get(source)
        if change:
            self._used.add(source)
            data = change.after.encode("utf-8")
            if not target.is_file() or target.read_bytes() != data:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
            return
        was = target.stat().st_mtime_ns if target.is_file() else 0
        if was and filecmp.cmp(source, target, shallow=True):
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)
        if target.stat().st_mtime_ns <= was:
            # It is no longer edited, which cargo detects only by a newer time.
            os.utime(target)

    def configuration(self, original: Path, top: Path) -> None:
        """Copy the configuration that cargo would read in a folder above the project."""
        for folder in (original, *original.parents):
            if self._tree and not folder.is_relative_to(self._tree):
                return
            for name in ("config.toml", "config"):
                path = folder / ".cargo" / name
                if path.is_file() and folder != Path.home():
                    # Above the project it can hold the user's tokens of registries.
                    if self._leaving is None or folder == original:
                        self.file(path, top / ".cargo" / name)
                    else:
                        self._leaving(path)
                    return

    def end(self, top: Path) -> None:
        """Remove other files; a SourceError if an edited file was not among those copied."""
        for path, change in self._edited.items():
            if path not in self._used:
                raise SourceError(
                    f"Could not edit {change.file}.",
                    "It is not in a folder that the build uses.",
                    "Name a file of the project.",
                    code="recipe.file-outside-project",
                )
        _remove_others(top, self._kept)


def _remove_others(top: Path, kept: set[Path]) -> None:
    for folder, names, files in os.walk(top, topdown=False):
        for name in files:
            path = Path(folder) / name
            if path not in kept and name != "Cargo.lock":
                path.unlink()
        for name in names:
            path = Path(folder) / name
            if path not in kept and not path.is_symlink():
                shutil.rmtree(path)
