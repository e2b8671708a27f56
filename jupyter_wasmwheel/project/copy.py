"""A private copy of a project and its repository, so that a build never touches the original.

The copy is kept between builds, so that cargo compiles again only what has changed. A file that has
the size and time of the last copy is not read again. Data is shared with the original where the
file system can do that, until one of them is changed.
"""

from __future__ import annotations

import contextlib
import filecmp
import hashlib
import json
import os
import shutil
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
from msgspec import Struct, structs

from ..api.errors import SourceError
from ..safe_paths import MAX_FILE_BYTES, remove_tree
from ..store import read_file, replace_file
from ..text_files import require_within
from . import parcel, repository, sources
from .edits import Change
from .manifest import Project, workspace_root
from .parcel import Bounds
from .sources import SourceFiles, is_source

#: How much links out of a project can add to its copy, in bytes and in files, and how often one
#: folder, by links of others to it.
MAX_LINKED_BYTES, MAX_LINKED_FILES, MAX_FOLDER_COPIES = 100_000_000, 10_000, 100

#: How many folders can be above a file.
MAX_DEPTH = 100

#: The largest piece of a file that the system copies at once, in bytes.
CHUNK_BYTES = 2**30


class Copy(Struct, frozen=True, kw_only=True):
    """A private copy: `top` is the copy of the folder `original`, and `folder` the project's in it.

    The build of an `unlocked` copy can replace versions in the project's lock files. `revision`
    differs with the commit and the tags of the project's repository if its build can read them.
    `objects` are the folders of repositories from which its own borrow.
    """

    top: Path
    original: Path
    folder: Path
    unlocked: bool = False
    revision: str = ""
    objects: tuple[Path, ...] = ()

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
    try:
        found = sources.collect(project, top, whole=leaving is None)
    except RecursionError as error:
        raise _too_deep(project) from error
    if any(name.count(os.sep) > MAX_DEPTH for name in found.files):
        raise _too_deep(project)
    bounds = None
    if leaving:
        tracked = frozenset(found.tracked)
        bounds = structs.replace(parcel.bounds(project), leaving=leaving, tracked=tracked)
    copying = _Copying(top, found, changes, tree=project.tree, bounds=bounds)
    copying.run()
    revision = "".join(
        repository.write_git_folder(
            git_folder,
            top / place.relative_to(found.top),
            [os.path.relpath(path, place) for path in copying.altered if place in path.parents],
        )
        for place, git_folder in found.repositories.items()
    )
    return Copy(
        top=top,
        original=found.top,
        folder=top / project.folder.relative_to(found.top),
        revision=revision if revision and sources.reads_commit(project) else "",
        objects=tuple(
            path
            for place in found.repositories
            for path in repository.borrowed(top / place.relative_to(found.top))
        ),
    )


def _too_deep(project: Project) -> SourceError:
    return SourceError(
        f"The folders of {project.label} are nested too deeply.",
        f"It has a file with more than {MAX_DEPTH} folders above it.",
        "Remove it, or let git ignore it.",
        code="project.too-deep",
    )


def copy_folder(folder: Path, target: Path, changes: tuple[Change, ...]) -> None:
    """Update the copy of a single folder."""
    paths = [Path(place, name) for place, _, files in os.walk(folder) for name in files]
    files = {os.path.relpath(path, folder): path for path in paths}
    found = SourceFiles(top=folder, files=files, folders=(), tracked=set(), repositories={})
    _Copying(target, found, changes).run()


def unlock(copy: Copy) -> Copy:
    """Let a build replace versions in cargo's lock files, which git takes for unchanged."""
    names = [os.path.relpath(path, copy.top) for path in lock_files(copy)]
    repository.hide_changes(copy.top, names)
    return structs.replace(copy, unlocked=True)


def lock_files(copy: Copy) -> list[Path]:
    """Return the lock files of cargo in a copy."""
    return sorted(copy.top.rglob("Cargo.lock"))


