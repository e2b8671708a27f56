"""Sources in git repositories: their addresses, and the tree of one commit.

git uses the user's proxies, credentials and keys. Everything else that a repository or a
configuration could make it do is disabled: hooks, filters, submodules, prompts, other transports.
"""

from __future__ import annotations

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
from .repository import SAFE_SETTINGS, environment

#: The transports that are allowed, as git names them, by the scheme of an address.
TRANSPORTS = {"https": "https:http", "http": "https:http", "ssh": "ssh", "file": "file"}

#: Matches what a branch's or a tag's name cannot contain (git-check-ref-format), and options.
_NO_REVISION = re.compile(r"^-|[\s~^:?*\[\\\x00-\x1f\x7f]|\.\.|@\{|^$")

_COMMIT = re.compile(r"[0-9a-f]{40}")

_PROGRESS = re.compile(r"(?:remote: )?(\w+ (?:objects|deltas)):\s+\d+% \((\d+)/(\d+)\)")

#: The words that fetch named objects and nothing else, and those that name all tags.
FETCH = ("fetch", "--progress", "--no-tags", "--no-recurse-submodules", "--no-auto-gc")
ALL_TAGS = "+refs/tags/*:refs/tags/*"

#: Overrides the attributes of a tree: no file is left out, filled in, filtered or converted.
_ATTRIBUTES = "* -export-ignore -export-subst -filter -ident -text -working-tree-encoding\n"

_SHAPE = "The format is `git+URL[@REV][#subdirectory=DIR]`, as in pip."


@dataclass(frozen=True, kw_only=True)
class Address:
    """The address of a source; `revision` is a branch, a tag or a full commit id, if any.

    `url` is without the `login` (`USER:PASSWORD`, for http only). `local` is the path of a
    repository on this machine.
    """

    url: str
    transport: str
    revision: str | None
    subdirectory: PurePosixPath
    local: Path | None
    login: str | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """Return the last part of the address, for messages."""
        last = self.url.rstrip("/").rpartition("/")[2].removesuffix(".git")
        return re.sub(r"[^\w.-]", "-", last).lstrip(".-") or "repository"

    def at(self, place: Path) -> str:
        """Return the address of the same source in a repository at a place of this machine."""
        inside = (
            "" if self.subdirectory == PurePosixPath() else f"#subdirectory={self.subdirectory}"
        )
        return f"git+{place}@{self.revision or 'HEAD'}{inside}"


def parse(text: str, folder: Path | None = None) -> Address:
    """Parse `git+URL[@REV][#subdirectory=DIR]`; a UsageError says what is wrong with it.

    A path is relative to `folder`, or to the current folder.
    """
    place, _, fragment = text.removeprefix("git+").partition("#")
    scheme, separator, rest = place.partition("://")
    login: str | None = None
    if not separator:
        if re.match(r"[^/.]*:", place):
            raise _no_address(text, f"{place.partition(':')[0]!r} is not a supported scheme.")
        path, revision = _split(place)
        local: Path | None = (folder or Path()).absolute() / path
        url, scheme = str(local), "file"
    elif scheme in TRANSPORTS:
        host, slash, path = rest.partition("/")
        host, login = _login(text, scheme, host)
        path, revision = _split(path)
        url = f"{scheme}://{host}{slash}{path}"
        local = Path(urllib.parse.unquote(f"/{path}")) if scheme == "file" else None
        if local and host not in ("", "localhost"):
            raise _no_address(text, f"A file:// URL cannot name another machine ({host}).")
    else:
        raise _no_address(text, f"{scheme!r} is not a supported scheme.")
    if not path or any(ord(letter) < 32 for letter in text) or re.match(r"-|.*@-", rest):
        raise _no_address(text, "It does not name a repository.")
    if redact(url) != url:
        raise UsageError(
            f"{text!r} has a secret in its query.",
            "git gets the whole address as an argument, which other users can read.",
            "Write it as `https://USER:PASSWORD@HOST/PATH`, or use a git credential helper.",
            code="git.secret-in-query",
        )
    if revision is not None and _NO_REVISION.search(revision):
        raise _no_address(text, f"{revision!r} is not a valid branch, tag or commit.")
    return Address(
        url=url,
        transport=TRANSPORTS[scheme],
        revision=revision,
        subdirectory=_subdirectory(text, fragment),
        local=local,
        login=login,
    )


