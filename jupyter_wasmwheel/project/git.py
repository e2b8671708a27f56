"""A source in a git repository: its address, and the tree of one commit, fetched by git.

Of the user's git only what reaches a remote counts: proxies, credentials, keys. What else a
repository or a configuration could make git do is switched off: hooks, filters, submodules,
questions on the terminal, and every transport but those named here.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from .. import archive, credentials
from ..api.errors import Retry, SourceError, ToolchainError, UsageError, WasmwheelError
from ..api.events import Emitter, Log, Progress, note
from ..api.sanitize import REDACTED, redact
from ..errors import known_errors
from ..process.run import Command, run
from ..store import Store

#: The transports that are used: git's words for them, by the beginning of an address.
TRANSPORTS = {"https": "https:http", "http": "https:http", "ssh": "ssh", "file": "file"}

#: What is no part of a branch's or a tag's name (git-check-ref-format), or would be an option.
_NO_REVISION = re.compile(r"^-|[\s~^:?*\[\\\x00-\x1f\x7f]|\.\.|@\{|^$")

_COMMIT = re.compile(r"[0-9a-f]{40}")

_PROGRESS = re.compile(r"(?:remote: )?(\w+ (?:objects|deltas)):\s+\d+% \((\d+)/(\d+)\)")

#: Variables of git that name a repository: another one than the address does.
_OF_A_REPOSITORY = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_TEMPLATE_DIR",
    "GIT_WORK_TREE",
)

#: How variables begin by which git prints what it sends, the login among it.
_TALKATIVE = ("GIT_CURL_VERBOSE", "GIT_TRACE")

#: Attributes of a tree are not heeded: no file is left out, filled in, filtered or converted.
_ATTRIBUTES = "* -export-ignore -export-subst -filter -ident -text -working-tree-encoding\n"

_SHAPE = "It is written `git+URL[@REV][#subdirectory=DIR]`, as pip has it."


@dataclass(frozen=True, kw_only=True)
class Address:
    """`url` is git's; `revision` a branch, a tag or a whole commit id, None for the default branch.

    `url` has no login: that is `login`, as `USER:PASSWORD`, for http only. `local` is the path of a
    repository on this machine, None of any other.
    """

    url: str
    transport: str
    revision: str | None
    subdirectory: PurePosixPath
    local: Path | None
    login: str | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """What a person calls the repository: the last part of its address."""
        last = self.url.rstrip("/").rpartition("/")[2].removesuffix(".git")
        return re.sub(r"[^\w.-]", "-", last).lstrip(".-") or "repository"

    def at(self, place: Path) -> str:
        """The address as it is written, of a repository on this machine that is at a place."""
        inside = (
            "" if self.subdirectory == PurePosixPath() else f"#subdirectory={self.subdirectory}"
        )
        return f"git+{place}@{self.revision or 'HEAD'}{inside}"


def parse(text: str, folder: Path | None = None) -> Address:
    """The address in `git+URL[@REV][#subdirectory=DIR]`; a UsageError where it is none.

    A path is meant from `folder`, or from where this runs.
    """
    place, _, fragment = text.removeprefix("git+").partition("#")
    scheme, separator, rest = place.partition("://")
    login: str | None = None
    if not separator:
        if re.match(r"[^/.]*:", place):
            raise _no_address(text, f"Of {place.partition(':')[0]!r} nothing is fetched.")
        path, revision = _split(place)
        local: Path | None = (folder or Path()).absolute() / path
        url, scheme = str(local), "file"
    elif scheme in TRANSPORTS:
        host, slash, path = rest.partition("/")
        host, login = _login(text, scheme, host)
        path, revision = _split(path)
        url = f"{scheme}://{host}{slash}{path}"
        local = _local(text, host, path) if scheme == "file" else None
    else:
        raise _no_address(text, f"Of {scheme!r} nothing is fetched.")
    if not path or any(ord(letter) < 32 for letter in text) or re.match(r"-|.*@-", rest):
        raise _no_address(text, "It names no repository.")
    if redact(url) != url:
        raise UsageError(
            f"{text!r} has a secret in its query.",
            "git has the whole address in its command line, which other users can read.",
            "Write it as `https://USER:PASSWORD@HOST/PATH`, or let git know it by a credential "
            "helper.",
            code="git.secret-in-query",
        )
    if revision is not None and _NO_REVISION.search(revision):
        raise _no_address(text, f"{revision!r} is no branch, tag or commit.")
    return Address(
        url=url,
        transport=TRANSPORTS[scheme],
        revision=revision,
        subdirectory=_subdirectory(text, fragment),
        local=local,
        login=login,
    )


def _login(text: str, scheme: str, host: str) -> tuple[str, str | None]:
    """Return a host without its login, and the login; the name alone of an ssh address stays."""
    login, at, bare = host.rpartition("@")
    if login == REDACTED:
        raise UsageError(
            f"{text!r} has no login any more.",
            "The user name and the password in an address are used once and never kept.",
            "Enter the whole address again; or let git know the login by a credential helper, and "
            "leave it out of the address.",
            code="git.login-not-kept",
        )
    if scheme == "ssh":
        return (f"{login.partition(':')[0]}@{bare}" if at else host), None
    return bare, login or None


def _split(path: str) -> tuple[str, str | None]:
    """A path and the revision after its last `@`."""
    before, at, revision = path.rpartition("@")
    return (before, revision) if at else (path, None)


def _local(text: str, host: str, path: str) -> Path:
    if host not in ("", "localhost"):
        raise _no_address(text, f"A file:// address names this machine, not {host}.")
    return Path(urllib.parse.unquote(f"/{path}"))


def _subdirectory(text: str, fragment: str) -> PurePosixPath:
    words = urllib.parse.parse_qsl(fragment, keep_blank_values=True)
    named = dict(words)
    if set(named) - {"subdirectory", "egg"} or len(named) != len(words) or (fragment and not words):
        raise _no_address(text, f"Nothing is known of {fragment!r}.")
    folder = PurePosixPath(named.get("subdirectory", ""))
    if folder.is_absolute() or ".." in folder.parts or "\\" in str(folder):
        raise _no_address(text, f"{folder} is not inside of the repository.")
    return folder


def _no_address(text: str, why: str) -> UsageError:
    return UsageError(
        f"Invalid git address {text!r}.",
        f"{why} {_SHAPE}",
        f"URL begins with {', '.join(f'{each}://' for each in TRANSPORTS)}, or is the path of a "
        "folder; for `git@HOST:PATH` write ssh://git@HOST/PATH.",
        code="git.invalid-address",
    )


def fetch(address: Address, store: Store, emit: Emitter, *, offline: bool) -> tuple[Path, str]:
    """The folder of an address's tree in the store, and its commit; a SourceError says why not."""
    git = _Git(address, emit)
    commit = address.revision or ""
    if not _COMMIT.fullmatch(commit):
        if offline and not address.local:
            raise SourceError(
                f"The commit of {address.url} at {commit or 'its default branch'} is not "
                "available offline.",
                "A branch or a tag is looked up at its repository, and this run is offline.",
                "Name a commit by its 40 digits that was fetched before, or run it without "
                "--offline.",
                code="git.offline",
                remedies=[Retry(changes={"offline": False})],
            )
        commit = git.resolve_commit()
    key = f"sources/git-{commit}"
    if offline and not address.local and not store.find(key):
        raise SourceError(
            f"Commit {commit} of {address.url} is not available offline.",
            "It must be fetched, and this run is offline.",
            "Run it once without --offline.",
            code="git.offline",
            remedies=[Retry(changes={"offline": False})],
        )
    note(emit, f"{address.url}: {address.revision or 'HEAD'} is commit {commit}")
    root = store.install(key, lambda stage: git.check_out(commit, stage), emit)
    (tree,) = root.iterdir()
    if (tree / ".gitmodules").exists():
        note(emit, "It has submodules, which are not fetched; their folders are empty.")
    return tree, commit


