"""Seeds: target folders in which pyo3 and all that it needs are compiled already.

Most of a small crate's first build is spent on pyo3 and its macros. A seed is the target folder of
a starter crate, built once for a toolchain, a target, a profile and a version of pyo3; a new build
begins with a copy of it, and cargo takes from it what fits. It is copied, with the times that cargo
compares, and never linked: cargo writes in place, and so might a build script. For the same reason
no seed is made from anybody's project.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import tomllib
import typing
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.version import InvalidVersion, Version

from .. import build_variables
from ..api.answers import Finding
from ..api.errors import Install, Retry, ToolchainError
from ..api.events import Emitter, Event, Progress, note
from ..api.requests import BuildRequest, Profile
from ..api.sanitize import redact
from ..project import copy, manifest, starter
from ..project.copy import Copy
from ..runtime import node, targets
from ..runtime.context import RunContext
from ..runtime.targets import Target
from ..store import Store, replace_file
from ..toolchain import crates, relay, toolchain
from ..toolchain.toolchain import Toolchain
from . import maturin, pyo3
from .plan import Plan

#: Changes with what is done here, so that an older seed is not taken.
SEED_VERSION = "4"

#: The profiles that there are seeds for.
PROFILES: tuple[Profile, ...] = typing.get_args(Profile)

#: The folder of the seeds in a store.
FOLDER = "seeds"

#: The name of the crate that a seed is built from; nothing of it stays in the seed.
CRATE_NAME = "seed"

#: The folders in a target folder that hold a crate's own output.
OUTPUT_FOLDERS = ("deps", ".fingerprint", "build", "incremental", "")


@dataclass(frozen=True, kw_only=True)
class Seed:
    """A seed that is installed: its target folder, and the lock file that it was built with."""

    folder: Path

    @property
    def target(self) -> Path:
        """The target folder to begin with."""
        return self.folder / "target"

    @property
    def lock(self) -> Path:
        """Cargo's lock file of what is compiled in it."""
        return self.folder / "Cargo.lock"


def restore(planned: Plan, private: Copy, store: Store) -> bool:
    """Begin a first build with a copy of a seed, where there is one that fits; whether it was.

    A project without a lock file is given the seed's, so that the versions are those compiled.
    """
    target = planned.cargo_target
    if target.exists():
        return False
    lock_file = _lock_file(planned, private)
    seed = find(planned, store, locked_pyo3(lock_file))
    if seed is None:
        return False
    stage = target.with_name(f"{target.name}.sowing")
    shutil.rmtree(stage, ignore_errors=True)
    try:
        shutil.copytree(seed.target, stage, symlinks=True)
        if not lock_file.exists() and not private.unlocked:
            replace_file(lock_file, seed.lock.read_bytes())
        stage.rename(target)
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    return True


def find(planned: Plan, store: Store, version: str | None) -> Seed | None:
    """The seed for a plan: that of a version of pyo3, else the newest one."""
    prefix = _prefix(planned)
    if version and (exact := store.find(f"{prefix}{version}")):
        return Seed(folder=exact)
    found: dict[Version, Path] = {}
    for root in (store.home, *store.read_only):
        for folder in root.glob(f"{prefix}*"):
            its = folder.name.rpartition("-")[2]
            with contextlib.suppress(InvalidVersion):
                if whole := store.find(f"{FOLDER}/{folder.name}"):
                    found[Version(its)] = whole
    return Seed(folder=found[max(found)]) if found else None


