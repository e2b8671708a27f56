"""The files that a build of a project reads, wherever they are.

Of a project in a git repository, these are the repository's; without one, the project's folders and
all that they name outside. The output of tools is no part of it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from ..safe_paths import is_of_other_user
from ..text_files import read_start
from . import outside_metadata, references, repository
from .manifest import Project, crate_folders, load_pyproject
from .repository import RepositoryFiles

#: Folders of tools and version control, which are not part of a source.
IGNORED_FOLDERS = {
    *(".git", ".hg", ".ipynb_checkpoints", ".mypy_cache", ".nox", ".pytest_cache", ".ruff_cache"),
    *(".svn", ".tox", ".venv", "__pycache__", "node_modules"),
}

#: Files by which the folder of a cache, of cargo's output, an environment or a site is known.
MARKERS = (
    *("CACHEDIR.TAG", ".rustc_info.json", "pyvenv.cfg", "conda-meta/history"),
    ".wasmwheel/site.json",
)

#: Matches the names of wheels for WebAssembly, of bytecode, and of extension modules for a single
#: platform.
_OUTPUT = re.compile(
    r".*(_wasm32\.whl|\.pyc|\.pyd|\.(cpython-|cp\d|pypy\d|graalpy|abi3)[^/]*\.(so|dylib|pyd))",
    re.DOTALL,
)

#: The first bytes of programs and libraries for Linux, macOS and Windows.
_MACHINE_CODE = (b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"MZ")

#: Matches the build requirement that reads no commit, a build script that can read it, and the
#: dependencies that do.
_MATURIN = re.compile(r"maturin\s*(?![\w.-])")
_GIT = re.compile(r"\bgit\b")
_GIT_CRATES = re.compile(
    r"^(\[.*\.)?(built|build-info|git-version|git2|gix|shadow-rs|vergen)[\w-]*\s*[.=\]]",
    re.MULTILINE,
)


class SourceFiles(Struct, frozen=True, kw_only=True):
    """Files by their paths relative to `top`, the nearest folder that contains all of them.

    `folders` are those that can be empty. Of a repository, `tracked` are the files in its index;
    `repositories` are its folder and those of its submodules, each with where git reads it.
    """

    top: Path
    files: dict[str, Path]
    folders: tuple[str, ...]
    tracked: set[Path]
    repositories: Mapping[Path, Path]


def collect(project: Project, copy: Path, *, whole: bool = True) -> SourceFiles:
    """Return the files that a build of a project reads.

    `copy` is the folder that they are copied to, which is no source. Unless `whole` is set, only
    the project's own folders count, without the rest of its repository.
    """
    return _Collecting(project, copy).collect(whole=whole)


def is_source(folder: Path) -> bool:
    """Check whether a folder is part of a source rather than the output of a tool."""
    return folder.name not in IGNORED_FOLDERS and not any(
        os.path.isfile(folder / marker)  # not an error where the path is too long
        for marker in MARKERS
    )


def reads_commit(project: Project) -> bool:
    """Check whether a build can depend on the commit and tags of the project's repository."""
    requires = load_pyproject(project.folder).get("build-system", {}).get("requires", [])
    is_plain = requires and all(_MATURIN.match(str(each)) for each in requires)
    return not is_plain or _crate_reads_commit(project)


def needs_history(project: Project) -> bool:
    """Check whether the build of a fetched source fails or has no version without its tags."""
    has_version = "version" in load_pyproject(project.folder).get("project", {})
    return _crate_reads_commit(project) or (reads_commit(project) and not has_version)


def _crate_reads_commit(project: Project) -> bool:
    for folder in project.roots:
        script, manifest = folder / "build.rs", folder / "Cargo.toml"
        if script.is_file() and _GIT.search(read_start(script)):
            return True
        if manifest.is_file() and _GIT_CRATES.search(read_start(manifest)):
            return True
    return False


