"""Rust: which toolchains are on the machine, and which of them can build for a target.

The user's toolchains are only read. rustup's proxies are never called: a `rust-toolchain` file or
an environment variable would redirect them, so the programs of a toolchain are called directly.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

from ..api.errors import Install, Remedy, ToolchainError
from ..runtime.targets import TRIPLE, Target
from ..store import Store
from . import programs
from .installer import command_for

#: How `rustc -vV` tells what is needed of it.
_VERSION = re.compile(r"(?=.*^host: )(?=.*^release: )", re.MULTILINE | re.DOTALL)

EXE = ".exe" if os.name == "nt" else ""

#: What brings Debian's Rust, with its sources and wasm-ld, where rustup cannot download.
DEBIAN = "apt-get install rustc-web cargo-web rust-web-src lld-22"


@dataclass(frozen=True, kw_only=True)
class Rust:
    """A Rust toolchain; `version` is a release such as 1.96.0, `commit` a git hash."""

    rustc: Path
    cargo: Path
    version: str
    channel: str
    commit: str
    host: str
    llvm: int
    sysroot: Path
    origin: str

    @property
    def has_std(self) -> bool:
        """Whether the target's standard library came with it, prebuilt."""
        return any((self.sysroot / "lib/rustlib" / TRIPLE / "lib").glob("libstd-*.rlib"))

    @property
    def sources(self) -> Path | None:
        """The folder of the standard library's sources, where they are installed (rust-src)."""
        folder = self.sysroot / "lib/rustlib/src/rust/library"
        return folder if (folder / "std/Cargo.toml").is_file() else None

    @property
    def linker(self) -> Path | None:
        """The wasm-ld that came with it, where one did."""
        program = self.sysroot / "lib/rustlib" / self.host / "bin/gcc-ld" / f"wasm-ld{EXE}"
        return program if program.is_file() else None

    def __str__(self) -> str:
        return f"Rust {self.version} ({self.origin})"


@dataclass(frozen=True, kw_only=True)
class RustCandidate:
    """A toolchain that was looked at, and why it can or cannot be taken."""

    rust: Rust
    usable: bool
    reason: str


def installed(store: Store) -> Iterator[Rust]:
    """Every Rust on the machine: ours, the user's rustup toolchains, then those on PATH."""
    for root in (store.home, *store.read_only):
        whose = "installed by jupyter-wasmwheel" if root == store.home else f"from {root}"
        for home in sorted((root / "rustup").glob("*")):
            yield from in_home(home, whose, store)
    users = Path(os.environ.get("RUSTUP_HOME") or Path.home() / ".rustup")
    yield from in_home(users, "rustup", store)
    seen = set()
    for folder_name in os.environ.get("PATH", "").split(os.pathsep):
        rustc = Path(folder_name) / f"rustc{EXE}"
        # Not Path's is_file, which raises where a folder of PATH may not be read.
        if not os.path.isfile(rustc) or rustc.resolve() in seen or _is_rustup_proxy(rustc):
            continue
        seen.add(rustc.resolve())
        rust = _read(rustc, f"the system's, {rustc}", store)
        if rust:
            yield rust


def in_home(home: Path, whose: str, store: Store) -> Iterator[Rust]:
    """Every Rust in a RUSTUP_HOME."""
    for folder in sorted((home / "toolchains").glob("*")):
        rust = _read(folder / "bin" / f"rustc{EXE}", f"{whose}, {folder.name}", store)
        if rust:
            yield rust


def _is_rustup_proxy(rustc: Path) -> bool:
    """Whether a program is rustup under another name, by a link or by a copy."""
    if rustc.resolve().stem.startswith("rustup"):
        return True
    rustup = rustc.with_name(f"rustup{EXE}")
    return rustup.is_file() and rustup.stat().st_size == rustc.stat().st_size


def _read(rustc: Path, origin: str, store: Store) -> Rust | None:
    """What a rustc says of itself, or None where it does not run or has no cargo beside it."""
    cargo = rustc.with_name(f"cargo{EXE}")
    if not rustc.is_file() or not cargo.is_file():
        return None
    said = programs.ask(rustc, "-vV", _VERSION, store)
    if said is None:
        return None
    fields = dict(line.split(": ", 1) for line in said.splitlines() if ": " in line)
    release, _, channel = fields["release"].partition("-")
    return Rust(
        rustc=rustc,
        cargo=cargo,
        version=release,
        channel=channel.partition(".")[0] or "stable",
        commit=fields.get("commit-hash", "unknown"),
        host=fields["host"],
        llvm=int(fields.get("LLVM version", "0").partition(".")[0]),
        sysroot=_sysroot(rustc),
        origin=origin,
    )


