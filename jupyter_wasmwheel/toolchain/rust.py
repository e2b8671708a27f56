"""Rust: the toolchains on the machine, and the choice of one for a target.

The user's toolchains are only read. The programs of a toolchain are called directly, never by
rustup's proxies, which a `rust-toolchain` file or an environment variable would redirect.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path

from msgspec import Struct
from packaging.version import Version

from ..api.errors import Install, Remedy, Retry, ToolchainError
from ..runtime.targets import TRIPLE, Target
from ..store import Store
from . import version_cache
from .installer import command_for

#: The required fields in the output of `rustc -vV`.
_VERSION = re.compile(r"(?=.*^host: )(?=.*^release: )", re.MULTILINE | re.DOTALL)

EXE = ".exe" if os.name == "nt" else ""

#: The command that installs Debian's Rust, with std's sources and wasm-ld.
DEBIAN = "apt-get install rustc-web cargo-web rust-web-src lld-22"


#: What requires a channel: a project, or the user.
FILE, OPTION = "The project's rust-toolchain file", "The option --rust"

#: The Rust on PATH that is not rustup's, as a channel, and how its origin begins.
SYSTEM, _ON_PATH = "system", "the system's"

#: The changes of a request that make a build ignore a rust-toolchain file.
IGNORE_FILE: dict[str, bool | str | tuple[str, ...]] = {"rust": "auto"}

_NUMBER = re.compile(r"\d+(\.\d+)*")
_DATED = re.compile(r"nightly-(\d{4}-\d\d-\d\d)")


class Rust(Struct, frozen=True, kw_only=True):
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
        """Return whether it has the target's standard library prebuilt."""
        return any((self.sysroot / "lib/rustlib" / TRIPLE / "lib").glob("libstd-*.rlib"))

    @property
    def sources(self) -> Path | None:
        """Return the folder of the standard library's sources (rust-src), if installed."""
        folder = self.sysroot / "lib/rustlib/src/rust/library"
        return folder if (folder / "std/Cargo.toml").is_file() else None

    @property
    def linker(self) -> Path | None:
        """Return its wasm-ld, if it has one."""
        program = self.sysroot / "lib/rustlib" / self.host / "bin/gcc-ld" / f"wasm-ld{EXE}"
        return program if program.is_file() else None

    def __str__(self) -> str:
        return f"Rust {self.version} ({self.origin})"


class RustRequirement(Struct, frozen=True, kw_only=True):
    """A channel such as `nightly` or `1.96`, or `system`, and what requires it."""

    channel: str
    origin: str = FILE

    def __str__(self) -> str:
        name = "the system's Rust" if self.channel == SYSTEM else f"Rust {self.channel}"
        return f"{self.origin} requires {name}"


class RustCandidate(Struct, frozen=True, kw_only=True):
    """A toolchain on the machine, and why it can or cannot be used."""

    rust: Rust
    usable: bool
    reason: str


def installed(store: Store) -> Iterator[Rust]:
    """Yield every Rust on the machine: ours, the user's rustup toolchains, then those on PATH."""
    for root in (store.home, *store.read_only):
        origin = "installed by jupyter-wasmwheel" if root == store.home else f"from {root}"
        for home in sorted((root / "rustup").glob("*")):
            yield from in_home(home, origin, store)
    users = Path(os.environ.get("RUSTUP_HOME") or Path.home() / ".rustup")
    yield from in_home(users, "rustup", store)
    seen = set()
    for folder_name in os.environ.get("PATH", "").split(os.pathsep):
        rustc = Path(folder_name) / f"rustc{EXE}"
        # Not Path.is_file, which raises if a folder of PATH cannot be read.
        if not os.path.isfile(rustc) or rustc.resolve() in seen or _is_rustup_proxy(rustc):
            continue
        seen.add(rustc.resolve())
        if rust := _read(rustc, f"{_ON_PATH}, {rustc}", store):
            yield rust


def in_home(home: Path, origin: str, store: Store) -> Iterator[Rust]:
    """Yield every Rust in a RUSTUP_HOME."""
    for folder in sorted((home / "toolchains").glob("*")):
        if rust := _read(folder / "bin" / f"rustc{EXE}", f"{origin}, {folder.name}", store):
            yield rust


def _is_rustup_proxy(rustc: Path) -> bool:
    """Return whether a program is rustup under another name, by a link or by a copy."""
    if rustc.resolve().stem.startswith("rustup"):
        return True
    rustup = rustc.with_name(f"rustup{EXE}")
    return rustup.is_file() and rustup.stat().st_size == rustc.stat().st_size


def _read(rustc: Path, origin: str, store: Store) -> Rust | None:
    """Return the Rust of a rustc, or None if it does not run or has no cargo beside it."""
    cargo = rustc.with_name(f"cargo{EXE}")
    if not rustc.is_file() or not cargo.is_file():
        return None
    output = version_cache.ask(rustc, "-vV", _VERSION, store)
    if output is None:
        return None
    fields = dict(line.split(": ", 1) for line in output.splitlines() if ": " in line)
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
    """Return the sysroot of a rustc: beside its `bin`, or what it prints."""
    beside = rustc.resolve().parent.parent
    if (beside / "lib/rustlib").is_dir():
        return beside
    done = subprocess.run([rustc, "--print", "sysroot"], capture_output=True, text=True)
    return Path(done.stdout.strip())


def required(option: str, channel: str | None) -> RustRequirement | None:
    """Return what the option `--rust` requires, or for `project` the rust-toolchain file."""
    if option == "project":
        return RustRequirement(channel=channel) if channel else None
    return None if option == "auto" else RustRequirement(channel=option, origin=OPTION)