def remove_false_lock_files(copy: Copy) -> None:
    """Remove lock files that a build has replaced by links out of the copy, or by other things."""
    top = os.path.realpath(copy.top)
    for folder, _, names in os.walk(copy.top):  # which names dangling links too
        path = Path(folder, "Cargo.lock")
        if path.name in names and not (
            os.path.isfile(path) and Path(os.path.realpath(path)).is_relative_to(top)
        ):
            path.unlink()


def lock_file(copy: Copy, project: Project) -> Path:
    """Return where cargo's lock file of a project is in its copy: in the workspace's root."""
    if project.crate is None:
        return copy.folder / "Cargo.lock"
    root = workspace_root(project.crate, project.tree) or project.crate.parent
    return copy.top / root.relative_to(copy.original) / "Cargo.lock"


def digest(copy: Copy) -> str:
    """Return a hash of the names, permissions and contents of all files of a copy.

    Lock files that cargo wrote into the copy do not count: they are results of a build.
    """
    names = sorted(_names(copy.top))
    names = [
        name
        for name in names
        if os.path.basename(name) != "Cargo.lock" or os.path.isfile(copy.original / name)
    ]
    found = hashlib.sha256(copy.revision.encode(errors="surrogateescape"))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, content in zip(
            names, pool.map(lambda name: _describe(copy.top / name), names), strict=True
        ):
            found.update(os.fsencode(name) + b"\0" + content.encode(errors="surrogateescape"))
    return found.hexdigest()


def _names(top: Path) -> Iterator[str]:
    """Give the paths of all files and links below a folder, without git's own."""
    for folder, names, files in os.walk(top):
        links = [name for name in names if os.path.islink(os.path.join(folder, name))]
        names[:] = [name for name in names if name != ".git"]
        for name in (*files, *links):
            yield os.path.relpath(os.path.join(folder, name), top)


def _describe(path: Path) -> str:
    """Return a line with all that counts about a file but its name."""
    if path.is_symlink():
        return f"link {os.readlink(path)}\n"
    with path.open("rb") as stream:
        content = hashlib.file_digest(stream, "sha256").hexdigest()
    runs = bool(path.stat().st_mode & stat.S_IXUSR)
    return f"{content} {runs}\n"


