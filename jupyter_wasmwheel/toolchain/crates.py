"""Crates for offline builds, vendored into a store.

`cargo vendor` unpacks all crates that projects lock, and prints the configuration by which cargo
uses them (Cargo book, "Source Replacement"). It is kept with the crates, and written above the
private copy of a project whose crates cargo's own cache does not have.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .. import build_variables
from ..api.errors import Retry, ToolchainError
from ..api.events import Emitter, note
from ..api.sanitize import redact
from ..store import Store
from . import cargo_resolver
from .rust import Rust

#: The folder of vendored crates in a store, and in an entry the crates and cargo's configuration.
FOLDER = "crates"
VENDORED, CONFIGURATION = "vendored", "config.toml"

#: The placeholder in the configuration for the folder of the crates, which can move.
CRATES_PLACEHOLDER = "@CRATES@"


def vendor(
    projects: Sequence[Path],
    rust: Rust,
    folder: Path,
    store: Store,
    emit: Emitter,
    variables: Sequence[str] = (),
) -> str:
    """Vendor all crates of projects into a folder, and return their key in a store.

    `variables` are those that the settings pass to builds, such as a registry's token.
    """
    note(emit, f"Fetching the crates of {', '.join(path.name for path in projects)}.")
    first, *others = [str(path / "Cargo.toml") for path in projects]
    command = ["vendor", "--versioned-dirs", "--manifest-path", first]
    command += [f"--sync={each}" for each in others]
    command.append(str(folder / VENDORED))
    env = build_variables.for_download(os.environ, variables)
    with tempfile.TemporaryDirectory(dir=store.home, prefix=".vendoring-") as empty:
        done = cargo_resolver.for_user(rust, Path(empty), env).run(*command)
    if done.returncode:
        raise ToolchainError(
            "Could not fetch the crates.",
            redact(" ".join(done.stderr.split()))[-300:] or "Cargo gave no reason.",
            "Check the network and cargo's configuration, then run it again.",
            code="crates.fetch-failed",
            remedies=[Retry()],
        )
    text = done.stdout.replace(str(folder / VENDORED), CRATES_PLACEHOLDER)
    (folder / CONFIGURATION).write_text(text, encoding="utf-8")
    names = sorted(path.name for path in (folder / VENDORED).iterdir())
    return f"{FOLDER}/{hashlib.sha256(chr(10).join([text, *names]).encode()).hexdigest()[:16]}"


def use_vendored(project: Path, top: Path, rust: Rust, store: Store, emit: Emitter) -> bool:
    """Let cargo use a store's crates if its cache lacks some; return whether it uses them.

    `top` is the folder with the whole project; cargo's configuration is written beside it.
    """
    configuration = top.parent / ".cargo" / CONFIGURATION
    vendored = _newest(store)
    if vendored is None or _are_cached(project, top, rust):
        return False
    note(emit, f"Using the crates in {vendored}.")
    configuration.parent.mkdir(parents=True, exist_ok=True)
    text = (vendored / CONFIGURATION).read_text(encoding="utf-8")
    text = text.replace(CRATES_PLACEHOLDER, (vendored / VENDORED).as_posix())
    configuration.write_text(text, encoding="utf-8")
    return True


def ignore_vendored(top: Path) -> None:
    """Let cargo use its own crates again for the project in a folder."""
    (top.parent / ".cargo" / CONFIGURATION).unlink(missing_ok=True)


def _newest(store: Store) -> Path | None:
    roots = (*store.read_only, store.home)
    found = [folder for root in roots for folder in (root / FOLDER).glob("*")]
    return max(found, key=lambda folder: folder.stat().st_mtime, default=None)


def _are_cached(project: Path, top: Path, rust: Rust) -> bool:
    """Return whether cargo has all crates of a project offline; leave no new lock file behind."""
    before = set(top.rglob("Cargo.lock"))
    env = build_variables.for_build(os.environ)
    resolver = cargo_resolver.for_project(rust, top, project, env, is_own=True)  # it is offline
    above = [each for each in (project, *project.parents) if each.is_relative_to(top)]
    manifests = [each / "Cargo.toml" for each in above]
    manifest = next((each for each in manifests if each.is_file()), manifests[0])
    done = resolver.run(
        "metadata", "--offline", "--format-version=1", f"--manifest-path={manifest}"
    )
    for lock in set(top.rglob("Cargo.lock")) - before:
        lock.unlink()
    return done.returncode == 0
