"""Plans of builds: everything that a build does is decided here, and nothing is run."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import Any

from msgspec import Struct

from ..api.report import CargoSettings
from ..api.requests import SourceRequest
from ..process import confine
from ..process.limits import DEFAULT, Limits
from ..project import generator, manifest
from ..project.bindings import NO_MATURIN_SETTINGS, MaturinSettings
from ..project.manifest import Project
from ..project.recipes import NO_SETTINGS
from ..runtime.targets import TRIPLE, Target, all_targets
from ..safe_paths import temporary_folder
from ..store import has_locks
from ..toolchain import (
    cargo,
    cargo_config,
    cargo_wrapper,
    compiler_shims,
    emcc,
    emscripten,
    linker,
    maturin_wrapper,
    profiles,
    remap,
    uniffi,
)
from ..toolchain.profiles import ProfileSettings
from ..toolchain.rust import Rust
from ..toolchain.scripts import script
from ..toolchain.toolchain import Toolchain
from . import pyo3
from .patched_crates import PatchedCrate

#: The folder in a work folder with what a build notes.
NOTES = "notes"

#: The file in a work folder that exists if the last build called cargo or rustc.
RUST_NOTE = f"{NOTES}/compiles-rust"

#: The file in a work folder in which the compiler shims note who called them.
C_NOTES = f"{NOTES}/c-notes"

#: The file in a target folder that exists if C was compiled for it, which cargo does not track.
C_MARK = "compiled-c"

#: The bindings whose Python code maturin generates with an interpreter of this machine.
GENERATED = ("cffi", "uniffi")

#: The variable with cargo's channel. A cargo that a distribution builds without one would use the
#: unstable settings of a project, such as `build-std`, with a stable rustc.
CHANNEL = "__CARGO_TEST_CHANNEL_OVERRIDE_DO_NOT_USE_THIS"

#: cargo's profile of a build that names none.
RELEASE = "release"


#: The start of the names of a build's folders for temporary files.
TEMPORARY = "tmp-"


class Plan(Struct, frozen=True, kw_only=True, dict=True):
    """The inputs of a build in a work folder.

    `toolchain` is None unless something is known to be compiled, and `headers`, the folder with the
    target's Python.h, unless C code is known to include it. `environ` are the variables
    of the build, and `variables` the names of those that the user passes on. `settings` are a
    recipe's for cargo, and `crates` the ones that it edits. `rustflags` are the project's own, and
    so are `maturin`'s settings. An `unlocked` build selects the versions of crates. A `confined`
    build, which needs `wants_confinement` and a system that can do it, sees no other files, and has
    no network unless the request allows it.
    """

    project: Project
    target: Target
    toolchain: Toolchain | None
    headers: Path | None = None
    request: SourceRequest
    work: Path
    environ: Mapping[str, str]
    variables: tuple[str, ...] = ()
    pyo3_config: Path
    settings: CargoSettings = NO_SETTINGS
    crates: tuple[PatchedCrate, ...] = ()
    rustflags: tuple[str, ...] = ()
    limits: Limits = DEFAULT
    maturin: MaturinSettings = NO_MATURIN_SETTINGS
    unlocked: bool = False
    wants_confinement: bool = False

    @cached_property
    def confined(self) -> bool:
        """Return whether the build is confined, which takes a trial of the system to know."""
        return self.wants_confinement and bool(confine.method())

    @property
    def fetches(self) -> bool:
        """Return whether crates are fetched before the build, which has no network."""
        return self.confined and not self.request.allow_network and not self.request.offline

    def temporary(self) -> AbstractContextManager[Path]:
        """Create a folder for the temporary files of a command, on the disk of the work folder."""
        self.work.mkdir(parents=True, exist_ok=True)
        return temporary_folder(TEMPORARY, self.work)

    @property
    def shims(self) -> Path:
        """Return the folder with the programs that are first on the build's PATH."""
        return self.work / "bin"

    @property
    def native_linker(self) -> Path | None:
        """Return LLD for build scripts and macros, if a distribution's Rust would not use it.

        Rust's own toolchains link them by LLD, which takes a quarter of the time of GNU's linker.
        """
        chosen = self.toolchain
        if not (chosen and chosen.linker and chosen.rust) or chosen.rust.linker:
            return None
        return chosen.linker.native

    @property
    def compiler_path(self) -> Path:
        """Return the folder in which gcc looks for its linker first."""
        return self.shims / "gcc"

    @property
    def reads_metadata_only(self) -> bool:
        """Return whether the build runs the `cargo` on its PATH only to read metadata.

        maturin compiles by the program in CARGO. The wrapper would only start the real cargo.
        """
        alone = self.project.is_maturin and self.project.bindings not in GENERATED
        return alone and cargo_wrapper.UNLOCKED not in self.env

    @property
    def rust_note(self) -> Path:
        """Return the file that exists if the last build called cargo or rustc."""
        return self.work / RUST_NOTE

    @property
    def copy(self) -> Path:
        """Return the folder of the private copy."""
        return self.work / "source"

    @property
    def wheels(self) -> Path:
        """Return the folder that the frontend writes the wheel to."""
        return self.work / "wheels"

    @property
    def cargo_target(self) -> Path:
        """Return cargo's target folder."""
        return self._cargo_target(self.target)

    @property
    def other_targets(self) -> Iterator[Path]:
        """Yield the target folders of the other targets, with the same flags and without C."""
        for other in all_targets():
            folder = self._cargo_target(other)
            is_alike = other != self.target and other.flags == self.target.flags
            if is_alike and folder.is_dir() and not (folder / C_MARK).exists():
                yield folder

    def _cargo_target(self, target: Target) -> Path:
        return self.work / f"target-{target.abi}-{self.request.profile}"

    @property
    def c_notes(self) -> Path:
        """Return the file in which the compiler shims record who called them."""
        return self.work / C_NOTES

    @property
    def features(self) -> tuple[str, ...]:
        """Return the enabled features of the crate: the request's and the recipe's."""
        return (*self.request.features, *self.settings.features)

    @property
    def no_default_features(self) -> bool:
        """Return whether the default features of the crate are disabled."""
        return self.request.no_default_features or not self.settings.default_features

    @property
    def folders(self) -> tuple[tuple[Path, str], ...]:
        """Return the folders that the wheel must not name, and their replacements."""
        cargo_home = self.environ.get("CARGO_HOME") or Path.home() / ".cargo"
        return (
            (self.copy, remap.SOURCE),
            (self.work / "crates", remap.CRATES),
            (self.cargo_target, remap.TARGET),
            (Path(cargo_home), remap.CARGO),
        )

    @property
    def profile(self) -> ProfileSettings:
        """Return the settings of the profile."""
        return profiles.settings(self.request.profile)

    @cached_property
    def env(self) -> Mapping[str, str]:
        """Return the variables of the build command."""
        env = {**self.environ, **_shims(self), "PATH": self.path()}
        # A repository that the store is in is not the project's.
        env["GIT_CEILING_DIRECTORIES"] = str(self.work)
        if self.toolchain and self.toolchain.rust:
            rust = self.toolchain.rust
            env |= _cargo(self, self.toolchain, rust)
            env |= _profile(self)
            if self.native_linker:
                env["COMPILER_PATH"] = str(self.compiler_path)
            env |= {
                "CARGO_TARGET_DIR": str(self.cargo_target),
                "MATURIN_PYEMSCRIPTEN_PLATFORM_VERSION": self.target.abi,
                "PYO3_CROSS_PYTHON_VERSION": self.target.python,
                pyo3.VARIABLE: str(self.pyo3_config),
            }
        if self.request.profile != "draft":
            env |= remap.variables(self.folders, script("wasmwheel-rustc"), self.environ)
        return env

    def path(self, first: Path | None = None) -> str:
        """Return the PATH of a build: our shims, the folder `first`, and the toolchain's."""
        rust = self.toolchain and self.toolchain.rust
        folders = [self.shims, first, rust.rustc.parent if rust else None]
        found = [str(folder) for folder in folders if folder]
        # Last, for the crate cmake, which runs emcmake.
        c_compiler = self.toolchain and self.toolchain.emscripten
        last = [str(c_compiler.folder)] if c_compiler else []
        return os.pathsep.join([*found, self.environ.get("PATH", ""), *last])

    @property
    def maturin_arguments(self) -> list[str]:
        """Return maturin's arguments for the target, and for all features."""
        words = ["--target", TRIPLE]
        if self.project.bindings not in GENERATED:
            words += ["-i", f"python{self.target.python}"]
        for feature in (*self.maturin.features, *self.features) if self.features else ():
            words += ["--features", feature]
        words += ["--no-default-features"] if self.no_default_features else []
        return [*words, "--offline"] if self.request.offline else words