def _login(text: str, scheme: str, host: str) -> tuple[str, str | None]:
    """Return a host without its login, and the login; an ssh address keeps the user name."""
    login, at, bare = host.rpartition("@")
    if login == REDACTED:
        raise UsageError(
            f"The login of {text!r} was not stored.",
            "The user name and the password in an address are used once and never stored.",
            "Enter the whole address again, or use a git credential helper and omit the login.",
            code="git.login-not-kept",
        )
    if scheme == "ssh":
        return (f"{login.partition(':')[0]}@{bare}" if at else host), None
    return bare, login or None


def _split(path: str) -> tuple[str, str | None]:
    """Split a path at its last `@`, which a revision follows."""
    before, at, revision = path.rpartition("@")
    return (before, revision) if at else (path, None)


def _subdirectory(text: str, fragment: str) -> PurePosixPath:
    words = urllib.parse.parse_qsl(fragment, keep_blank_values=True)
    named = dict(words)
    if set(named) - {"subdirectory", "egg"} or len(named) != len(words) or (fragment and not words):
        raise _no_address(text, f"Invalid fragment {fragment!r}.")
    folder = PurePosixPath(named.get("subdirectory", ""))
    if folder.is_absolute() or ".." in folder.parts or "\\" in str(folder):
        raise _no_address(text, f"{folder} is not inside the repository.")
    return folder


def _no_address(text: str, why: str) -> UsageError:
    return UsageError(
        f"Invalid git address {text!r}.",
        f"{why} {_SHAPE}",
        f"Use {', '.join(f'{each}://' for each in TRANSPORTS)} or the path of a folder; for "
        "`git@HOST:PATH` write `ssh://git@HOST/PATH`.",
        code="git.invalid-address",
    )


def fetch(address: Address, store: Store, emit: Emitter, *, offline: bool) -> tuple[Path, str]:
    """Fetch an address's tree into the store; return its folder and its commit."""
    git = _Git(address, emit)
    commit = address.revision or ""
    is_commit = _COMMIT.fullmatch(commit) is not None
    if offline and not address.local and not (is_commit and store.find(f"sources/git-{commit}")):
        raise SourceError(
            f"{commit or 'The default branch'} of {address.url} is not available offline.",
            "This run is offline. Only commits of 40 digits that were fetched before can be used.",
            "Run it once without --offline.",
            code="git.offline",
            remedies=[Retry(changes={"offline": False})],
        )
    if not is_commit:
        commit = git.resolve_commit()
    note(emit, f"{address.url}: {address.revision or 'HEAD'} is commit {commit}")
    root = store.install(f"sources/git-{commit}", lambda stage: git.check_out(commit, stage), emit)
    (tree,) = root.iterdir()
    if (tree / ".gitmodules").exists():
        note(emit, "Its submodules are not fetched; their folders are empty.")
    return tree, commit


def fetch_history(
    address: Address, commit: str, store: Store, emit: Emitter, *, offline: bool
) -> Path | None:
    """Fetch a commit with those before it and the tags, for builds that take a version from them.

    Return a bare repository in the store, or None with a note if it is not available.
    """
    key = f"histories/git-{commit}"
    if offline and not address.local and not store.find(key):
        note(emit, f"The tags of {address.url} are not available offline.")
        return None
    git = _Git(address, emit)
    try:
        return store.install(key, lambda stage: git.fetch_history(commit, stage), emit)
    except SourceError as error:
        note(emit, f"Could not fetch the tags of {address.url}: {error.why}")
        return None


