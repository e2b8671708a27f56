"""A plan: everything a build does is decided here, and nothing is run."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..api.errors import UsageError
from ..api.report import CargoSettings
from ..api.requests import SourceRequest
from ..process.limits import DEFAULT, Limits
from ..project import manifest
from ..project.manifest import Project
from ..project.recipes import NO_SETTINGS
from ..runtime.targets import TRIPLE, Target
from ..store import has_locks
from ..toolchain import cargo, emcc, emscripten, linker, relay, remap
from ..toolchain.rust import Rust
from ..toolchain.toolchain import Toolchain, script
from . import pyo3
from .patched_crates import PatchedCrate

#: Variables that make cargo ignore the flags which the target needs.
OVERRIDING_VARIABLES = (
    "RUSTFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_BUILD_RUSTFLAGS",
    f"CARGO_TARGET_{TRIPLE.upper().replace('-', '_')}_RUSTFLAGS",
)

#: What `draft` does to cargo's release profile: quick to compile, larger and slower to run.
DRAFT = {
    "CARGO_PROFILE_RELEASE_OPT_LEVEL": "1",
    "CARGO_PROFILE_RELEASE_LTO": "off",
    "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16",
    "CARGO_PROFILE_RELEASE_DEBUG": "0",
}

#: The variable by which `draft` compiles again only what an edit changed. rustc locks what it keeps
#: for that, and fails where it cannot.
INCREMENTAL = "CARGO_PROFILE_RELEASE_INCREMENTAL"

#: The variable by which `release` has each crate compiled as a whole: of that come modules smaller
#: by 2 or 3 % than of cargo's 16 parts; a first build without seeds takes about a tenth longer.
CODEGEN_UNITS = "CARGO_PROFILE_RELEASE_CODEGEN_UNITS"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is run to build a project in a work folder.

    `toolchain` is None as long as nothing is known to be compiled, and `headers`, the folder with
    the target's Python.h, as long as the package itself is not known to compile C. `environ` are
    the variables that the build sees, `variables` the names of those that the user lets through.
    `settings` are what a recipe passes to cargo, and `crates` the ones that it edits.
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
    limits: Limits = DEFAULT

    @property
    def copy(self) -> Path:
        """The folder of the private copy."""
        return self.work / "source"

    @property
    def wheels(self) -> Path:
        """The folder that the front end writes the wheel to."""
        return self.work / "wheels"

    @property
    def cargo_target(self) -> Path:
        """The folder that cargo compiles into."""
        return self.work / f"target-{self.target.abi}-{self.request.profile}"

    @property
    def c_notes(self) -> Path:
        """The file in which the compiler shims note for whom they were called."""
        return self.work / "c-notes"

    @property
    def features(self) -> tuple[str, ...]:
        """The features of the crate that are enabled: the request's, and the recipe's."""
        return (*self.request.features, *self.settings.features)

    @property
    def no_default_features(self) -> bool:
        """Whether the default features of the crate are disabled."""
        return self.request.no_default_features or not self.settings.default_features

    @property
    def folders(self) -> tuple[tuple[Path, str], ...]:
        """The folders that the wheel must not name, and what stands for them."""
        cargo_home = self.environ.get("CARGO_HOME") or Path.home() / ".cargo"
        return (
            (self.copy, remap.SOURCE),
            (self.work / "crates", remap.CRATES),
            (self.cargo_target, remap.TARGET),
            (Path(cargo_home), remap.CARGO),
        )

    @cached_property
    def env(self) -> Mapping[str, str]:
        """The variables of the command that builds."""
        env = {**self.environ, **_shims(self)}
        if self.toolchain and self.toolchain.rust:
            rust = self.toolchain.rust
            env |= _cargo(self, self.toolchain, rust)
            draft = self.request.profile == "draft"
            env |= _draft(self.work) if draft else _release(self.project, self.environ)
            env |= {
                "CARGO_TARGET_DIR": str(self.cargo_target),
                "MATURIN_PYEMSCRIPTEN_PLATFORM_VERSION": self.target.abi,
                "PYO3_CROSS_PYTHON_VERSION": self.target.python,
                pyo3.VARIABLE: str(self.pyo3_config),
                "PATH": os.pathsep.join([str(rust.rustc.parent), self.environ.get("PATH", "")]),
            }
        if self.request.profile == "release":
            env |= remap.variables(self.folders, script("wasmwheel-rustc"), self.environ)
        return env


def work_key(project: Project, identity: str | None) -> str:
    """The name of a project's work folder: the same for the same folder, archive or commit."""
    origin = identity or str(project.folder)
    return f"work/{project.name}-{hashlib.sha256(origin.encode()).hexdigest()[:16]}"


