"""Seeds: target folders with pyo3 and its dependencies already compiled.

Compiling pyo3 and its macros takes most of a small crate's first build. A seed is the target folder
of a starter crate for a toolchain, a target, a profile and a version of pyo3: of one that is built
for it, or of the first one that a user builds. A first build starts with a copy of it, of which
cargo uses what fits. Seeds are never linked, as cargo and build scripts write in place, and no code
of a user's project has run in them. What does not depend on the target is also copied from the
target folder that a build of the same project for another target has left.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace
from packaging.version import InvalidVersion, Version

from .. import build_variables
from ..api.answers import Finding
from ..api.errors import Install, Retry, ToolchainError
from ..api.events import Emitter, Event, Progress, note
from ..api.requests import BuildRequest, Profile
from ..api.sanitize import redact
from ..package_metadata import parse_version
from ..project import copy, manifest, starter
from ..project.copy import Copy
from ..runtime import node, targets
from ..runtime.context import RunContext
from ..runtime.targets import Target
from ..safe_paths import remove_tree
from ..store import Store, replace_file
from ..toolchain import cargo_config, cargo_resolver, cargo_wrapper, crates, toolchain
from ..toolchain.lock_file import locked_packages
from ..toolchain.toolchain import Toolchain
from . import maturin, pyo3
from .plan import Plan

#: Changes with the steps of building seeds, so that older seeds are not used.
SEED_VERSION = "6"

#: The profiles whose seeds are prepared; first builds with others can leave some.
PROFILES: tuple[Profile, ...] = ("release", "draft")

#: The folder of the seeds in a store.
FOLDER = "seeds"

#: The name of the crate that a seed is built from; nothing of it stays in the seed.
CRATE_NAME = "seed"

#: The folders in a target folder with a crate's own output.
OUTPUT_FOLDERS = ("deps", ".fingerprint", "build", "incremental", "")


class Seed(Struct, frozen=True, kw_only=True):
    """An installed seed: a target folder and the lock file that it was built with."""

    folder: Path

    @property
    def target(self) -> Path:
        """Return the seed's target folder."""
        return self.folder / "target"

    @property
    def lock(self) -> Path:
        """Return cargo's lock file of the seed."""
        return self.folder / "Cargo.lock"


def restore(planned: Plan, private: Copy, store: Store) -> Seed | None:
    """Start a first build with copies of another target's folder and of a seed; return the seed.

    Cargo compiles again what differs in them. A project without a lock file gets the seed's, and so
    the versions that are compiled.
    """
    target = planned.cargo_target
    if target.is_dir() and any(target.iterdir()):
        return None
    lock_file = copy.lock_file(private, planned.project)
    seed = find(planned, store, locked_pyo3(lock_file))
    begun = [each for each in planned.other_targets if _has_only_files(each)][:1]
    if seed:
        begun.append(seed.target)
    begin(begun, target)
    if seed and planned.project.crate and not lock_file.exists() and not private.unlocked:
        replace_file(lock_file, seed.lock.read_bytes())
    return seed


def begin(folders: Sequence[Path], target: Path) -> None:
    """Create a target folder with copies of the files in others, of which the last ones count."""
    stage = target.with_name(f"{target.name}.seed")
    remove_tree(stage)
    try:
        for folder in folders:
            shutil.copytree(folder, stage, symlinks=True, dirs_exist_ok=True)
        if folders:
            remove_tree(target)
            stage.rename(target)
    finally:
        remove_tree(stage)


def has_crates(seed: Seed, planned: Plan, private: Copy) -> bool:
    """Return whether all crates of a plain build have been fetched for its seed."""
    return _locked(copy.lock_file(private, planned.project)) <= _locked(seed.lock)


def find(planned: Plan, store: Store, version: str | None) -> Seed | None:
    """Find the seed for a plan and a version of pyo3, else the newest one."""
    prefix = _prefix(planned)
    if version and (exact := store.find(f"{prefix}{version}")):
        return Seed(folder=exact)
    found: dict[Version, Path] = {}
    for root in (store.home, *store.read_only):
        for folder in root.glob(f"{prefix}*"):
            pyo3_version = folder.name.rpartition("-")[2]
            with contextlib.suppress(InvalidVersion):
                if whole := store.find(f"{FOLDER}/{folder.name}"):
                    found[Version(pyo3_version)] = whole
    return Seed(folder=found[max(found)]) if found else None


def keep(planned: Plan, private: Copy, store: Store, emit: Emitter) -> None:
    """Keep what a plain build has compiled as a seed, if its pyo3 has no seed yet."""
    lock_file = copy.lock_file(private, planned.project)
    version = locked_pyo3(lock_file)
    key = f"{_prefix(planned)}{version}"
    if version is None or store.find(key) or not _has_only_files(planned.cargo_target):
        return

    def fill(folder: Path) -> None:
        shutil.copytree(planned.cargo_target, folder / "target", symlinks=True)
        shutil.copyfile(lock_file, folder / "Cargo.lock")
        cargo = manifest.load_toml(private.folder / "Cargo.toml")
        package = cargo["package"]["name"]
        _forget(folder / "target", package, cargo.get("lib", {}).get("name", package))

    with contextlib.suppress(OSError):  # the build has succeeded
        store.install(key, fill, emit)


