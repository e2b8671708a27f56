"""Fetching of the crates of a build, which then has no network.

maturin and setuptools-rust run `cargo metadata`, which fetches all crates of a lock that a feature,
a test or another system requires. Where that fails, `cargo tree` fetches those that `cargo build`
compiles. Neither compiles any, or runs programs that the project's configuration names.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from .. import build_variables
from ..process.limits import ResourceMonitor
from ..process.run import Stream, run
from ..project import generator
from ..project.copy import Copy
from ..runtime.targets import TRIPLE
from ..store import read_file, replace_file
from ..toolchain import cargo, cargo_resolver
from .plan import GENERATED, Plan

#: The file in a work folder with a hash of what selected the crates that were fetched.
FETCHED = "fetched"

#: The arguments of cargo's commands that select versions of crates.
SELECTING = ("--config", "--locked", "--frozen")


def fetch(
    plan: Plan, copy: Copy, on_line: Callable[[Stream, str], None], monitor: ResourceMonitor
) -> bool:
    """Fetch the crates of a build, and return whether that succeeded.

    Only the crate that the project names has to succeed: a build may not compile others.
    """
    succeeded = _fetch(plan, copy, on_line, monitor)
    if succeeded:
        note_fetched(plan, copy)
    return succeeded


def note_fetched(plan: Plan, copy: Copy) -> None:
    """Note that the crates of a build have been fetched."""
    replace_file(plan.work / FETCHED, _inputs(plan, copy).encode())


def is_current(plan: Plan, copy: Copy) -> bool:
    """Return whether the crates of a build have been fetched, with the same manifests and lock."""
    try:
        return read_file(plan.work / FETCHED) == _inputs(plan, copy).encode()
    except OSError:
        return False


def _inputs(plan: Plan, copy: Copy) -> str:
    """Return a hash of what selects the crates of a build."""
    names = ("Cargo.toml", "Cargo.lock", "config.toml", "config")
    found = [
        Path(place, name)
        for place, _, files in os.walk(copy.top)
        for name in files
        if name in names and Path(place, name).is_file()
    ]
    selected = [_features(plan), [*_given(plan)], plan.rustflags, _has_rust(plan)]
    digest = hashlib.sha256(repr(selected).encode())
    for path in sorted(found):
        digest.update(os.fsencode(path) + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _fetch(
    plan: Plan, copy: Copy, on_line: Callable[[Stream, str], None], monitor: ResourceMonitor
) -> bool:
    if not (plan.toolchain and plan.toolchain.rust):
        return True
    metadata, tree = ["metadata", "--format-version=1"], ["tree", "--depth=0", "--edges=no-dev"]
    tree.append(f"--target={TRIPLE}")
    if plan.project.bindings in GENERATED:
        tree.append(f"--target={plan.toolchain.rust.host}")
    environ = build_variables.for_download(os.environ, plan.variables)
    env = {**plan.env, **environ, "PATH": plan.env["PATH"]}
    resolver = cargo_resolver.for_project(
        plan.toolchain.rust, copy.top, copy.folder, env, [*_given(plan)], is_own=plan.project.is_own
    )

    def run_cargo(command: list[str], manifest: Path, *features: str, needed: bool = False) -> bool:
        words = [*command, *resolver.options, f"--manifest-path={manifest}", *features]

        def on_message(stream: Stream, line: str) -> None:
            if stream == "stderr" and (needed or cargo.BLOCKING.match(line)):
                on_line(stream, line)

        return run(resolver.command(*words), on_line=on_message, monitor=monitor) == 0

    def fetch_crates(manifest: Path, *features: str, needed: bool = False) -> bool:
        return run_cargo(metadata, manifest, *features) or run_cargo(
            tree, manifest, *features, needed=needed
        )

    crate = plan.project.crate
    if crate is None:
        for manifest in _manifests(copy.folder):
            fetch_crates(manifest, "--all-features")
        return True
    manifest = copy.top / crate.relative_to(copy.original)
    # Only maturin's features are known before the build.
    if not plan.project.is_maturin and fetch_crates(manifest, "--all-features"):
        return True
    features = _features(plan)
    if plan.project.bindings == generator.UNIFFI and fetch_crates(
        manifest, *features, f"--features={generator.FEATURE}"
    ):
        return True
    return fetch_crates(manifest, *features, needed=True)


def _has_rust(plan: Plan) -> bool:
    """Return whether the build has a toolchain with Rust; without one, no crates are fetched."""
    return bool(plan.toolchain and plan.toolchain.rust)


def _features(plan: Plan) -> list[str]:
    """Return cargo's options for the features of a build."""
    words = [f"--features={each}" for each in (*plan.maturin.features, *plan.features)]
    return [*words, "--no-default-features"] if plan.no_default_features else words


def _given(plan: Plan) -> Iterator[str]:
    """Yield the options of the recipe and the user that change which crates are selected."""
    for crate in plan.crates:
        yield from crate.configuration
    words = iter(plan.request.cargo_args)
    for word in words:
        if word.startswith(SELECTING):
            yield f"{word}={next(words, '')}" if word == "--config" else word


def _manifests(folder: Path) -> Iterator[Path]:
    """Yield the outermost manifests of crates in a folder."""
    for place, names, files in os.walk(folder):
        if "Cargo.toml" in files:
            yield Path(place, "Cargo.toml")
            names.clear()