def _sysroot(rustc: Path) -> Path:
    """Where a rustc has its libraries: beside its `bin`, or where it says if they are not there."""
    beside = rustc.resolve().parent.parent
    if (beside / "lib/rustlib").is_dir():
        return beside
    said = subprocess.run([rustc, "--print", "sysroot"], capture_output=True, text=True)
    return Path(said.stdout.strip())


def assess(rust: Rust, target: Target, channel: str | None) -> RustCandidate:
    """Whether a Rust can build for a target, and for a project that asks for a channel."""
    if Version(rust.version) < Version(target.rust):
        reason = f"too old: Pyodide {target.pyodide} needs {target.rust} or newer"
        return RustCandidate(rust=rust, usable=False, reason=reason)
    if channel and not answers(rust, channel):
        return RustCandidate(
            rust=rust, usable=False, reason=f"the project's rust-toolchain asks for {channel}"
        )
    if rust.has_std:
        return RustCandidate(rust=rust, usable=True, reason=f"has the {TRIPLE} target prebuilt")
    if rust.sources:
        return RustCandidate(
            rust=rust, usable=True, reason=f"has std's sources, to build it for {TRIPLE} once"
        )
    return RustCandidate(
        rust=rust, usable=False, reason=f"has neither the {TRIPLE} target nor std's sources"
    )


def find_rustup() -> str | None:
    """Return the rustup on PATH, which `doctor --fix` installs Rust with."""
    return shutil.which("rustup")


def answers(rust: Rust, channel: str) -> bool:
    """Whether a Rust is what a `rust-toolchain` file asks for (`stable`, `1.96`, `nightly-…`)."""
    name = channel.partition("-")[0]
    if name in ("stable", "beta", "nightly"):
        return rust.channel == name
    return rust.version == name or rust.version.startswith(name + ".")


def choose(
    candidates: Iterable[RustCandidate], target: Target, channel: str | None
) -> RustCandidate:
    """The candidate to build with: a prebuilt target before sources, the order found, then age."""
    everyone = list(candidates)
    usable = [c for c in everyone if c.usable]
    if usable:
        return max(usable, key=lambda c: (c.rust.has_std, -_place(c.rust), Version(c.rust.version)))
    how_to_get = (
        f"Run {command_for(target)}, which installs one by rustup where it can. On Debian: "
        f"`{DEBIAN}`."
    )
    looked_at = "; ".join(f"{c.rust}: {c.reason}" for c in everyone)
    remedies: list[Remedy] = [Install(target=target.abi)] if find_rustup() else []
    if not everyone:
        raise ToolchainError(
            "Rust not found.",
            "Neither rustup's toolchains nor a rustc with its cargo on PATH were found.",
            how_to_get,
            code="rust.missing",
            remedies=remedies,
        )
    if channel and any(assess(c.rust, target, None).usable for c in everyone):
        command = f"`rustup toolchain install {channel} --target {TRIPLE}`"
        remedies = []
        if channel == "nightly":
            command = command_for(target, channel)
            if find_rustup():
                remedies = [Install(extras=("nightly",), target=target.abi)]
        raise ToolchainError(
            f"The project's rust-toolchain file requires {channel}, which is not installed.",
            f"Looked at: {looked_at}.",
            f"Install it ({command}), or edit or remove the file to build with another one.",
            code="rust.channel-missing",
            remedies=remedies,
        )
    if all(Version(c.rust.version) < Version(target.rust) for c in everyone):
        raise ToolchainError(
            f"Rust is too old for Pyodide {target.pyodide}.",
            f"Its wheels need Rust {target.rust} or newer. Looked at: {looked_at}.",
            how_to_get,
            code="rust.too-old",
            remedies=remedies,
        )
    raise ToolchainError(
        "No Rust on this machine can build for Pyodide.",
        f"Looked at: {looked_at}.",
        f"`rustup target add {TRIPLE}` brings the target, `rustup component add rust-src` the "
        f"sources. {how_to_get}",
        code="rust.unusable",
        remedies=remedies,
    )


def _place(rust: Rust) -> int:
    """Where a Rust stands in the order of preference: ours, the user's, the system's."""
    return 0 if "jupyter-wasmwheel" in rust.origin else 1
