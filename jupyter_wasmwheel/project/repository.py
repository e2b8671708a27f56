"""Git repositories on disk: which files belong to them, and a git folder for a copy of one.

Programs that a repository's own configuration names (hooks, monitors, filters) are never run. If
git is not installed or refuses a repository, its folder is an ordinary one.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from msgspec import Struct

#: Variables that make git use another repository than the current folder's.
OF_A_REPOSITORY = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_TEMPLATE_DIR",
    "GIT_WORK_TREE",
)

#: Prefixes of the variables with which git prints what it sends, including the login.
TALKATIVE = ("GIT_CURL_VERBOSE", "GIT_TRACE")

#: Settings that keep git from running programs and from changing the repository.
SAFE_SETTINGS = (
    f"core.hooksPath={os.devnull}",
    "core.fsmonitor=false",
    "gc.auto=0",
    # A server that sends almost nothing for a minute has failed.
    "http.lowSpeedLimit=100",
    "http.lowSpeedTime=60",
)

#: Endings of files that generators write. Those that git ignores are part of the source too.
GENERATED = (".c", ".cc", ".cpp", ".cxx", ".h", ".hpp", ".py", ".pyi", ".pyx", ".rs", ".toml")

#: Folders of build outputs, which do not hold generated sources if git ignores them.
OUTPUT_FOLDERS = ("build", "dist", "target")

#: The configuration of a copy's git folder. The files of a copy keep only their sizes and times, so
#: git compares nothing else, and reads none that is unchanged.
_CONFIGURATION = """\
[core]
	repositoryformatversion = {version}
	bare = false
	filemode = {filemode}
	logAllRefUpdates = false
	checkStat = minimal
	trustctime = false
"""

#: The file of a git folder that names the folder of the objects that it borrows.
ALTERNATES = "objects/info/alternates"

#: What the configuration has besides if commits are hashed by SHA-256, and their digits then.
_SHA256, _SHA256_DIGITS = "[extensions]\n\tobjectFormat = sha256\n", 64


class RepositoryFiles(Struct, frozen=True, kw_only=True):
    """The files of a repository, by their paths relative to its folder `top`.

    `tracked` files are in its index, `others` are neither there nor ignored, and `generated` are
    sources that git ignores. `inner` are the folders of its submodules and of repositories in it.
    """

    top: Path
    tracked: tuple[str, ...]
    others: tuple[str, ...]
    generated: tuple[str, ...]
    inner: tuple[Path, ...] = ()


def find(folder: Path) -> Path | None:
    """Find the top folder of the repository that a folder is in; a home folder does not count."""
    home = Path.home().resolve()
    for place in (folder, *folder.parents):
        if (place / ".git").exists():
            return None if home.is_relative_to(place) else place
    return None


def list_files(top: Path, is_source: Callable[[Path], bool]) -> RepositoryFiles | None:
    """List the files of a repository and its submodules, or return None if git cannot.

    `is_source` decides about folders with files that are not tracked.
    """
    printed = _git(top, "ls-files", "-z", "-t", "--cached", "--others", "--exclude-standard")
    ignored = _git(
        top, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory"
    )
    if printed is None or ignored is None:
        return None
    tracked: list[str] = []
    others: list[str] = []
    generated = list(_generated(top, _names(ignored), is_source))
    inner: list[Path] = []
    for entry in _names(printed):
        tag, name = entry[0], entry[2:].rstrip("/")
        path = top / name
        if path.is_dir() and not path.is_symlink():
            if (path / ".git").exists() and (nested := list_files(path, is_source)):
                tracked += [f"{name}/{each}" for each in nested.tracked]
                others += [f"{name}/{each}" for each in nested.others]
                generated += [f"{name}/{each}" for each in nested.generated]
                inner += [path, *nested.inner]
        else:
            (others if tag == "?" else tracked).append(name)
    return RepositoryFiles(
        top=top,
        tracked=tuple(tracked),
        others=tuple(others),
        generated=tuple(generated),
        inner=tuple(inner),
    )


def _generated(
    top: Path, ignored: Iterable[str], is_source: Callable[[Path], bool]
) -> Iterator[str]:
    """Give the ignored files that a build reads: sources from generators, and cargo's files."""
    for name in ignored:
        if not name.endswith("/"):
            if _is_read(name):
                yield name
            continue
        place = top / name
        if place.name in OUTPUT_FOLDERS or place.name.endswith(".egg-info"):
            continue
        for folder, names, files in os.walk(place):
            names[:] = [each for each in names if is_source(Path(folder, each))]
            if not is_source(Path(folder)):
                names.clear()
                continue
            inside = (os.path.relpath(os.path.join(folder, file), top) for file in files)
            yield from filter(_is_read, inside)


