"""Rust by rustup, its own installer, into a RUSTUP_HOME of ours; nothing of the user's is changed.

A home is an entry of the store: whole, or not there. `rustup default` is never called, and
rustup's proxies are not used: see rust.py.
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
    """The entry of the store that holds a Rust of a channel that is new enough for a target."""
    return f"rustup/{channel}-{target.rust}"


def install(target: Target, channel: str, store: Store, emit: Emitter, timeout: float) -> None:
    """Install Rust's `stable` or `nightly` with the target and the sources of its standard library.

    A server may send nothing for `timeout` seconds. A ToolchainError says what rustup said.
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
            "rustup is Rust's own installer; it was not found on PATH.",
            f"Install rustup (https://rustup.rs), or on Debian: `{rust.DEBIAN}`.",
            code="rustup.missing",
        )
    note(emit, f"Installing Rust ({channel}) by rustup, in a place of our own.")
    env = build_variables.for_download(os.environ)
    env |= {"RUSTUP_HOME": str(home), "CARGO_HOME": str(home / "cargo")}
    command = [program, "toolchain", "install", channel, "--profile", "minimal"]
    command += ["--target", TRIPLE, "--component", "rust-src", "--no-self-update"]
    ran = run_installer(
        command,
        folder=home,
        env=env | {"RUST_BACKTRACE": "0"},
        step=_step,
        emit=emit,
        timeout=timeout,
    )
    if not ran.ok:
        raise ToolchainError(
            "rustup could not install Rust.",
            ran.reason,
            f"Check the network and run it again, or on Debian: `{rust.DEBIAN}`.",
            code="rustup.install-failed",
            remedies=[Retry()],
        )
    found = rust.in_home(home, "rustup's", store)
    assessed = [rust.assess(each, target, channel) for each in found]
    if not any(candidate.usable for candidate in assessed):
        seen = "; ".join(f"{each.rust}: {each.reason}" for each in assessed)
        server = os.environ.get("RUSTUP_DIST_SERVER")
        raise ToolchainError(
            "The Rust that rustup installed cannot build for Pyodide.",
            f"{seen or 'What it installed does not run'}.",
            f"Ask whoever keeps {server} for a newer one." if server else "Run it again later.",
            code="rustup.unusable-rust",
        )


def _step(line: str) -> Step | None:
    found = _DOING.match(line)
    return Step(text=found.group(1)) if found else None
