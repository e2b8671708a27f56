"""What of a project can be sent to another machine: its own files, without logins."""

from __future__ import annotations

import os
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path

from msgspec import Struct, field

from .. import text_files
from ..api.errors import SourceError
from .manifest import Project, load_pyproject, load_toml
from .sources import IGNORED_FOLDERS

#: Files and folders that usually hold logins, which are never sent to another machine.
PRIVATE_NAMES = (
    *(".aws", ".docker", ".env", ".env.*", ".envrc", ".git-credentials", ".gnupg", ".htpasswd"),
    *(".kube", ".netrc", ".npmrc", ".pgpass", ".pypirc", ".ssh", "_netrc", "id_dsa", "id_ecdsa"),
    *("id_ed25519", "id_rsa"),
)
PRIVATE_CARGO_FILES = ("credentials", "credentials.toml")


def _ignore(path: Path) -> None:
    pass


class Bounds(Struct, frozen=True, kw_only=True):
    """What can be sent to another machine: a project's `folders`, and files of its `checkout`.

    `leaving` is called once with each file or folder that is not sent. Of cargo's configuration
    above the project, which can have the tokens of registries, only `tracked` files are sent.
    """

    folders: tuple[Path, ...]
    checkout: Path | None
    tracked: frozenset[Path] = frozenset()
    leaving: Callable[[Path], None] = _ignore
    _left: set[Path] = field(default_factory=set)

    def contain(self, path: Path) -> bool:
        """Check whether the target of a path can be sent."""
        real = Path(os.path.realpath(path))
        tops = [*self.folders, *([self.checkout] if self.checkout and not real.is_dir() else [])]
        inside = [real.relative_to(top) for top in tops if real.is_relative_to(top)]
        return any(
            not IGNORED_FOLDERS & {*path.parts} and not any(map(_is_private, (path, *path.parents)))
            for path in inside
        ) and not _is_private(real)

    def allow(self, path: Path) -> bool:
        """Check whether a file or folder can be sent, but not where a link leads; report it."""
        places = (path, *path.parents)
        tops = [top for top in (*self.folders, self.checkout) if top in places]
        inside = [place for place in places if any(top in place.parents for top in tops)]
        private = [place for place in inside if _is_private(place)]
        if private:
            return self._leave(private[-1])
        if path.is_symlink() or path.is_dir():
            return True
        is_above = path.parent.name == ".cargo" and not set(self.folders) & {*places}
        if not self.contain(path) or (is_above and path not in self.tracked):
            return self._leave(path)
        return True

    def allow_target(self, path: Path) -> bool:
        """Check whether the target of a link can be sent; report it."""
        return self.contain(path) or self._leave(path)

    def _leave(self, path: Path) -> bool:
        if path not in self._left:
            self._left.add(path)
            self.leaving(path)
        return False


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
    table = load_pyproject(project.folder).get("project", {})
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
        and not inside.contain(text_files.named(folder, file, project.folder / "pyproject.toml"))
    ]


def _is_path(folder: Path, text: str) -> bool:
    """Check whether a text is a path rather than a license name (`license = "MIT"`)."""
    return ".." in Path(text).parts or Path(text).is_absolute() or os.path.exists(folder / text)


def _is_private(path: Path) -> bool:
    is_of_cargo = path.parent.name == ".cargo" and path.name in PRIVATE_CARGO_FILES
    return is_of_cargo or any(fnmatch(path.name, pattern) for pattern in PRIVATE_NAMES)
