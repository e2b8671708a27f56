"""A private copy of a project and the workspace around it, so that a build never touches it.

The copy is kept between builds and brought up to date, with the times of the files, so that cargo
compiles again only what has changed. What a build edits is written into the copy at once, so that
a file that is edited as before stays as it is.
"""

from __future__ import annotations

import filecmp
import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from ..api.errors import SourceError
from .edits import Change
from .manifest import Project

#: Folders that are no part of a source: what tools and version control leave behind.
LEFT_OUT = frozenset(
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


@dataclass(frozen=True, kw_only=True)
class Copy:
    """A private copy: `top` stands for the folder `original`, and holds the same paths below it."""

    top: Path
    original: Path
    folder: Path

    def locate(self, name: str, base: Path | None = None) -> str:
        """The user's own file for a path in the copy; relative ones are from `base`."""
        path = (base or self.folder) / name
        try:
            return str(self.original / path.relative_to(self.top))
        except ValueError:
            return name


def refresh(project: Project, top: Path, changes: tuple[Change, ...] = ()) -> Copy:
    """Bring the copy of a project up to date: changed files are copied, vanished ones removed."""
    folders = [root if root.is_dir() else root.parent for root in project.roots]
    original = Path(os.path.commonpath([str(folder) for folder in folders]))
    top.mkdir(parents=True, exist_ok=True)
    copying = _Copying(changes)
    for root in _outermost(project.roots):
        if root.is_dir():
            copying.folder(root, top / root.relative_to(original))
        else:
            copying.file(root, top / root.relative_to(original))
    for crate in {root / "Cargo.lock" for root in folders if (root / "Cargo.lock").is_file()}:
        copying.file(crate, top / crate.relative_to(original))
    copying.configuration(original, top)
    copying.end(top)
    return Copy(top=top, original=original, folder=top / project.folder.relative_to(original))


def copy_folder(folder: Path, target: Path, changes: tuple[Change, ...]) -> None:
    """Bring the copy of a single folder up to date."""
    copying = _Copying(changes)
    copying.folder(folder, target)
    copying.end(target)


def drop_lock_files(copy: Copy) -> None:
    """Remove cargo's lock files from a copy, so that cargo chooses all versions anew."""
    for path in copy.top.rglob("Cargo.lock"):
        path.unlink()


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


def belongs(folder: Path) -> bool:
    """Whether a folder is part of a source; what tools and compilers left behind is not."""
    if folder.name == "target":
        return not (folder / "CACHEDIR.TAG").is_file()
    return folder.name not in LEFT_OUT and not (folder / "pyvenv.cfg").is_file()


class _Copying:
    """One run of copying: what is to be in the copy, and with which text where it is edited."""

    def __init__(self, changes: tuple[Change, ...]) -> None:
        self._edited = {change.path: change for change in changes}
        self._used: set[Path] = set()
        self._kept: set[Path] = set()

    def folder(self, source: Path, target: Path) -> None:
        """Copy a folder, and what its links lead to."""
        for folder, names, files in os.walk(source):
            names[:] = [name for name in names if belongs(Path(folder) / name)]
            here = target / Path(folder).relative_to(source)
            here.mkdir(parents=True, exist_ok=True)
            self._kept.add(here)
            for name in files:
                self.file(Path(folder) / name, here / name)
            for name in names:
                link = Path(folder) / name
                if link.is_symlink() and link.resolve() not in (link, *link.parents):
                    self.folder(link.resolve(), here / name)

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
                    self.file(path, top / ".cargo" / name)
                    return

    def end(self, top: Path) -> None:
        """Remove what is no more; a SourceError for an edited file that is none of the build's."""
        for path, change in self._edited.items():
            if path not in self._used:
                raise SourceError(
                    f"{change.file} cannot be edited.",
                    "It is in none of the folders that the build works on.",
                    "Name a file of the project itself.",
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