def build_seed(
    target: Target, chosen: Toolchain, profile: Profile, store: Store, emit: Emitter
) -> Seed:
    """The seed of the newest pyo3 that the starter crate takes, made on the first call."""
    with tempfile.TemporaryDirectory(prefix="wasmwheel-seed-") as scratch:
        crate = starter.create(CRATE_NAME, Path(scratch))
        assert chosen.rust, "a crate has a toolchain with Rust"
        command = [str(chosen.rust.cargo), "generate-lockfile"]
        env = build_variables.for_download(os.environ)
        done = subprocess.run(command, cwd=crate, env=env, capture_output=True, text=True)
        offline = done.returncode != 0 and crates.use_vendored(
            crate, crate, chosen.rust, store, emit
        )
        if offline:
            command.append("--offline")
            done = subprocess.run(command, cwd=crate, env=env, capture_output=True, text=True)
        version = locked_pyo3(crate / "Cargo.lock")
        if done.returncode or not version:
            raise ToolchainError(
                "Could not resolve pyo3 to precompile crates for quick first builds.",
                redact(" ".join(done.stderr.split()))[-300:] or "Cargo made no lock file.",
                "Check the network and cargo's configuration; builds work without it, slower.",
                code="seeds.lookup-failed",
                remedies=[Retry()],
            )
        project = manifest.read(crate)
        planned = Plan(
            project=project,
            target=target,
            toolchain=chosen,
            request=BuildRequest(source=str(crate), profile=profile, offline=offline),
            work=Path(scratch),
            environ=build_variables.for_build(os.environ),
            pyo3_config=pyo3.configuration(target, store, emit),
        )

        def fill(folder: Path) -> None:
            note(emit, f"Compiling pyo3 {version} for {target.abi} ({profile}), once.")
            work = folder / "work"
            private = copy.refresh(project, work / "source")
            if offline and chosen.rust:
                crates.use_vendored(private.folder, private.top, chosen.rust, store, emit)
            own = replace(planned, work=work)
            maturin.build(own, private, _only_progress(emit), lambda: None)
            own.cargo_target.rename(folder / "target")
            shutil.copyfile(private.folder / "Cargo.lock", folder / "Cargo.lock")
            _forget(folder / "target")
            shutil.rmtree(work)

        return Seed(folder=store.install(f"{_prefix(planned)}{version}", fill, emit))


def build_all(target: Target, store: Store, emit: Emitter) -> None:
    """Make the seeds of a target, one a profile."""
    context = RunContext(store=store, emit=emit)
    chosen = toolchain.choose(target, node.ensure_node(store, emit), context)
    for profile in PROFILES:
        build_seed(target, chosen, profile, store, emit)


def examine(target: Target, store: Store) -> Finding:
    """Return whether a target's seeds are installed, as `doctor` finds it."""
    roots = (store.home, *store.read_only)
    there = {
        profile
        for profile in PROFILES
        if any(any(root.glob(f"{FOLDER}/{target.abi}-{profile}-*")) for root in roots)
    }
    if len(there) == len(PROFILES):
        text = "a new crate's first build begins with pyo3 compiled"
        return Finding(id="seeds", part="Seeds", state="ok", text=text)
    option = "" if target.abi == targets.default_abi() else f" --target {target.abi}"
    return Finding(
        id="seeds",
        part="Seeds",
        state="optional",
        text="none; every new crate compiles pyo3 first, for 15 seconds and more",
        fix=f"`jupyter wasmwheel doctor --fix seeds{option}` compiles it once for all of them.",
        remedies=(Install(extras=("seeds",), target=target.abi),),
    )


def locked_pyo3(lock_file: Path) -> str | None:
    """The version of pyo3 that a lock file of cargo's names; the newest, where it names several."""
    try:
        packages = tomllib.loads(lock_file.read_text(encoding="utf-8")).get("package", [])
        versions = [Version(each["version"]) for each in packages if each["name"] == "pyo3"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return str(max(versions)) if versions else None


def _prefix(planned: Plan) -> str:
    """The key of a plan's seeds, less pyo3's version: all that cargo's fingerprints depend on."""
    chosen = planned.toolchain
    assert chosen, "a crate has a toolchain"
    assert chosen.rust, "with Rust"
    fixed = [
        SEED_VERSION,
        chosen.rust.commit,
        chosen.maturin,
        planned.env[relay.ARGUMENTS],
        planned.env[pyo3.VARIABLE],
        planned.request.profile,
    ]
    digest = hashlib.sha256(json.dumps(fixed).encode()).hexdigest()[:12]
    return f"{FOLDER}/{planned.target.abi}-{planned.request.profile}-{digest}-"


def _lock_file(planned: Plan, private: Copy) -> Path:
    """Where cargo has the lock file of a private copy: in the workspace's root."""
    crate = planned.project.crate
    if crate is None:
        return private.folder / "Cargo.lock"
    root = manifest.workspace_root(crate, planned.project.tree) or crate.parent
    return private.top / root.relative_to(private.original) / "Cargo.lock"


def _only_progress(emit: Emitter) -> Emitter:
    """An emitter that leaves out what is said of a crate that nobody asked for."""

    def some(event: Event) -> None:
        if isinstance(event, Progress):
            emit(event)

    return some


def _forget(target: Path) -> None:
    """Remove the starter crate's own output from a target folder."""
    for folder in [path.parent for path in target.rglob("deps") if path.is_dir()]:
        for name in OUTPUT_FOLDERS:
            for path in (folder / name).glob(f"*{CRATE_NAME}*"):
                if path.name.removeprefix("lib").startswith((f"{CRATE_NAME}-", f"{CRATE_NAME}.")):
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