def work_key(project: Project, origin: str | None) -> str:
    """Return the key of a project's work folder, by its archive, its address or its folder."""
    origin = origin or str(project.folder)
    return f"work/{project.name}-{hashlib.sha256(os.fsencode(origin)).hexdigest()[:16]}"


def _cargo(plan: Plan, toolchain: Toolchain, rust: Rust) -> dict[str, str]:
    """Return the variables that run our cargo instead of the real one, with its arguments."""
    arguments = [f"--config=target.{TRIPLE}.linker={json.dumps(str(script('wasmwheel-ld')))}"]
    arguments += [option for crate in plan.crates for option in crate.configuration]
    if plan.project.backend != "maturin":  # which gets the features as arguments
        arguments += [f"--features={feature}" for feature in plan.features]
        arguments += ["--no-default-features"] if plan.no_default_features else []
    env = {
        "CARGO": str(script("wasmwheel-cargo")),
        cargo_wrapper.PROGRAM: str(rust.cargo),
        cargo_wrapper.ARGUMENTS: json.dumps([*arguments, *plan.request.cargo_args]),
        cargo_config.ENCODED: cargo_config.SEPARATOR.join(_flags(toolchain, rust, plan)),
        "RUSTC": str(rust.rustc),
        maturin_wrapper.PROGRAM: str(script("maturin", "maturin")),
        maturin_wrapper.ARGUMENTS: json.dumps(plan.maturin_arguments),
        **cargo.PROGRESS,
    }
    if plan.project.bindings == generator.UNIFFI:
        env[uniffi.FEATURE] = generator.FEATURE
    # A lock file names the original of an edited crate.
    if plan.unlocked or plan.crates:
        env[cargo_wrapper.UNLOCKED] = "1"
    if rust.channel != "nightly" and not plan.environ.get("RUSTC_BOOTSTRAP"):
        env[CHANNEL] = "stable"
    if plan.request.offline:
        env["CARGO_NET_OFFLINE"] = "true"
    return env


