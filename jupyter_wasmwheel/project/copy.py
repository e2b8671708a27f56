"""A private copy of a project and the workspace around it, so that a build never touches it.

The copy is kept between builds and brought up to date, with the times of the files, so that cargo
compiles again only what has changed.
"""

from __future__ import annotations

import filecmp
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

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


def refresh(project: Project, top: Path) -> Copy:
    """Bring the copy of a project up to date: changed files are copied, vanished ones removed."""
    folders = [root if root.is_dir() else root.parent for root in project.roots]
    original = Path(os.path.commonpath([str(folder) for folder in folders]))
    top.mkdir(parents=True, exist_ok=True)
    kept: set[Path] = set()
    for root in _outermost(project.roots):
        if root.is_dir():
            _copy_folder(root, top / root.relative_to(original), kept)
        else:
            _copy_file(root, top / root.relative_to(original), kept)
    for crate in {root / "Cargo.lock" for root in folders if (root / "Cargo.lock").is_file()}:
        _copy_file(crate, top / crate.relative_to(original), kept)
    _copy_configuration(original, top, kept)
    _remove_others(top, kept)
    return Copy(top=top, original=original, folder=top / project.folder.relative_to(original))


def drop_lock_files(copy: Copy) -> None:
    """Remove cargo's lock files from a copy, so that cargo chooses all versions anew."""
    for path in copy.top.rglob("Cargo.lock"):
        path.unlink()


def _outermost(roots: tuple[Path, ...]) -> list[Path]:
    """The roots that are not inside of another one."""
    return [
        root
        for root in dict.fromkeys(roots)
        if not any(other != root and other in root.parents for other in roots)
    ]


def _copy_folder(source: Path, target: Path, kept: set[Path]) -> None:
    for folder, names, files in os.walk(source):
        names[:] = [name for name in names if _belongs(Path(folder) / name)]
        here = target / Path(folder).relative_to(source)
        here.mkdir(parents=True, exist_ok=True)
        kept.add(here)
        for name in files:
            _copy_file(Path(folder) / name, here / name, kept)
        for name in names:
            link = Path(folder) / name
            if link.is_symlink() and link.resolve() not in (link, *link.parents):
                _copy_folder(link.resolve(), here / name, kept)


def _belongs(folder: Path) -> bool:
    if folder.name == "target":
        return not (folder / "CACHEDIR.TAG").is_file()
    return folder.name not in LEFT_OUT and not (folder / "pyvenv.cfg").is_file()


def _copy_file(source: Path, target: Path, kept: set[Path]) -> None:
    """Copy a file with its time, unless it is there already; a dangling link is left out."""
    if not source.is_file():
        return
    kept.add(target)
    kept.update(target.parents)
    if target.is_file() and filecmp.cmp(source, target, shallow=True):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)


def _copy_configuration(original: Path, top: Path, kept: set[Path]) -> None:
    """Copy cargo's configuration from above the project, which it would have read there."""
    for folder in (original, *original.parents):
        for name in ("config.toml", "config"):
            path = folder / ".cargo" / name
            if path.is_file() and folder != Path.home():
                _copy_file(path, top / ".cargo" / name, kept)
                return


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
