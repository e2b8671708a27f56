"""A private copy of a project and the workspace around it, so that a build never touches it.

The copy is kept between builds and brought up to date, with the times of the files, so that cargo
compiles again only what has changed. What a build edits is written into the copy at once, so that
a file that is edited as before stays as it is.
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
from .manifest import Project, load_toml

#: Folders that are no part of a source: what tools and version control leave behind.
IGNORED_FOLDERS = frozenset(
    {
        ".git",
        ".hg",
        ".mypy_cache",
        ".nox",
        ".pytest_cache",
        ".ruff_cache",
        ".svn",
        ".tox",
        ".venv",
        "__pycache__",
        "node_modules",
    }
)


#: Files and folders of a project that hold logins by their kind; they stay on this machine.
PRIVATE_NAMES = (
    *(".aws", ".docker", ".env", ".env.*", ".envrc", ".git-credentials", ".gnupg", ".htpasswd"),
    *(".kube", ".netrc", ".npmrc", ".pgpass", ".pypirc", ".ssh", "_netrc", "id_dsa", "id_ecdsa"),
    *("id_ed25519", "id_rsa"),
)
PRIVATE_CARGO_FILES = ("credentials", "credentials.toml")


@dataclass(frozen=True, kw_only=True)
class Copy:
    """A private copy: `top` stands for the folder `original`, and holds the same paths below it.

    One that is `unlocked` has none of the project's own lock files: cargo selects all versions.
    """

    top: Path
    original: Path
    folder: Path
    unlocked: bool = False

    def locate(self, name: str, base: Path | None = None) -> str:
        """The user's own file for a path in the copy; relative ones are from `base`."""
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
    """Bring the copy of a project up to date: changed files are copied, vanished ones removed.

    Links that lead out of the project are followed. With `leaving`, for a copy that goes to another
    machine, they are left out, and so are files outside that the project names, and those that hold
    logins by their kind; it is called with each.
    """
    folders = [root if root.is_dir() else root.parent for root in project.roots]
    original = Path(os.path.commonpath([str(folder) for folder in folders]))
    top.mkdir(parents=True, exist_ok=True)
    copying = _Copying(changes, bounds(project) if leaving else None, leaving)
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
    """What may leave this machine with a project: its `folders`, and files of its `checkout`."""

    folders: tuple[Path, ...]
    checkout: Path | None

    def hold(self, path: Path) -> bool:
        """Check whether what a path leads to may leave."""
        real = path.resolve()
        tops = [*self.folders, *([self.checkout] if self.checkout and not real.is_dir() else [])]
        inside = [real.relative_to(top) for top in tops if real.is_relative_to(top)]
        return any(
            not IGNORED_FOLDERS & {*path.parts} and not any(map(_is_private, (path, *path.parents)))
            for path in inside
        ) and not _is_private(real)


def bounds(project: Project) -> Bounds:
    """Return what may leave this machine with a project; a SourceError where that is the home."""
    folders = tuple(root.resolve() for root in project.roots if root.is_dir())
    home = Path.home().resolve()
    for folder in folders:
        if home.is_relative_to(folder):
            raise SourceError(
                f"{folder} is not sent to another machine.",
                "It is a project or a workspace, but it is your home folder or has it in it.",
                "Move the project into a folder of its own.",
                code="cluster.home-folder",
            )
    own = project.folder.resolve()
    checkout = next((up for up in (own, *own.parents) if (up / ".git").exists()), None)
    is_home = checkout is not None and home.is_relative_to(checkout)
    return Bounds(folders=folders, checkout=None if is_home else checkout)


