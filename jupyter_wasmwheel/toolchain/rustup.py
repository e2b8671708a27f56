"""Rust installed by rustup, into a separate RUSTUP_HOME; the user's own is not changed.

A home is an entry of the store. `rustup default` is never called, and rustup's proxies are not used
(rust.py).
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from .. import build_variables
from ..api.errors import Retry, ToolchainError
from ..api.events import Emitter, note
from ..runtime.targets import TRIPLE, Target
from ..store import Store
from . import rust
from .installer import Step, run_installer

_DOING = re.compile(r"info: ((?:downloading|installing|syncing) .+)")


def key(target: Target, channel: str) -> str:
    """Return the store entry of a channel's Rust that is new enough for a target."""
    return f"rustup/{channel}-{target.rust}"


def install(target: Target, channel: str, store: Store, emit: Emitter, timeout: float) -> None:
    """Install Rust's `stable` or `nightly`, with the target and std's sources.

    rustup is stopped when it prints and writes nothing for `timeout` seconds.
    """
    store.install(
        key(target, channel), lambda home: _fill(home, target, channel, store, emit, timeout), emit
    )


def _fill(
    home: Path, target: Target, channel: str, store: Store, emit: Emitter, timeout: float
) -> None:
    program = rust.find_rustup()
    if not program:
        raise ToolchainError(
            "rustup is required to install Rust.",
            "rustup, Rust's installer, was not found on PATH.",
            f"Install rustup (https://rustup.rs), or on Debian: `{rust.DEBIAN}`.",
            code="rustup.missing",
        )
    note(emit, f"Installing Rust ({channel}) by rustup, apart from yours.")
    homes = {"RUSTUP_HOME": str(home), "CARGO_HOME": str(home / "cargo")}
    env = build_variables.for_download(os.environ) | homes | {"RUST_BACKTRACE": "0"}
    command = [program, "toolchain", "install", channel, "--profile", "minimal"]
    command += ["--target", TRIPLE, "--component", "rust-src", "--no-self-update"]
    result = run_installer(command, folder=home, env=env, step=_step, emit=emit, timeout=timeout)
    if not result.ok:
        raise ToolchainError(
            "rustup could not install Rust.",
            result.reason,
            f"Check the network and run it again, or on Debian: `{rust.DEBIAN}`.",
            code="rustup.install-failed",
            remedies=[Retry()],
        )
    found, wanted = rust.in_home(home, "rustup's", store), rust.RustRequirement(channel=channel)
    assessed = [rust.assess(each, target, wanted) for each in found]
    if not any(candidate.usable for candidate in assessed):
        reasons = "; ".join(f"{each.rust}: {each.reason}" for each in assessed)
        server = os.environ.get("RUSTUP_DIST_SERVER")
        raise ToolchainError(
            "The Rust that rustup installed cannot build for Pyodide.",
            f"{reasons or 'It does not run'}.",
            f"Ask the administrator of {server} for a newer Rust."
            if server
            else "Run it again later.",
            code="rustup.unusable-rust",
        )


def _step(line: str) -> Step | None:
    found = _DOING.match(line)
    return Step(text=found.group(1)) if found else None