class _Git:
    """The program git, for one address."""

    def __init__(self, address: Address, emit: Emitter) -> None:
        program = shutil.which("git")
        if not program:
            raise ToolchainError(
                f"git is required to fetch {address.url}.",
                "The program git fetches sources that begin with `git+`.",
                "Install git (on Debian: `apt-get install git`), or pass a folder or an sdist.",
                code="git.missing",
            )
        self._program, self._address, self._emit = program, address, emit
        self._env = environment() | {
            "GIT_ALLOW_PROTOCOL": address.transport,
            "GIT_ASKPASS": "",
            "GIT_TERMINAL_PROMPT": "0",
            "LC_ALL": "C",
            "SSH_ASKPASS_REQUIRE": "never",
        }

    def resolve_commit(self) -> str:
        """Look up the commit of the address's revision, or of the default branch."""
        wanted = self._address.revision or "HEAD"
        with tempfile.TemporaryDirectory(prefix="wasmwheel-git-") as folder:
            listing = self._run(
                "ls-remote", "--", self._address.url, wanted, f"{wanted}^{{}}", folder=Path(folder)
            )
        found = {name: commit for commit, _, name in (line.partition("\t") for line in listing)}
        # TAG^{} is the commit that an annotated tag points to.
        for kind in ("", "refs/", "refs/tags/", "refs/heads/"):
            for name in (f"{kind}{wanted}^{{}}", f"{kind}{wanted}"):
                if name in found:
                    return found[name]
        raise SourceError(
            f"Revision {wanted} of {self._address.url} not found.",
            "It does not have a tag or branch of that name."
            if self._address.revision
            else "The repository or its default branch is empty.",
            f"List its revisions with `git ls-remote {self._address.url}`. A commit must have all "
            "40 digits.",
            code="git.revision-not-found",
        )

    def check_out(self, commit: str, stage: Path) -> None:
        """Write the tree of a commit into a folder with the repository's name in `stage`."""
        with tempfile.TemporaryDirectory(dir=stage.parent) as temporary:
            repository = Path(temporary) / "repository.git"
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

    def fetch_history(self, commit: str, repository: Path) -> None:
        """Fetch a commit with its files, and the commits before it and the tags without theirs."""
        self._fetch(commit, repository)
        if (repository / "shallow").exists():
            words = (*FETCH, "--unshallow", "--filter=tree:0", "--", self._address.url)
            self._run(*words, commit, ALL_TAGS, folder=repository)
        (repository / "HEAD").write_text(f"{commit}\n", encoding="utf-8")

    def _fetch(self, commit: str, repository: Path) -> None:
        """Fetch one commit, or all branches and tags if the server does not support that."""
        repository.mkdir(exist_ok=True)
        self._run("init", "--quiet", "--bare", "--template=", folder=repository)
        address = self._address.url
        try:
            self._run(*FETCH, "--depth=1", "--", address, commit, folder=repository)
        except SourceError:
            every = ("+refs/heads/*:refs/heads/*", ALL_TAGS)
            self._run(*FETCH, "--", address, *every, folder=repository)
        found = self._run(
            "rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}", folder=repository, ask=True
        )
        if found != [commit]:
            raise SourceError(
                f"Commit {commit} of {self._address.url} not found.",
                "It is not in the history of a branch or a tag.",
                "Check the commit, or use a branch or a tag.",
                code="git.commit-not-found",
            )

    def _run(self, *words: str, folder: Path, ask: bool = False) -> list[str]:
        """Return the lines that git prints; a SourceError if it fails, unless `ask` is set."""
        options = [part for setting in SAFE_SETTINGS for part in ("-c", setting)]
        stdout: list[str] = []
        stderr: list[str] = []

        def on_line(stream: str, line: str) -> None:
            (stdout if stream == "stdout" else stderr).append(line)
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
            raise self._failed(stderr)
        return stdout

    def _failed(self, stderr: Sequence[str]) -> WasmwheelError:
        text = "\n".join(stderr)
        known = known_errors.match("git", text, address=self._address.url)
        if known:
            return known[0]
        words = [line for line in text.splitlines() if re.match(r"fatal:|error:|remote:", line)]
        return SourceError(
            f"Could not fetch {self._address.url}.",
            " ".join(words[-3:] or text.splitlines()[-1:]) or "git gave no reason.",
            f"Check it with `git ls-remote {self._address.url}`, or clone it and pass the folder.",
            code="git.fetch-failed",
            remedies=[Retry()],
        )
