"""Crates for a machine without a network: vendored into a store, and taken by offline builds.

`cargo vendor` unpacks all crates that some projects lock, and says by which configuration cargo
takes them (Cargo book, "Source Replacement"). That configuration is kept with them, and put above
the private copy of a project whose crates cargo itself does not have at hand.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from .. import build_variables
from ..api.errors import Retry, ToolchainError
from ..api.events import Emitter, note
from ..api.sanitize import redact
from ..store import Store
from .rust import Rust

#: The folder of vendored crates in a store, and of each the crates and cargo's configuration.
FOLDER = "crates"
VENDORED, CONFIGURATION = "vendored", "config.toml"

#: What stands in the configuration for the place of the crates, which may change.
CRATES_PLACEHOLDER = "@CRATES@"


def vendor(
    projects: Sequence[Path],
    rust: Rust,
    folder: Path,
    emit: Emitter,
    variables: Sequence[str] = (),
) -> str:
    """Bring all crates that projects need into a folder; the key that they have in a store.

    `variables` are those that the settings let builds see, such as the token of a registry.
    """
    note(emit, f"Fetching the crates of {', '.join(path.name for path in projects)}.")
    first, *others = [str(path / "Cargo.toml") for path in projects]
    command = [str(rust.cargo), "vendor", "--versioned-dirs", "--manifest-path", first]
    command += [f"--sync={each}" for each in others]
    done = subprocess.run(
        [*command, str(folder / VENDORED)],
        cwd=folder,
        env=build_variables.for_download(os.environ, variables),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ToolchainError(
            "Could not fetch the crates.",
            redact(" ".join(done.stderr.split()))[-300:] or "Cargo gave no reason.",
            "Check the network and cargo's configuration, and run it again.",
            code="crates.fetch-failed",
            remedies=[Retry()],
        )
    text = done.stdout.replace(str(folder / VENDORED), CRATES_PLACEHOLDER)
    (folder / CONFIGURATION).write_text(text, encoding="utf-8")
    names = sorted(path.name for path in (folder / VENDORED).iterdir())
    return f"{FOLDER}/{hashlib.sha256(chr(10).join([text, *names]).encode()).hexdigest()[:16]}"


def use_vendored(project: Path, top: Path, rust: Rust, store: Store, emit: Emitter) -> bool:
    """Have cargo take the crates of a store where it has not all that a project needs at hand.

    `top` is the folder with all of the project in it; cargo's configuration is put beside it,
    where cargo looks too. Whether the store's crates are taken now.
    """
    configuration = top.parent / ".cargo" / CONFIGURATION
    vendored = _newest(store)
    if vendored is None or _are_at_hand(project, top, rust):
        return False
    note(emit, f"Cargo takes the crates from {vendored}.")
    configuration.parent.mkdir(parents=True, exist_ok=True)
    text = (vendored / CONFIGURATION).read_text(encoding="utf-8")
    place = (vendored / VENDORED).as_posix()
    configuration.write_text(text.replace(CRATES_PLACEHOLDER, place), encoding="utf-8")
    return True


def ignore_vendored(top: Path) -> None:
    """Have cargo take its own crates again for the project in a folder."""
    (top.parent / ".cargo" / CONFIGURATION).unlink(missing_ok=True)


def _newest(store: Store) -> Path | None:
    roots = (*store.read_only, store.home)
    found = [folder for root in roots for folder in (root / FOLDER).glob("*")]
    return max(found, key=lambda folder: folder.stat().st_mtime, default=None)


def _are_at_hand(project: Path, top: Path, rust: Rust) -> bool:
    """Whether cargo has all that a project needs, without a network; no lock file is left of it."""
    before = set(top.rglob("Cargo.lock"))
    command = [str(rust.cargo), "metadata", "--offline", "--format-version=1"]
    # The project's own configuration may name another rustc, which cargo then runs.
    env = build_variables.for_build(os.environ)
    done = subprocess.run(command, cwd=project, env=env, capture_output=True, check=False)
    for lock in set(top.rglob("Cargo.lock")) - before:
        lock.unlink()
    return done.returncode == 0
