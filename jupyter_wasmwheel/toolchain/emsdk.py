"""Emscripten by emsdk, its own installer: the very version that a target's Pyodide was built with.

emsdk is a git repository with a program in it, which unpacks a release beside itself. Its commit is
the only thing that is verified of it: emsdk knows no hash of the archives that it fetches. So what
it installed is asked for its version, and compiles a function, before it is taken.

What it writes into its configuration is relative to where that file is, so an emsdk may be moved.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .. import build_variables, credentials
from ..api.errors import Retry, ToolchainError
from ..api.events import Emitter, note
from ..config import Downloads
from ..runtime.targets import Target
from ..store import Store
from . import emcc, emscripten
from .installer import Step, run_installer

#: What emsdk says when it begins something.
_DOWNLOADING = re.compile(r"Downloading: .*?([^/\\]+) from \S+?(?:, (\d+) Bytes)?$")
_UNPACKING = re.compile(r"(?:Unpacking|Unzipping) '.*?([^/\\]+)' to ")

#: A web address in emsdk's output: what it fetches.
_ADDRESS = re.compile(r"https?://[^\s,']+")

#: What begins every WebAssembly module.
_MAGIC = b"\0asm"


def install(target: Target, store: Store, emit: Emitter, downloads: Downloads) -> None:
    """Install the Emscripten of a target; a ToolchainError says what could not be fetched."""
    store.install(
        emscripten.key(target),
        lambda folder: _Installation(
            folder=folder, target=target, store=store, emit=emit, downloads=downloads
        ).fill(),
        emit,
    )


@dataclass(frozen=True, kw_only=True)
class _Installation:
    """An emsdk on its way into a folder of the store."""

    folder: Path
    target: Target
    store: Store
    emit: Emitter
    downloads: Downloads

    def fill(self) -> None:
        version = self.target.emscripten
        address, revision = split_revision(self.downloads.emsdk)
        note(self.emit, f"Installing Emscripten {version} by emsdk; it takes more than 1 GB.")
        self._clone(address, revision)
        for command in ("install", "activate"):
            self._run(
                [sys.executable, self.folder / "emsdk.py", command, version],
                f"emsdk could not {command} Emscripten {version}.",
            )
        self._verify()

    def _clone(self, address: str, revision: str) -> None:
        """Fetch one revision of emsdk, without its history."""
        git = shutil.which("git")
        if not git:
            raise ToolchainError(
                "git is required to fetch emsdk.",
                "emsdk, Emscripten's installer, is a git repository.",
                "Install git, on Debian `apt-get install git`, and run it again.",
                code="git.missing",
            )
        what = "Could not fetch emsdk, the installer of Emscripten."
        self._run([git, "init", "--quiet"], what)
        scheme, sign, rest = address.partition("://")
        login, _, host = rest.rpartition("@") if scheme in ("http", "https") else ("", "", rest)
        address = f"{scheme}{sign}{host}"
        with credentials.git_options(address, login) as options:
            self._run([git, *options, "fetch", "--depth", "1", "--", address, revision], what)
        self._run([git, "checkout", "--quiet", "--detach", "FETCH_HEAD"], what)

    def _run(self, command: Sequence[str | Path], what: str) -> None:
        ran = run_installer(
            command,
            folder=self.folder,
            env=self._environment(command[0]),
            step=_step,
            emit=self.emit,
            timeout=self.downloads.timeout,
        )
        if not ran.ok:
            asked = [found for line in ran.said for found in _ADDRESS.findall(line)]
            why = ran.reason
            if asked and asked[-1] not in why:
                why += f" It was fetching {asked[-1]}."
            raise ToolchainError(
                what, why, self._by_hand(), code="emscripten.install-failed", remedies=[Retry()]
            )

    def _environment(self, program: str | Path) -> dict[str, str]:
        """The user's environment, without what would lead emsdk or git elsewhere.

        emsdk's own code sees no login but a proxy's.
        """
        unwanted = ("EMSDK", "EM_", "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
        is_emsdk = program == sys.executable
        chosen = build_variables.for_download if is_emsdk else build_variables.for_own_code
        own = chosen(os.environ)
        env = {name: value for name, value in own.items() if not name.startswith(unwanted)}
        # What cannot be answered is an error, not a question.
        return env | {"GIT_TERMINAL_PROMPT": "0", "PYTHONUNBUFFERED": "1"}

    def _by_hand(self) -> str:
        """How to get it where the network is closed."""
        address, revision = split_revision(self.downloads.emsdk)
        version = self.target.emscripten
        return (
            "Check the network and run it again. Where there is none, do this where there is: "
            f"`git clone {address} emsdk`, in it `git checkout {revision}`, `./emsdk install "
            f"{version}` and `./emsdk activate {version}`; then copy that folder to "
            f"{self.store.home / emscripten.key(self.target)}. Good enough to try a wheel is "
            "Debian's: `apt-get install emscripten`."
        )

    def _verify(self) -> None:
        """Compile a function with what was installed, and ask for its version."""
        bin_folder = self.folder / emcc.IN_EMSDK
        found = emscripten.read(bin_folder, self.target, "emsdk's")
        if not found:
            raise self._useless("its emcc does not run")
        if found.version != self.target.emscripten:
            raise self._useless(f"its emcc is {found.version}")
        source, module = self.folder / "verify.c", self.folder / "verify.o"
        source.write_text("int answer(void) { return 42; }\n", encoding="utf-8")
        command = [str(shutil.which("emcc", path=bin_folder)), *emscripten.CFLAGS.split()]
        command += ["-c", str(source), "-o", str(module)]
        # Without its check of itself: that would note where it is now, and once it has been renamed
        # it would take itself for another one, and throw away its libraries.
        env = emcc.environment(bin_folder) | {"EMCC_SKIP_SANITY_CHECK": "1"}
        done = subprocess.run(command, env=env, capture_output=True, text=True)
        if done.returncode or not module.exists() or not module.read_bytes().startswith(_MAGIC):
            last = " ".join(done.stderr.strip().splitlines()[-3:])
            raise self._useless(f"its emcc compiles nothing: {last or 'it gave no reason'}")
        source.unlink()
        module.unlink()

    def _useless(self, reason: str) -> ToolchainError:
        return ToolchainError(
            f"emsdk did not install Emscripten {self.target.emscripten}.",
            f"It came from {self.downloads.emsdk}, and {reason}.",
            self._by_hand(),
            code="emscripten.wrong-version",
            remedies=[Retry()],
        )


def split_revision(address: str) -> tuple[str, str]:
    """The address of a repository and the revision after its `@`; HEAD where it has none."""
    folder, slash, name = address.rpartition("/")
    name, at, revision = name.partition("@")
    return f"{folder}{slash}{name}", revision if at else "HEAD"


def _step(line: str) -> Step | None:
    if found := _DOWNLOADING.match(line):
        name, size = found.groups()
        return Step(text=f"downloading {name}", size=int(size) if size else None)
    if found := _UNPACKING.match(line):
        return Step(text=f"unpacking {found.group(1)}")
    return None
