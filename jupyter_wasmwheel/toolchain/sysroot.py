"""The standard library for the target: prebuilt with the toolchain, or built once from sources.

One built from `rust-src` fully replaces rustup's prebuilt one: it has bitcode (for crates with
`lto`), and a separately compiled `panic_abort` (for crates with `panic = "abort"`). It belongs to
one rustc, so its key contains that rustc's commit.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct
from packaging.version import Version

from .. import build_variables
from ..api.errors import ToolchainError
from ..api.events import Emitter, note
from ..errors import known_errors
from ..process.run import Command, run
from ..runtime.targets import TRIPLE, Target, all_targets
from ..store import Store
from . import cargo, cargo_policy, compiler_shims, emscripten
from .rust import Rust

#: The version of what is done here; an older sysroot is built again.
SYSROOT_VERSION = "3"

#: std's compiler flags: for side modules, and with bitcode.
FLAGS = ("-Crelocation-model=pic", "-Cembed-bitcode=yes")


class Sysroot(Struct, frozen=True, kw_only=True):
    """The target's standard library; `folder` is None if it is in rustc's own sysroot."""

    folder: Path | None
    origin: str


def is_prebuilt(rust: Rust, target: Target) -> bool:
    """Return whether a Rust has the standard library, with the flags of a target."""
    return rust.has_std and not target.flags.rustc


def key(rust: Rust, target: Target) -> str:
    """Return the store entry of the sysroot of a Rust; targets with the same flags share one."""
    flags = hashlib.sha256(" ".join(target.flags.rustc).encode()).hexdigest()[:8]
    suffix = f"-{flags}" if target.flags.rustc else ""
    return f"sysroots/{rust.version}-{rust.commit[:12]}-{SYSROOT_VERSION}{suffix}"


def ensure_sysroot(rust: Rust, target: Target, store: Store, emit: Emitter) -> Sysroot:
    """Return the sysroot of a Rust, built on the first call if it is not prebuilt."""
    if is_prebuilt(rust, target):
        return Sysroot(folder=None, origin=f"prebuilt, of {rust}")
    if rust.sources is None:
        raise ToolchainError(
            f"{rust} does not have the sources of the standard library.",
            f"For {target.abi} it must be built with {' '.join(target.flags.rustc)}.",
            "Add them to the toolchain: `rustup component add rust-src`.",
            code="sysroot.sources-missing",
        )

    def fill(stage: Path) -> None:
        _build(rust, target, stage, emit)

    folder = store.install(key(rust, target), fill, emit)
    return Sysroot(folder=folder, origin=f"built from the sources of {rust}")


def _build(rust: Rust, target: Target, stage: Path, emit: Emitter) -> None:
    note(emit, f"Building the standard library for {TRIPLE} from {rust.sources}, once.")
    begin = time.monotonic()
    work = stage / "work"
    (work / "src").mkdir(parents=True)
    (work / "src/lib.rs").touch()
    emscripten.put_on_path(work)
    manifest = '[package]\nname = "sysroot"\nversion = "0.0.0"\nedition = "2021"\n'
    (work / "Cargo.toml").write_text(manifest, encoding="utf-8")
    # RUSTC_BOOTSTRAP lets a stable rustc accept -Z flags; only these builds set it.
    env = (
        _clean(build_variables.for_build(os.environ))
        | cargo.PROGRESS
        | {
            "PATH": os.pathsep.join([str(work), os.environ.get("PATH", os.defpath)]),
            "RUSTC": str(rust.rustc),
            "RUSTC_BOOTSTRAP": "1",
            "CARGO_TARGET_DIR": str(work / "target"),
            "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(_flags(rust, target, stage)),
            compiler_shims.VERSION: min((each.emscripten for each in all_targets()), key=Version),
        }
    )
    cargo_policy.require_trusted(work, env)
    reader = cargo.CargoOutputReader(emit, lambda name, _: name)
    command = [str(rust.cargo), "build", "--release", "--target", TRIPLE]
    command.append("-Zbuild-std=std,panic_unwind")
    status = run(Command(words=command, cwd=work, env=env), on_line=reader)
    if status:
        output = " ".join(line.strip() for line in list(reader.tail)[-5:])
        words = {"project": "the standard library", "cause": output}
        if known := known_errors.match("build", "\n".join(reader.tail), **words):
            raise known[0]
        raise ToolchainError(
            f"Could not build the standard library for {TRIPLE}.",
            output,
            f"Check that the sources in {rust.sources} match {rust.rustc}, or install a Rust "
            f"with the target prebuilt: `rustup target add {TRIPLE}`.",
            code="sysroot.build-failed",
        )
    libraries = stage / "lib/rustlib" / TRIPLE / "lib"
    libraries.mkdir(parents=True)
    for rlib in (work / "target" / TRIPLE / "release/deps").glob("*.rlib"):
        if not rlib.name.startswith(("libsysroot-", "libpanic_abort-")):
            rlib.rename(libraries / rlib.name)
    _build_panic_abort(rust, target, stage, libraries, env)
    shutil.rmtree(work)
    note(emit, f"Built it in {time.monotonic() - begin:.0f} s; later builds reuse it.")


def _build_panic_abort(
    rust: Rust, target: Target, sysroot: Path, libraries: Path, env: Mapping[str, str]
) -> None:
    """Compile `panic_abort` separately; built with std it has the wrong panic strategy."""
    assert rust.sources
    source = rust.sources / "panic_abort/src/lib.rs"
    command: list[str | Path] = [rust.rustc, source]
    command += ["--crate-name", "panic_abort", "--crate-type", "rlib"]
    command += ["--edition", "2024", "--target", TRIPLE, "--sysroot", sysroot]
    command += ["-Copt-level=3", "-Cpanic=abort", "-Zforce-unstable-if-unmarked"]
    command += _flags(rust, target, sysroot)
    command += ["--out-dir", libraries]
    done = subprocess.run(command, env=dict(env), capture_output=True, text=True)
    if done.returncode:
        raise ToolchainError(
            "Could not build panic_abort for the target.",
            done.stderr.strip()[-500:],
            f"Install a Rust with the target prebuilt: `rustup target add {TRIPLE}`.",
            code="sysroot.build-failed",
        )


def _flags(rust: Rust, target: Target, stage: Path) -> list[str]:
    """Return std's compiler flags; its files are named as in a prebuilt one."""
    assert rust.sources
    return [
        *FLAGS,
        *target.flags.rustc,
        f"--remap-path-prefix={rust.sources.parent}=/rustc/{rust.commit}",
        f"--remap-path-prefix={stage / 'work'}=/rustc/{rust.commit}/work",
    ]


def _clean(env: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without variables that would change how std is built."""
    unwanted = ("RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC_WRAPPER", "CARGO_BUILD_TARGET")
    return {name: value for name, value in env.items() if name not in unwanted}