def _is_read(name: str) -> bool:
    """Check whether a build reads a file that git ignores."""
    folder, file = os.path.split(name)
    is_of_cargo = file == "Cargo.lock" or os.path.basename(folder) == ".cargo"
    return is_of_cargo or file.endswith(GENERATED)


def write_git_folder(original: Path, copy: Path, changed: Iterable[str]) -> str:
    """Write the `.git` of a copy, with the original's commit, tags, branches and index.

    It borrows the original's objects, so that nothing a build does to it changes the original.
    `changed` are tracked files that the copy has in another form; git takes them for unchanged.
    Return a text that differs whenever the commit, a tag or a branch does; an empty one if git
    cannot read the original.
    """
    wanted = ("objects", "HEAD", "index", "shallow", "info/exclude")
    paths = _git(original, "rev-parse", *(word for name in wanted for word in ("--git-path", name)))
    refs = _git(original, "for-each-ref", "--format=%(objectname) %(refname) %(*objectname)")
    if paths is None or refs is None:
        return ""
    objects, head, index, shallow, exclude = (
        original / os.fsdecode(line) for line in paths.splitlines()
    )
    packed = b"# pack-refs with: peeled fully-peeled sorted \n"
    commits = [line.split(b" ") for line in refs.splitlines()]
    for commit, ref, *peeled in commits:
        packed += commit + b" " + ref + b"\n"
        packed += b"".join(b"^" + each + b"\n" for each in peeled if each)
    current = head.read_bytes()
    is_sha256 = len(commits[0][0] if commits else current.strip()) == _SHA256_DIGITS
    settings = _CONFIGURATION.format(
        version=int(is_sha256), filemode="false" if os.name == "nt" else "true"
    )
    folder = copy / ".git"
    for name in ("objects/info", "refs/heads", "refs/tags", "info"):
        (folder / name).mkdir(parents=True)
    (folder / "HEAD").write_bytes(current)
    (folder / "packed-refs").write_bytes(packed)
    (folder / ALTERNATES).write_bytes(os.fsencode(objects.resolve()) + b"\n")
    settings += _SHA256 if is_sha256 else ""
    (folder / "config").write_text(settings, encoding="utf-8")
    files = {"shallow": shallow, "info/exclude": exclude, "index": index}
    files |= {path.name: path for path in index.parent.glob("sharedindex.*")}
    for name, path in files.items():
        if path.is_file():
            shutil.copyfile(path, folder / name)
    if not index.is_file():
        _git(copy, "read-tree", "HEAD")
    hide_changes(copy, changed)
    return (current + packed).decode(errors="surrogateescape")


def borrowed(copy: Path) -> Iterator[Path]:
    """Give the folder of the objects that a copy borrows, before its build can change the name."""
    with contextlib.suppress(OSError):
        path = Path(os.fsdecode((copy / ".git" / ALTERNATES).read_bytes().strip()))
        if path.name == "objects":
            yield path


def hide_changes(copy: Path, names: Iterable[str]) -> None:
    """Let git take tracked files of a copy for unchanged."""
    if given := b"".join(os.fsencode(name) + b"\0" for name in names):
        _git(copy, "update-index", "-z", "--assume-unchanged", "--stdin", given=given)


def environment() -> dict[str, str]:
    """Return the variables for git: those of the user, without other repositories and traces."""
    return {
        name: text
        for name, text in os.environ.items()
        if name not in OF_A_REPOSITORY and not name.startswith(TALKATIVE)
    }


def _names(printed: bytes) -> list[str]:
    return [os.fsdecode(name) for name in printed.split(b"\0") if name]


def _git(folder: Path, *words: str, given: bytes = b"") -> bytes | None:
    """Return what git prints in a folder, or None if it fails or is not installed."""
    program = shutil.which("git")
    if program is None:
        return None
    settings = [part for setting in SAFE_SETTINGS for part in ("-c", setting)]
    env = {
        **environment(),
        "GIT_CEILING_DIRECTORIES": str(folder.parent),
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }
    done = subprocess.run(
        [program, *settings, *words], cwd=folder, env=env, input=given, capture_output=True
    )
    return None if done.returncode else done.stdout