def _shims(plan: Plan) -> dict[str, str]:
    """Return the variables with the compiler shims for build scripts, and the tools for those."""
    suffix = TRIPLE.replace("-", "_")
    wasm_ld = plan.toolchain and plan.toolchain.linker
    c_compiler = plan.toolchain and plan.toolchain.emscripten
    tools = {name: str(script(f"wasmwheel-{name.lower()}")) for name in ("CC", "CXX", "AR")}
    tools["RANLIB"] = str(script("wasmwheel-ranlib"))
    flags = {
        "CFLAGS": emscripten.c_flags(plan.target),
        "CXXFLAGS": emscripten.cxx_flags(plan.target),
    }
    tools |= {name: " ".join([value, *plan.profile.cflags]) for name, value in flags.items()}
    return {
        **{f"{name}_{suffix}": value for name, value in tools.items()},
        cargo_wrapper.RUST_NOTE: str(plan.rust_note),
        compiler_shims.NOTES: str(plan.c_notes),
        compiler_shims.PACKAGE: plan.project.name,
        compiler_shims.VERSION: plan.target.emscripten,
        compiler_shims.PYTHON_HEADERS: str(plan.headers or ""),
        emcc.FOLDER: str(c_compiler.folder) if c_compiler else "",
        emcc.OTHER_VERSION: "" if not c_compiler or c_compiler.is_wanted else "1",
        linker.PROGRAM: str(wasm_ld.program) if wasm_ld else "",
        linker.TARGET_FLAGS: " ".join(plan.target.flags.wasm_ld),
    }


def _flags(toolchain: Toolchain, rust: Rust, plan: Plan) -> list[str]:
    """Return the compiler's flags: the target's, a recipe's `cfg`, and the project's own.

    With them, cargo ignores all others: those of its configuration can be for another machine.
    """
    flags = ["-C", "relocation-model=pic", *plan.target.flags.rustc]
    if toolchain.sysroot and toolchain.sysroot.folder:
        flags += ["--sysroot", str(toolchain.sysroot.folder)]
    if not rust.linker:
        # A distribution's rustc would fail without rust-lld.
        flags += ["-C", "link-self-contained=no"]
    flags += plan.profile.rustflags
    return [*flags, *(f"--cfg={each}" for each in plan.settings.cfg), *plan.rustflags]


def _profile(plan: Plan) -> dict[str, str]:
    """Return the variables that set the profiles of a build: cargo's release, and its own."""
    settings, own = plan.profile, plan.maturin.profile
    fixed = dict(settings.cargo)
    if settings.incremental:  # if rustc can lock its files
        fixed["incremental"] = "true" if has_locks(plan.work) else "false"
    variables = {
        _variable(profile, name): value
        for profile in {RELEASE, own}
        for name, value in fixed.items()
    }
    declared = _declared(plan, own) if settings.default else {}
    for name, value in settings.default.items():
        variable = _variable(own, name)
        if name not in declared and variable not in plan.environ:
            variables[variable] = value
    return variables


def _declared(plan: Plan, profile: str) -> Mapping[str, Any]:
    """Return the settings of one of cargo's profiles, with those that it inherits."""
    crate = plan.project.crate or plan.project.folder / "Cargo.toml"
    if not crate.is_file():
        return {}
    root = manifest.workspace_root(crate, plan.project.tree) or crate.parent
    profiles = manifest.load_toml(root / "Cargo.toml").get("profile", {})
    found: dict[str, Any] = {}
    seen: set[str] = set()
    while profile in profiles and profile not in seen:
        seen.add(profile)
        found = profiles[profile] | found
        profile = str(profiles[profile].get("inherits", ""))
    return found


def _variable(profile: str, setting: str) -> str:
    return f"CARGO_PROFILE_{profile.upper().replace('-', '_')}_{setting}"