class _Git:
    """git, run for one address."""

    def __init__(self, address: Address, emit: Emitter) -> None:
        program = shutil.which("git")
        if not program:
            raise ToolchainError(
                f"git is required to fetch {address.url}.",
                "An address that begins with git+ is fetched by the program git.",
                "Install git (on Debian `apt-get install git`), or name a folder or an sdist.",
                code="git.missing",
            )
        self._program = program
        self._address = address
        self._emit = emit
        kept = {
            name: text
            for name, text in os.environ.items()
            if name not in _OF_A_REPOSITORY and not name.startswith(_TALKATIVE)
        }
        self._env = kept | {
            "GIT_ALLOW_PROTOCOL": address.transport,
            "GIT_ASKPASS": "",
            "GIT_TERMINAL_PROMPT": "0",
            "LC_ALL": "C",
            "SSH_ASKPASS_REQUIRE": "never",
        }

    def resolve_commit(self) -> str:
        """The commit that the address's revision, or the default branch, is at."""
        wanted = self._address.revision or "HEAD"
        with tempfile.TemporaryDirectory(prefix="wasmwheel-git-") as folder:
            listing = self._run(
                "ls-remote", "--", self._address.url, wanted, f"{wanted}^{{}}", folder=Path(folder)
            )
        found = {name: commit for commit, _, name in (line.partition("\t") for line in listing)}
        # What an annotated tag points to is listed as TAG^{}.
        for kind in ("", "refs/", "refs/tags/", "refs/heads/"):
            for name in (f"{kind}{wanted}^{{}}", f"{kind}{wanted}"):
                if name in found:
                    return found[name]
        raise SourceError(
            f"{self._address.url} has no {wanted}.",
            "It has neither a tag nor a branch of that name."
            if self._address.revision
            else "It is empty, or its default branch is.",
            "`git ls-remote` with that address lists what it has. A commit is named by all of its "
            "40 digits.",
            code="git.revision-not-found",
        )

    def check_out(self, commit: str, stage: Path) -> None:
        """Put the tree of a commit into a folder of the repository's name below `stage`."""
        with tempfile.TemporaryDirectory(dir=stage.parent) as temporary:
            repository = Path(temporary) / "repository.git"
            repository.mkdir()
            self._run("init", "--quiet", "--bare", "--template=", folder=repository)
            self._fetch(commit, repository)
            (repository / "info").mkdir(exist_ok=True)
            (repository / "info/attributes").write_text(_ATTRIBUTES, encoding="utf-8")
            packed = Path(temporary) / f"{self._address.name}-{commit[:12]}.tar"
            self._run(
                "archive", "--format=tar", f"--output={packed}", commit, "--", folder=repository
            )
            tree = stage / self._address.name
            tree.mkdir()
            archive.unpack(packed, tree)

    def _fetch(self, commit: str, repository: Path) -> None:
        """Fetch a commit alone; all branches and tags where a server cannot give one."""
        words = ("fetch", "--progress", "--no-tags", "--no-recurse-submodules", "--no-auto-gc")
        address = self._address.url
        try:
            self._run(*words, "--depth=1", "--", address, commit, folder=repository)
        except SourceError:
            every = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
            self._run(*words, "--", address, *every, folder=repository)
        found = self._run(
            "rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}", folder=repository, ask=True
        )
        if found != [commit]:
            raise SourceError(
                f"{self._address.url} has no commit {commit}.",
                "None of its branches and tags leads to it.",
                "Check the commit, or name a branch or a tag.",
                code="git.commit-not-found",
            )

    def _run(self, *words: str, folder: Path, ask: bool = False) -> list[str]:
        """What git prints; a SourceError where it fails, unless it was only asked."""
        settings = [f"core.hooksPath={os.devnull}", "core.fsmonitor=false", "gc.auto=0"]
        options = [part for setting in settings for part in ("-c", setting)]
        printed: list[str] = []
        said: list[str] = []

        def on_line(stream: str, line: str) -> None:
            (printed if stream == "stdout" else said).append(line)
            progress = _PROGRESS.match(line)
            if progress:
                label, done, total = progress.groups()
                self._emit(Progress(done=int(done), total=int(total), unit="objects", label=label))
            elif stream == "stderr" and line.strip():
                self._emit(Log(stream="stderr", text=line))

        login = credentials.git_options(self._address.url, self._address.login)
        with login as helper:
            command = [self._program, *options, *helper, *words]
            status = run(Command(words=command, cwd=folder, env=self._env), on_line=on_line)
        if status and not ask:
            raise self._failed(said)
        return printed

    def _failed(self, said: Sequence[str]) -> WasmwheelError:
        text = "\n".join(said)
        known = known_errors.match("git", text, address=self._address.url)
        if known:
            return known[0]
        words = [line for line in text.splitlines() if re.match(r"fatal:|error:|remote:", line)]
        return SourceError(
            f"Could not fetch {self._address.url}.",
            " ".join(words[-3:] or text.splitlines()[-1:]) or "git gave no reason.",
            "`git ls-remote` with that address shows the same; or clone it and name the folder.",
            code="git.fetch-failed",
            remedies=[Retry()],
        )
