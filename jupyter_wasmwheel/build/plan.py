"""A plan: everything a build does is decided here, and nothing is run."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ..api.errors import UsageError
from ..project import manifest
from ..project.manifest import Project
from ..project.recipes import Cargo
from ..runtime.targets import TRIPLE, Target
from ..store import has_locks
from ..toolchain import cargo, emcc, emscripten, linker, relay, remap
from ..toolchain.rust import Rust
from ..toolchain.toolchain import Toolchain, script
from . import pyo3
from .patched import PatchedCrate
from .request import BuildRequest

#: What cargo is told where there is no recipe.
NO_SETTINGS = Cargo()

#: Variables that make cargo ignore the flags which the target needs.
OVERRIDING = (
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
UNITS = "CARGO_PROFILE_RELEASE_CODEGEN_UNITS"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is run to build a project: the command's environment and its folders.

    `toolchain` is None as long as nothing is known to be compiled, and `headers`, the folder with
    the target's Python.h, as long as the package itself is not known to compile C.
    """

    project: Project
    target: Target
    toolchain: Toolchain | None
    headers: Path | None
    request: BuildRequest
    work: Path
    env: Mapping[str, str]

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
        return _cargo_target(self.work, self.target, self.request)

    @property
    def folders(self) -> tuple[tuple[Path, str], ...]:
        """The folders that the wheel is not to name, and what stands for them."""
        return _folders(self.work, self.cargo_target, self.env)

    @property
    def c_notes(self) -> Path:
        """The file in which the compiler shims note for whom they were called."""
        return self.work / "c-notes"


def work_key(project: Project, identity: str | None) -> str:
    """The name of a project's work folder: the same for the same folder, archive or commit."""
    origin = identity or str(project.folder)
    return f"work/{project.name}-{hashlib.sha256(origin.encode()).hexdigest()[:16]}"


def refuse_overriding(env: Mapping[str, str]) -> None:
    """Refuse to build where a variable of the user's would undo the target's own flags."""
    for name in OVERRIDING:
        if env.get(name):
            raise UsageError(
                f"{name} is set in the environment.",
                f"Cargo then ignores the flags that {TRIPLE} needs, and the wheel would not load. "
                f"It is {env[name]!r}.",
                f"Unset it for this command (`env -u {name} …`). Flags of your own can be given "
                "as `--cargo-arg=--config=…`.",
            )


def make(
    project: Project,
    target: Target,
    toolchain: Toolchain | None,
    headers: Path | None,
    request: BuildRequest,
    work: Path,
    environ: Mapping[str, str],
    *,
    pyo3_config: Path,
    settings: Cargo = NO_SETTINGS,
    crates: tuple[PatchedCrate, ...] = (),
) -> Plan:
    """The plan for a project, in a work folder of its own.

    `settings` are what a recipe has cargo told, and `crates` the ones that it edits.
    """
    refuse_overriding(environ)
    request = replace(
        request,
        features=(*request.features, *settings.features),
        no_default_features=request.no_default_features or not settings.default_features,
    )
    env = {**environ, **_shims(toolchain, project, work)}
    if toolchain and toolchain.rust:
        arguments = _configuration(toolchain, toolchain.rust, settings.cfg)
        arguments += [option for crate in crates for option in crate.configuration]
        if project.backend != "maturin":
            arguments += _features(request)
        env |= _cargo(toolchain.rust, request, [*arguments, *request.cargo_args])
        env |= _draft(work) if request.profile == "draft" else _release(project, environ)
        env |= {
            "CARGO_TARGET_DIR": str(_cargo_target(work, target, request)),
            "MATURIN_PYEMSCRIPTEN_PLATFORM_VERSION": target.abi,
            "PYO3_CROSS_PYTHON_VERSION": target.python,
            pyo3.VARIABLE: str(pyo3_config),
            "PATH": os.pathsep.join([str(toolchain.rust.rustc.parent), environ.get("PATH", "")]),
        }
    if request.profile == "release":
        folders = _folders(work, _cargo_target(work, target, request), environ)
        env |= remap.variables(folders, script("wasmwheel-rustc"), environ)
    return Plan(
        project=project,
        target=target,
        toolchain=toolchain,
        headers=headers,
        request=request,
        work=work,
        env=env,
    )


def _cargo_target(work: Path, target: Target, request: BuildRequest) -> Path:
    return work / f"target-{target.abi}-{request.profile}"


def _cargo(rust: Rust, request: BuildRequest, arguments: list[str]) -> dict[str, str]:
    """The variables that put our cargo before the real one, and tell it what to add."""
    env = {
        "CARGO": str(script("wasmwheel-cargo")),
        relay.PROGRAM: str(rust.cargo),
        relay.ARGUMENTS: json.dumps(arguments),
        "RUSTC": str(rust.rustc),
        **cargo.PROGRESS,
    }
    if request.offline:
        env["CARGO_NET_OFFLINE"] = "true"
    return env


def _shims(toolchain: Toolchain | None, project: Project, work: Path) -> dict[str, str]:
    """The variables that point build scripts at the compiler shims, and these onwards.

    Cargo's build scripts read those with the target's name, setuptools those without one.
    """
    suffix = TRIPLE.replace("-", "_")
    wasm_ld = toolchain and toolchain.linker
    c_compiler = toolchain and toolchain.emscripten
    tools = {name: str(script(f"wasmwheel-{name.lower()}")) for name in ("CC", "CXX", "AR")}
    tools["RANLIB"] = str(script("wasmwheel-ranlib"))
    tools |= {"CFLAGS": emscripten.CFLAGS, "CXXFLAGS": emscripten.CXXFLAGS}
    return {
        **{f"{name}_{suffix}": value for name, value in tools.items()},
        emscripten.NOTES: str(work / "c-notes"),
        emscripten.PACKAGE: project.name,
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


def _folders(
    work: Path, cargo_target: Path, environ: Mapping[str, str]
) -> tuple[tuple[Path, str], ...]:
    """The folders of this machine that a wheel is not to name, and what stands for them."""
    return (
        (work / "source", remap.SOURCE),
        (work / "crates", remap.CRATES),
        (cargo_target, remap.TARGET),
        (Path(environ.get("CARGO_HOME") or Path.home() / ".cargo"), remap.CARGO),
    )


def _features(request: BuildRequest) -> list[str]:
    """Cargo's options for the features that are asked for; maturin takes them itself."""
    chosen = [f"--features={feature}" for feature in request.features]
    return [*chosen, *(["--no-default-features"] if request.no_default_features else [])]


def _draft(work: Path) -> dict[str, str]:
    """What `draft` does to cargo's release profile, on the file system of a work folder."""
    return DRAFT | {INCREMENTAL: "true" if has_locks(work) else "false"}


def _release(project: Project, environ: Mapping[str, str]) -> dict[str, str]:
    """What `release` adds to cargo's release profile, where neither project nor user says it."""
    assert project.crate, "a project with a toolchain for Rust has a crate"
    root = manifest.workspace_root(project.crate) or project.crate.parent
    profile = manifest.load_toml(root / "Cargo.toml").get("profile", {}).get("release", {})
    return {} if UNITS in environ or "codegen-units" in profile else {UNITS: "1"}