def check_environment(env: Mapping[str, str]) -> None:
    """Refuse to build where a variable of the user's would undo the target's own flags."""
    for name in OVERRIDING_VARIABLES:
        if env.get(name):
            raise UsageError(
                f"{name} is set in the environment.",
                f"Cargo then ignores the flags that {TRIPLE} needs, and the wheel would not load. "
                f"It is {env[name]!r}.",
                f"Unset it for this command (`env -u {name} …`). Flags of your own can be given "
                "as `--cargo-arg=--config=…`.",
                code="config.rustflags-set",
            )


def _cargo(plan: Plan, toolchain: Toolchain, rust: Rust) -> dict[str, str]:
    """The variables that put our cargo before the real one, and tell it what to add."""
    arguments = _configuration(toolchain, rust, plan.settings.cfg)
    arguments += [option for crate in plan.crates for option in crate.configuration]
    if plan.project.backend != "maturin":  # which is given the features itself
        arguments += [f"--features={feature}" for feature in plan.features]
        arguments += ["--no-default-features"] if plan.no_default_features else []
    env = {
        "CARGO": str(script("wasmwheel-cargo")),
        relay.PROGRAM: str(rust.cargo),
        relay.ARGUMENTS: json.dumps([*arguments, *plan.request.cargo_args]),
        "RUSTC": str(rust.rustc),
        **cargo.PROGRESS,
    }
    if plan.request.offline:
        env["CARGO_NET_OFFLINE"] = "true"
    return env


def _shims(plan: Plan) -> dict[str, str]:
    """The variables that point build scripts at the compiler shims, and these onwards.

    Cargo's build scripts read those with the target's name, setuptools those without one.
    """
    suffix = TRIPLE.replace("-", "_")
    wasm_ld = plan.toolchain and plan.toolchain.linker
    c_compiler = plan.toolchain and plan.toolchain.emscripten
    tools = {name: str(script(f"wasmwheel-{name.lower()}")) for name in ("CC", "CXX", "AR")}
    tools["RANLIB"] = str(script("wasmwheel-ranlib"))
    tools |= {"CFLAGS": emscripten.CFLAGS, "CXXFLAGS": emscripten.CXXFLAGS}
    return {
        **{f"{name}_{suffix}": value for name, value in tools.items()},
        emscripten.NOTES: str(plan.c_notes),
        emscripten.PACKAGE: plan.project.name,
        emcc.FOLDER: str(c_compiler.folder) if c_compiler else "",
        linker.PROGRAM: str(wasm_ld.program) if wasm_ld else "",
    }


def _configuration(toolchain: Toolchain, rust: Rust, cfg: Iterable[str]) -> list[str]:
    """Cargo's options that set the linker and the flags for the target.

    They are given as `--config` rather than as variables, which split flags at the spaces that a
    path may hold.
    """
    flags = ["-C", "relocation-model=pic"]
    if toolchain.sysroot and toolchain.sysroot.folder:
        flags += ["--sysroot", str(toolchain.sysroot.folder)]
    if not rust.linker:
        # A distribution's rustc comes without rust-lld, and would say that it misses it.
        flags += ["-C", "link-self-contained=no"]
    flags += [f"--cfg={each}" for each in cfg]
    return [
        f"--config=target.{TRIPLE}.rustflags={json.dumps(flags)}",
        f"--config=target.{TRIPLE}.linker={json.dumps(str(script('wasmwheel-ld')))}",
    ]


def _draft(work: Path) -> dict[str, str]:
    """What `draft` does to cargo's release profile, on the file system of a work folder."""
    return DRAFT | {INCREMENTAL: "true" if has_locks(work) else "false"}


def _release(project: Project, environ: Mapping[str, str]) -> dict[str, str]:
    """What `release` adds to cargo's release profile, where neither project nor user says it."""
    assert project.crate, "a project with a toolchain for Rust has a crate"
    root = manifest.workspace_root(project.crate, project.tree) or project.crate.parent
    profile = manifest.load_toml(root / "Cargo.toml").get("profile", {}).get("release", {})
    return {} if CODEGEN_UNITS in environ or "codegen-units" in profile else {CODEGEN_UNITS: "1"}