def assess(rust: Rust, target: Target, wanted: RustRequirement | None = None) -> RustCandidate:
    """Return whether a Rust can build for a target, and meets a requirement."""
    usable = False
    if Version(rust.version) < Version(target.rust):
        reason = f"too old: Pyodide {target.pyodide} requires {target.rust} or newer"
    elif wanted and not matches(rust, wanted.channel):
        reason = f"not the required {wanted.channel}"
    elif rust.has_std:
        usable, reason = True, f"has the {TRIPLE} target prebuilt"
    elif rust.sources:
        usable, reason = True, f"has std's sources, to build it for {TRIPLE} once"
    else:
        reason = f"has neither the {TRIPLE} target nor std's sources"
    return RustCandidate(rust=rust, usable=usable, reason=reason)


def is_usable_nightly(rust: Rust, target: Target) -> bool:
    """Return whether a Rust is a nightly that can build for a target."""
    return assess(rust, target, RustRequirement(channel="nightly")).usable


def find_rustup() -> str | None:
    """Return the rustup on PATH, with which `doctor --fix` installs Rust."""
    return shutil.which("rustup")


def matches(rust: Rust, channel: str) -> bool:
    """Return whether a Rust is of a `rust-toolchain` file's channel (`stable`, `1.96`, …)."""
    name = channel.partition("-")[0]
    if name == SYSTEM:
        return rust.origin.startswith(_ON_PATH)
    if name in ("stable", "beta", "nightly"):
        return rust.channel == name
    return rust.version == name or rust.version.startswith(name + ".")


def choose(
    candidates: Iterable[RustCandidate], target: Target, wanted: RustRequirement | None = None
) -> RustCandidate:
    """Return the best candidate: with a prebuilt target, ours, the newest, in this order."""
    found = list(candidates)
    usable = [c for c in found if c.usable]
    if usable:
        return max(
            usable, key=lambda c: (c.rust.has_std, _is_ours(c.rust), Version(c.rust.version))
        )
    install_fix = f"Run {command_for(target)} to install one by rustup, or on Debian `{DEBIAN}`."
    rejected = f"Found: {'; '.join(f'{c.rust}: {c.reason}' for c in found)}."
    remedies: list[Remedy] = [Install(target=target.abi)] if find_rustup() else []
    if not found:
        raise ToolchainError(
            "Rust not found.",
            "rustup has no toolchain, and no rustc with its cargo is on PATH.",
            install_fix,
            code="rust.missing",
            remedies=remedies,
        )
    others = [each for c in found if (each := assess(c.rust, target)).usable]
    if wanted and _is_too_old(wanted, target):
        other = choose(others, target).rust if others else None
        raise _channel_too_old(wanted, target, other, install_fix)
    if wanted and others:
        raise _channel_missing(wanted, target, rejected)
    if all(Version(c.rust.version) < Version(target.rust) for c in found):
        raise ToolchainError(
            f"Rust is too old for Pyodide {target.pyodide}.",
            f"Its wheels require Rust {target.rust} or newer. {rejected}",
            install_fix,
            code="rust.too-old",
            remedies=remedies,
        )
    raise ToolchainError(
        "No Rust on this machine can build for Pyodide.",
        rejected,
        f"Run `rustup target add {TRIPLE}` for the target, or `rustup component add rust-src` for "
        f"the sources. {install_fix}",
        code="rust.unusable",
        remedies=remedies,
    )


def _is_too_old(wanted: RustRequirement, target: Target) -> bool:
    """Return whether no Rust of a numbered channel, or of a dated nightly, can build."""
    oldest = Version(target.rust)
    if dated := _DATED.match(wanted.channel):
        # Each version takes six weeks; the nightlies of one begin 90 days before its release.
        first = date(2015, 5, 14) + timedelta(weeks=6) * oldest.minor - timedelta(days=90)
        return dated[1] < first.isoformat()
    number = _NUMBER.match(wanted.channel)
    return number is not None and Version(number[0]) < oldest


def _channel_too_old(
    wanted: RustRequirement, target: Target, other: Rust | None, install_fix: str
) -> ToolchainError:
    """Return the error for a channel that cannot build for Pyodide at all."""
    remedies: list[Remedy] = [Retry(changes=IGNORE_FILE)]
    if not other and find_rustup():
        remedies.insert(0, Install(target=target.abi))
    return ToolchainError(
        f"{wanted}, which cannot build for Pyodide.",
        f"Wheels for Pyodide {target.pyodide} require Rust {target.rust} or newer.",
        f"Build with `--rust auto`, which ignores the file and selects {other}."
        if other
        else f"{install_fix} Then build with `--rust auto`, which ignores the file.",
        code="rust.channel-too-old",
        remedies=remedies,
    )


def _channel_missing(wanted: RustRequirement, target: Target, rejected: str) -> ToolchainError:
    """Return the error for a channel that is not on this machine, or cannot build there."""
    command = f"`rustup toolchain install {wanted.channel} --target {TRIPLE}`"
    remedies: list[Remedy] = [Retry(changes=IGNORE_FILE)]
    if wanted.channel == SYSTEM:
        command = f"`{DEBIAN}` on Debian"
    elif wanted.channel == "nightly":
        command = command_for(target, wanted.channel)
        if find_rustup():
            remedies.insert(0, Install(extras=("nightly",), target=target.abi))
    return ToolchainError(
        f"{wanted}, which is not installed or cannot build for Pyodide.",
        rejected,
        f"Run {command} to install it, or build with another one: `--rust auto` selects the best.",
        code="rust.channel-missing",
        remedies=remedies,
    )


def _is_ours(rust: Rust) -> bool:
    return "jupyter-wasmwheel" in rust.origin