class _Collecting:
    """One search for a project's files."""

    def __init__(self, project: Project, copy: Path) -> None:
        self._project = project
        #: The store that the copy is in: `copy` is STORE/work/KEY/source.
        self._store = copy.parent.parent.parent
        self._found: dict[Path, None] = {}
        self._folders: dict[Path, None] = {}
        self._known: dict[Path, bool] = {}

    def collect(self, *, whole: bool) -> SourceFiles:
        project = self._project
        listed = None if project.tree else self._list_repository()
        if listed:
            self._add_listed(listed, (listed.top,) if whole else project.roots)
            self._add_all(root for root in project.roots if not self._is_found(root))
        else:
            self._add_all([project.tree] if project.tree else project.roots)
        if project.tree is None:
            self._add_references(listed)
            for folder in project.folder.parents:
                self._add_configuration(folder)
            self._add_configured()
        tops = [listed.top] if listed and whole else [project.tree] if project.tree else []
        tops += [root if root.is_dir() else root.parent for root in project.roots]
        tops += {path.parent for path in self._found}
        top = Path(os.path.commonpath([str(each) for each in tops]))
        return SourceFiles(
            top=top,
            files={os.path.relpath(path, top): path for path in self._found} | self._moved(top),
            folders=tuple(os.path.relpath(folder, top) for folder in self._folders),
            tracked=self._tracked(listed),
            repositories=self._repositories(listed) if whole else {},
        )

    def _moved(self, top: Path) -> dict[str, Path]:
        inside = os.path.relpath(self._project.folder, top)
        return {
            os.path.normpath(os.path.join(inside, file.name)): file.path
            for file in outside_metadata.find(self._project)
        }

    def _tracked(self, listed: RepositoryFiles | None) -> set[Path]:
        if self._project.history:
            return set(self._found)
        return {listed.top / name for name in listed.tracked} if listed else set()

    def _repositories(self, listed: RepositoryFiles | None) -> dict[Path, Path]:
        project = self._project
        if project.tree and project.history:
            return {project.tree: project.history}
        return {place: place for place in (listed.top, *listed.inner)} if listed else {}

    def _list_repository(self) -> RepositoryFiles | None:
        """List the repository of the project, unless git ignores the project in it."""
        folder = self._project.folder
        top = repository.find(folder)
        listed = repository.list_files(top, self._belongs) if top else None
        if listed is None:
            return None
        inside = folder.relative_to(listed.top)
        wanted = {str(inside / name) for name in ("pyproject.toml", "setup.py")}
        return None if wanted.isdisjoint((*listed.tracked, *listed.others)) else listed

    def _add_listed(self, listed: RepositoryFiles, roots: Iterable[Path]) -> None:
        """Add the files of a repository that are in some folders."""
        within = set(roots)
        paths = dict.fromkeys(listed.top / name for name in listed.tracked)
        for name in (*listed.others, *listed.generated):
            path = listed.top / name
            if self._is_in_source(path.parent, listed.top) and not _is_output(path):
                paths[path] = None
        for path in paths:
            if listed.top in within or not within.isdisjoint((path, *path.parents)):
                self._found[path] = None

    def _is_found(self, root: Path) -> bool:
        # The methods of Path are too slow for repositories with many files.
        prefix = f"{root}{os.sep}"
        return root in self._found or any(str(path).startswith(prefix) for path in self._found)

    def _is_in_source(self, folder: Path, top: Path) -> bool:
        return folder == top or (self._belongs(folder) and self._is_in_source(folder.parent, top))

    def _add_all(self, places: Iterable[Path]) -> list[Path]:
        """Add files, and folders with all that is in them; return the new ones."""
        new = [
            path
            for place in places
            for path in (self._walk(place) if place.is_dir() else [place])
            if path not in self._found
        ]
        self._found.update(dict.fromkeys(new))
        return new

    def _walk(self, root: Path) -> Iterator[Path]:
        for folder, names, files in os.walk(root):
            here = Path(folder)
            if here in self._folders:
                names.clear()
                continue
            self._folders[here] = None
            links = [name for name in names if os.path.islink(os.path.join(folder, name))]
            names[:] = [name for name in names if name not in links and self._belongs(here / name)]
            for name in (*files, *links):
                if self._project.tree or not _is_output(here / name):
                    yield here / name

    def _add_references(self, listed: RepositoryFiles | None) -> None:
        """Add what files name outside, and what those name in turn.

        Of a repository, which is whole, only the manifests can name something outside.
        """
        roots = self._project.roots
        tops = (listed.top,) if listed else roots
        waiting = [path for path in self._found if references.is_searched(path)]
        if listed:
            waiting = [root / name for root in roots for name in ("pyproject.toml", "Cargo.toml")]
        while waiting:
            path = waiting.pop()
            top = next((top for top in tops if top in path.parents), roots[0])
            for named in references.find(path, top):
                waiting += filter(references.is_searched, self._add_all([named]))

    def _add_configuration(self, folder: Path) -> None:
        """Add cargo's configuration in a folder above the project, but not another user's.

        Cargo reads the user's own, too.
        """
        for name in ("config.toml", "config"):
            path = folder / ".cargo" / name
            is_own = folder == Path.home()
            if path.is_file() and not is_own and not is_of_other_user(path, self._project.folder):
                self._found[path] = None

    def _add_configured(self) -> None:
        """Add the folders of crates that cargo's configuration names, such as `vendor`."""
        for path in [path for path in self._found if path.parent.name == ".cargo"]:
            if path.name in ("config", "config.toml"):
                self._add_all(place for place in crate_folders(path) if place.is_dir())

    def _belongs(self, folder: Path) -> bool:
        """Check whether a folder is a source, and not the store with the copy in it."""
        if folder not in self._known:
            self._known[folder] = is_source(folder) and folder != self._store
        return self._known[folder]


def _is_output(path: Path) -> bool:
    """Check whether a file is left behind by another build."""
    name = path.name
    if _OUTPUT.fullmatch(name):
        return True
    if path.parent.name == "dist" and name.endswith((".tar.gz", ".whl")):
        return True
    if not name.endswith((".so", ".dylib")) or not (path.parent / "__init__.py").is_file():
        return False
    try:
        with path.open("rb") as stream:
            return stream.read(4).startswith(_MACHINE_CODE)
    except OSError:
        return False