def files_outside(project: Project) -> list[str]:
    """Return the read-me and license files that a project names and that may not leave with it."""
    path = project.folder / "pyproject.toml"
    table = load_toml(path).get("project", {}) if path.is_file() else {}
    package = load_toml(project.crate).get("package", {}) if project.crate else {}
    patterns = table.get("license-files")
    values = [table.get("readme"), table.get("license"), *_list(patterns)]
    named = [(project.folder, value) for value in values]
    if project.crate:
        named += [(project.crate.parent, package.get(key)) for key in ("readme", "license-file")]
    inside = bounds(project)
    return [
        file
        for folder, value in named
        if isinstance(file := value.get("file") if isinstance(value, dict) else value, str)
        and _is_path(folder, file)
        and not inside.hold(folder / file)
    ]


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _is_path(folder: Path, text: str) -> bool:
    """Check whether a text is a path rather than the name of a license (`license = "MIT"`)."""
    return ".." in Path(text).parts or Path(text).is_absolute() or (folder / text).exists()


def copy_folder(folder: Path, target: Path, changes: tuple[Change, ...]) -> None:
    """Bring the copy of a single folder up to date."""
    copying = _Copying(changes)
    copying.folder(folder, target)
    copying.end(target)


def unlock(copy: Copy) -> Copy:
    """Remove cargo's lock files from a copy, and return it as one without."""
    for path in copy.top.rglob("Cargo.lock"):
        path.unlink()
    return dataclasses.replace(copy, unlocked=True)


def digest(copy: Copy) -> str:
    """A hash over all files of a copy, by name and content, less cargo's own lock files.

    A lock file that cargo wrote into the copy says what it chose, not what was asked for.
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
    """The roots that are not inside of another one."""
    return [
        root
        for root in dict.fromkeys(roots)
        if not any(other != root and other in root.parents for other in roots)
    ]


def is_source(folder: Path) -> bool:
    """Whether a folder is part of a source; what tools and compilers left behind is not."""
    if folder.name == "target":
        return not (folder / "CACHEDIR.TAG").is_file()
    return folder.name not in IGNORED_FOLDERS and not (folder / "pyvenv.cfg").is_file()


def _is_private(path: Path) -> bool:
    is_of_cargo = path.parent.name == ".cargo" and path.name in PRIVATE_CARGO_FILES
    return is_of_cargo or any(fnmatch(path.name, pattern) for pattern in PRIVATE_NAMES)


class _Copying:
    """One run of copying: what is to be in the copy, and with which text where it is edited."""

    def __init__(
        self,
        changes: tuple[Change, ...],
        bounds: Bounds | None = None,
        leaving: Callable[[Path], None] | None = None,
    ) -> None:
        self._edited = {change.path: change for change in changes}
        self._bounds = bounds
        self._leaving = leaving
        self._used: set[Path] = set()
        self._kept: set[Path] = set()

    def may_follow(self, path: Path) -> bool:
        """Check whether what a path leads to belongs into the copy; say so where it does not."""
        if self._bounds is None or self._bounds.hold(path):
            return True
        if self._leaving:
            self._leaving(path)
        return False

    def folder(self, source: Path, target: Path) -> None:
        """Copy a folder, and what its links lead to."""
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
        """Copy a file, or write its edited text, unless it is there already.

        A copy has its original's time. A dangling link is left out.
        """
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
            # It was edited before and is not any more; cargo only sees that in a newer time.
            os.utime(target)

    def configuration(self, original: Path, top: Path) -> None:
        """Copy cargo's configuration from above the project, which it would have read there."""
        for folder in (original, *original.parents):
            for name in ("config.toml", "config"):
                path = folder / ".cargo" / name
                if path.is_file() and folder != Path.home():
                    # Above the project it may be the user's own, with the tokens of registries.
                    if self._leaving is None or folder == original:
                        self.file(path, top / ".cargo" / name)
                    else:
                        self._leaving(path)
                    return

    def end(self, top: Path) -> None:
        """Remove what is no more; a SourceError for an edited file that is none of the build's."""
        for path, change in self._edited.items():
            if path not in self._used:
                raise SourceError(
                    f"{change.file} cannot be edited.",
                    "It is in none of the folders that the build works on.",
                    "Name a file of the project itself.",
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
