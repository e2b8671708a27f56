"""Emscripten installed by emsdk, in the exact version that a target's Pyodide was built with.

emsdk is a git repository with a program that unpacks a release beside itself. Only its commit is
verified, because emsdk has no hashes of the archives that it fetches. So the installed emcc must
print its version and compile a function before it is used. The paths in emsdk's configuration are
relative, so an emsdk can be moved.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from .. import build_variables, credentials
from ..api.errors import Retry, ToolchainError
from ..api.events import Emitter, note
from ..config import Downloads
from ..runtime.targets import Target
from ..store import Store
from ..wheel import MAGIC
from . import emcc, emscripten
from .installer import Step, run_installer

#: emsdk's messages when it starts a step.
_DOWNLOADING = re.compile(r"Downloading: .*?([^/\\]+) from \S+?(?:, (\d+) Bytes)?$")
_UNPACKING = re.compile(r"(?:Unpacking|Unzipping) '.*?([^/\\]+)' to ")

#: A URL in emsdk's output: what it fetches.
_ADDRESS = re.compile(r"https?://[^\s,']+")


def install(target: Target, store: Store, emit: Emitter, downloads: Downloads) -> None:
    """Install the Emscripten of a target."""

    def fill(folder: Path) -> None:
        _Installation(
            folder=folder, target=target, store=store, emit=emit, downloads=downloads
        ).fill()

    store.install(emscripten.key(target), fill, emit)


class _Installation(Struct, frozen=True, kw_only=True):
    """The installation of an emsdk into a folder of the store."""

    folder: Path
    target: Target
    store: Store
    emit: Emitter
    downloads: Downloads

    def fill(self) -> None:
        version = self.target.emscripten
        address, revision = split_revision(self.downloads.emsdk)
        note(self.emit, f"Installing Emscripten {version} by emsdk (more than 1 GB).")
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
                "Install git (on Debian: `apt-get install git`), then run it again.",
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
        result = run_installer(
            command,
            folder=self.folder,
            env=self._environment(command[0]),
            step=_step,
            emit=self.emit,
            timeout=self.downloads.timeout,
        )
        if not result.ok:
            addresses = [found for line in result.output for found in _ADDRESS.findall(line)]
            why = result.reason
            if addresses and addresses[-1] not in why:
                why += f" It was fetching {addresses[-1]}."
            raise ToolchainError(
                what, why, self._fix(), code="emscripten.install-failed", remedies=[Retry()]
            )

    def _environment(self, program: str | Path) -> dict[str, str]:
        """Return the user's environment without variables that redirect emsdk or git.

        emsdk's code gets no credentials but a proxy's.
        """
        unwanted = ("EMSDK", "EM_", "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
        is_emsdk = program == sys.executable
        select = build_variables.for_download if is_emsdk else build_variables.for_own_code
        own = select(os.environ)
        env = {name: value for name, value in own.items() if not name.startswith(unwanted)}
        return env | {"GIT_TERMINAL_PROMPT": "0", "PYTHONUNBUFFERED": "1"}

    def _fix(self) -> str:
        """Return the remedy, with the commands for another machine."""
        address, revision = split_revision(self.downloads.emsdk)
        version = self.target.emscripten
        return (
            "Check the network and run it again. Without one, run this on a machine that has one: "
            f"`git clone {address} emsdk`, in it `git checkout {revision}`, `./emsdk install "
            f"{version}` and `./emsdk activate {version}`; then copy that folder to "
            f"{self.store.home / emscripten.key(self.target)}. To try a wheel, Debian's is good "
            "enough: `apt-get install emscripten`."
        )

    def _verify(self) -> None:
        """Check the version of the installed emcc, and compile a function with it."""
        bin_folder = self.folder / emcc.IN_EMSDK
        found = emscripten.read(bin_folder, self.target, "emsdk's")
        if not found:
            raise self._invalid("its emcc does not run")
        if found.version != self.target.emscripten:
            raise self._invalid(f"its emcc is {found.version}")
        source, module = self.folder / "verify.c", self.folder / "verify.o"
        source.write_text("int answer(void) { return 42; }\n", encoding="utf-8")
        command = [
            str(shutil.which("emcc", path=bin_folder)),
            *emscripten.c_flags(self.target).split(),
        ]
        command += ["-c", str(source), "-o", str(module)]
        # Its sanity check would note its folder, and discard its libraries after the renaming.
        env = emcc.environment(bin_folder) | {"EMCC_SKIP_SANITY_CHECK": "1"}
        done = subprocess.run(command, env=env, capture_output=True, text=True)
        if done.returncode or not module.exists() or not module.read_bytes().startswith(MAGIC):
            last = " ".join(done.stderr.strip().splitlines()[-3:])
            raise self._invalid(f"its emcc cannot compile: {last or 'it gave no reason'}")
        source.unlink()
        module.unlink()

    def _invalid(self, reason: str) -> ToolchainError:
        return ToolchainError(
            f"emsdk did not install Emscripten {self.target.emscripten}.",
            f"It came from {self.downloads.emsdk}, and {reason}.",
            self._fix(),
            code="emscripten.wrong-version",
            remedies=[Retry()],
        )


def split_revision(address: str) -> tuple[str, str]:
    """Return the address of a repository and the revision after its `@`, by default HEAD."""
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