class _Copying:
    """One update of a copy; a fetched source must not leave its `tree`.

    `altered` are the tracked files of the original that the copy has in another form.
    """

    def __init__(
        self,
        top: Path,
        found: SourceFiles,
        changes: tuple[Change, ...],
        *,
        tree: Path | None = None,
        bounds: Bounds | None = None,
    ) -> None:
        self._top, self._found, self._tree, self._bounds = top, found, tree, bounds
        self._edited = {change.path: change for change in changes}
        self._index = top.with_name(f"{top.name}.index")
        self._before = _read_index(self._index)
        self._after: dict[str, list[int]] = {}
        self._kept: set[str] = set()
        self._folders: set[str] = {""}
        self._linked_bytes = self._linked_files = 0
        self._linked_folders: Counter[Path] = Counter()
        self.altered: set[Path] = set()

    def run(self) -> None:
        """Copy what has changed, and remove everything else."""
        self._top.mkdir(parents=True, exist_ok=True)
        links = {}
        for name, path in self._found.files.items():
            if self._bounds and not self._bounds.allow(path):
                continue
            if path.is_symlink():
                links[name] = path
            else:
                self._file(name, path)
        for name in self._found.folders:
            if not self._bounds or self._bounds.allow(self._found.top / name):
                self._folder("" if name == "." else name)
        for name in self._kept:
            self._folder(os.path.dirname(name))
        for name, path in links.items():
            self._link(name, path)
        self._end()

    def _file(self, name: str, source: Path) -> None:
        """Copy a file with its time, or write its edited text."""
        try:
            status = source.stat()
        except OSError:
            return  # it is tracked but deleted, or a dangling link
        if not stat.S_ISREG(status.st_mode):
            return
        self._kept.add(name)
        self._folder(os.path.dirname(name))  # a build can have put a link in its place
        target = self._top / name
        change = self._edited.pop(source, None)
        if change:
            self.altered |= {source} & self._found.tracked
            data = change.after.encode("utf-8")
            if target.is_symlink() or not target.is_file() or target.read_bytes() != data:
                self._clear(name)
                target.write_bytes(data)
            return
        given = [status.st_size, status.st_mtime_ns, stat.S_IMODE(status.st_mode)]
        before = _status(target)
        if before is None or self._before.get(name) != [*given, *before]:
            self._update(source, name, status, before)
            before = _status(target) or []
        self._after[name] = [*given, *before]

    def _update(
        self, source: Path, name: str, status: os.stat_result, before: list[int] | None
    ) -> None:
        """Copy a file whose size, time or permissions changed since the last copy."""
        target = self._top / name
        is_same = before is not None and filecmp.cmp(source, target, shallow=False)
        if not is_same:
            self._clear(name)
            _copy_data(source, target)
        # The owner of the copy can always write to it.
        target.chmod(stat.S_IMODE(status.st_mode) | stat.S_IWUSR | stat.S_IRUSR)
        # cargo detects a change only by a newer time, even if a build was running meanwhile.
        if before is None:
            os.utime(target, ns=(status.st_mtime_ns, status.st_mtime_ns))

    def _link(self, name: str, source: Path) -> None:
        """Copy a link if it leads to a part of the copy, else its target."""
        # `Path.resolve` raises an error for links in a circle in Python 3.11 and 3.12.
        real = Path(os.path.realpath(source))
        require_within(self._tree, real, source)
        text = None if self._bounds else self._text_in_copy(name, source, real)
        if text is not None:
            if text != os.readlink(source):
                self.altered |= {source} & self._found.tracked
            target = self._top / name
            if not target.is_symlink() or os.readlink(target) != text:
                self._clear(name)
                try:
                    target.symlink_to(text)
                except OSError:  # Windows allows links only to some users
                    self._follow(name, source, (source.parent,))
                    return
            self._kept.add(name)
        elif not self._bounds or self._bounds.allow_target(source):
            self.altered |= {source} & self._found.tracked
            self._follow(name, source, (source.parent,))

    def _text_in_copy(self, name: str, source: Path, real: Path) -> str | None:
        """Return the text of a link inside the copy, or None if its target is not in the copy."""
        text = os.readlink(source)
        plain = os.path.normpath(os.path.join(os.path.dirname(name), text))
        steps = text.split(os.sep)
        has_late_steps = ".." in steps[next((i for i, s in enumerate(steps) if s != ".."), 0) :]
        if not os.path.isabs(text) and not has_late_steps and not plain.startswith(".."):
            if plain in self._kept or plain in self._folders or plain == ".":
                return text
            if plain in self._found.files or not os.path.lexists(source.parent / text):
                return text
        top = Path(os.path.realpath(self._found.top))
        if real.is_relative_to(top):
            inside = os.path.relpath(real, top)
            if inside in self._kept or inside in self._folders or inside == ".":
                return os.path.relpath(inside, os.path.dirname(name) or ".")
        return None

    def _follow(self, name: str, source: Path, above: tuple[Path, ...]) -> None:
        """Copy the target of a link; one to a folder `above` it leads in a circle."""
        real = Path(os.path.realpath(source))
        above = tuple(Path(os.path.realpath(place)) for place in above)
        if not real.is_dir():
            self._linked_file(name, source)
            return
        if any(real in (place, *place.parents) for place in (*above, Path.home())):
            return
        self._linked_folders[real] += 1
        if self._linked_folders[real] > MAX_FOLDER_COPIES:
            raise self._linked_too_much(real)
        self._folder(name)
        for entry in sorted(os.scandir(real), key=lambda entry: entry.name):
            path, inside = Path(entry.path), os.path.join(name, entry.name)
            if self._bounds and not self._bounds.allow(path):
                continue
            require_within(self._tree, Path(os.path.realpath(path)), path)
            if not path.is_dir():
                if not path.is_symlink() or not self._bounds or self._bounds.allow_target(path):
                    self._linked_file(inside, path)
            elif is_source(path) and (not self._bounds or self._bounds.allow_target(path)):
                self._follow(inside, path, (*above, real))

    def _linked_file(self, name: str, source: Path) -> None:
        """Copy a file outside the project; a SourceError if links lead to too many, or too much."""
        with contextlib.suppress(OSError):
            self._linked_bytes += source.stat().st_size
        self._linked_files += 1
        if self._linked_bytes > MAX_LINKED_BYTES or self._linked_files > MAX_LINKED_FILES:
            raise self._linked_too_much(source)
        self._file(name, source)

    def _linked_too_much(self, last: Path) -> SourceError:
        return SourceError(
            f"The links in {self._found.top} lead to too many files.",
            "Builds get a copy of what links out of a project lead to: at most "
            f"{MAX_LINKED_BYTES // 10**6} MB in {MAX_LINKED_FILES:,} files, and each folder at "
            f"most {MAX_FOLDER_COPIES} times. One of these is {last}.",
            "Remove the link, or copy what the build needs into the project.",
            code="project.links-too-large",
        )

    def _folder(self, name: str) -> None:
        """Create a folder and those above it, in place of whatever else has its name."""
        if name in self._folders:
            return
        self._folder(os.path.dirname(name))
        target = self._top / name
        if target.is_symlink() or not target.is_dir():
            if target.is_symlink() or target.exists():
                target.unlink()
            target.mkdir()
        self._folders.add(name)

    def _clear(self, name: str) -> None:
        """Make room for a new file or link."""
        self._folder(os.path.dirname(name))
        target = self._top / name
        if target.is_dir() and not target.is_symlink():
            remove_tree(target)
        target.unlink(missing_ok=True)

    def _end(self) -> None:
        """Remove other files; a SourceError if an edited file was not among those copied."""
        for change in self._edited.values():
            raise SourceError(
                f"Could not edit {change.file}.",
                "It is not in a folder that the build uses.",
                "Name a file of the project.",
                code="recipe.file-outside-project",
            )
        for folder, names, files in os.walk(self._top):
            inside = os.path.relpath(folder, self._top)
            for name in list(names):
                path = os.path.normpath(os.path.join(inside, name))
                if os.path.islink(os.path.join(folder, name)):
                    files.append(name)
                elif path not in self._folders:
                    remove_tree(Path(folder, name))
                    names.remove(name)
            for name in files:
                path = os.path.normpath(os.path.join(inside, name))
                if path not in self._kept and name != "Cargo.lock":
                    os.unlink(os.path.join(folder, name))
        if self._bounds is None:
            # By `json`: names that are no text have surrogates, which msgspec rejects.
            replace_file(self._index, json.dumps(self._after).encode())


def _read_index(path: Path) -> dict[str, list[int]]:
    """Return what the files of the last copy were, by their names."""
    with contextlib.suppress(OSError, ValueError, RecursionError):
        document = json.loads(read_file(path, MAX_FILE_BYTES))
        return msgspec.convert(document, dict[str, list[int]])
    return {}


def _status(path: Path) -> list[int] | None:
    """Return the size and time of a file of the copy, or None if it is missing."""
    try:
        status = path.lstat()
    except OSError:
        return None
    return [status.st_size, status.st_mtime_ns] if stat.S_ISREG(status.st_mode) else None


def _copy_data(source: Path, target: Path) -> None:
    """Copy the content of a file; the system shares it where the file system can."""
    size = 0
    if hasattr(os, "copy_file_range"):
        with (
            contextlib.suppress(OSError),
            source.open("rb", buffering=0) as reading,
            target.open("wb", buffering=0) as writing,
        ):
            while count := os.copy_file_range(reading.fileno(), writing.fileno(), CHUNK_BYTES):
                size += count
    if size != source.stat().st_size or not size:
        shutil.copyfile(source, target)