def is_plain(planned: Plan, private: Copy) -> bool:
    """Return whether a build will compile what a starter crate's does, and run no code of its own.

    Call it before the build, as its code could change the manifests.
    """
    request, folder = planned.request, private.folder
    options = (request.cargo_args, request.config_settings, planned.settings.cfg, planned.crates)
    if any(options) or planned.features or planned.no_default_features or private.unlocked:
        return False
    if not (planned.project.is_maturin and (folder / "Cargo.toml").is_file()):
        return False
    above = [each for each in (folder, *folder.parents) if each.is_relative_to(private.top)]
    alone = not any((each / "Cargo.toml").exists() for each in above[1:])
    return (
        alone and starter.is_plain(folder) and not any((each / ".cargo").exists() for each in above)
    )


def _has_only_files(folder: Path) -> bool:
    """Return whether a folder has no links, pipes or devices, which cargo does not create."""
    for place, folders, files in os.walk(folder):
        states = [os.lstat(os.path.join(place, name)).st_mode for name in (*folders, *files)]
        if not all(stat.S_ISREG(each) or stat.S_ISDIR(each) for each in states):
            return False
    return True


def build_seed(
    target: Target, chosen: Toolchain, profile: Profile, store: Store, emit: Emitter
) -> Seed:
    """Return the seed of the newest pyo3 for the starter crate, which is built once."""
    store.home.mkdir(parents=True, exist_ok=True)
    # Not in /tmp: cargo reads configuration in all folders above.
    with tempfile.TemporaryDirectory(dir=store.home, prefix=".seed-") as scratch:
        crate = starter.create(CRATE_NAME, Path(scratch))
        assert chosen.rust, "a crate has a toolchain with Rust"
        command = ["generate-lockfile", f"--manifest-path={crate / 'Cargo.toml'}"]
        env = build_variables.for_download(os.environ)
        resolver = cargo_resolver.for_project(chosen.rust, crate, crate, env, is_own=True)
        done = resolver.run(*command)
        offline = done.returncode != 0 and crates.use_vendored(
            crate, crate, chosen.rust, store, emit
        )
        if offline:
            command.append("--offline")
            done = resolver.run(*command)
        version = locked_pyo3(crate / "Cargo.lock")
        if done.returncode or not version:
            raise ToolchainError(
                "Could not resolve pyo3 for seeds.",
                redact(" ".join(done.stderr.split()))[-300:] or "cargo did not write a lock file.",
                "Check the network and cargo's configuration; builds work without seeds, slower.",
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
            _forget(folder / "target", CRATE_NAME)
            remove_tree(work)

        return Seed(folder=store.install(f"{_prefix(planned)}{version}", fill, emit))


def build_all(target: Target, store: Store, emit: Emitter) -> None:
    """Build the seeds of a target, one for each profile."""
    context = RunContext(store=store, emit=emit)
    chosen = toolchain.choose(target, node.ensure_node(store, emit), context)
    for profile in PROFILES:
        build_seed(target, chosen, profile, store, emit)


def examine(target: Target, store: Store) -> Finding:
    """Return whether a target's seeds are installed, for `doctor`."""
    roots = (store.home, *store.read_only)
    installed = {
        profile
        for profile in PROFILES
        if any(any(root.glob(f"{FOLDER}/{target.abi}-{profile}-*")) for root in roots)
    }
    if len(installed) == len(PROFILES):
        text = "first builds of crates start with pyo3 compiled"
        return Finding(id="seeds", part="Seeds", state="ok", text=text)
    option = "" if target.abi == targets.default_abi() else f" --target {target.abi}"
    return Finding(
        id="seeds",
        part="Seeds",
        state="optional",
        text="not installed; each new crate compiles pyo3 first, for 15 seconds and more",
        fix=f"Run `jupyter wasmwheel doctor --fix seeds{option}` to compile it once for all.",
        remedies=(Install(extras=("seeds",), target=target.abi),),
    )


def locked_pyo3(lock_file: Path) -> str | None:
    """Return the newest version of pyo3 in one of cargo's lock files."""
    found = [parse_version(version) for name, version, _ in _locked(lock_file) if name == "pyo3"]
    versions = [version for version in found if version]
    return str(max(versions)) if versions else None


def _locked(lock_file: Path) -> set[tuple[str, str, str]]:
    """Return name, version and source of the crates in a lock file that are not the project's."""
    return {
        (each["name"], each["version"], str(each["source"]))
        for each in locked_packages(lock_file)
        if "source" in each
    }


def _prefix(planned: Plan) -> str:
    """Return the key of a plan's seeds without pyo3's version, as cargo's fingerprints."""
    chosen = planned.toolchain
    assert chosen, "a crate has a toolchain"
    assert chosen.rust, "with Rust"
    fixed = [
        SEED_VERSION,
        chosen.rust.commit,
        planned.env[cargo_wrapper.ARGUMENTS],
        planned.env[cargo_config.ENCODED],
        planned.env[pyo3.VARIABLE],
        planned.request.profile,
    ]
    digest = hashlib.sha256(json.dumps(fixed).encode()).hexdigest()[:12]
    return f"{FOLDER}/{planned.target.abi}-{planned.request.profile}-{digest}-"


def _only_progress(emit: Emitter) -> Emitter:
    """Return an emitter that emits only progress of building the starter crate."""

    def some(event: Event) -> None:
        if isinstance(event, Progress):
            emit(event)

    return some


def _forget(target: Path, *names: str) -> None:
    """Remove the output of a crate, whose package and library have names, from a target folder."""
    own = {each for name in names for each in (name, name.replace("-", "_"))}
    beginnings = tuple(f"{each}{end}" for each in own for end in "-.")
    for folder in [path.parent for path in target.rglob("deps") if path.is_dir()]:
        for name in OUTPUT_FOLDERS:
            for path in (folder / name).glob("*"):
                if path.name.removeprefix("lib").startswith(beginnings):
                    remove_tree(path) if path.is_dir() else path.unlink()
