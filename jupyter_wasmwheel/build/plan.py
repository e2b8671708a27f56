"""A plan: everything a build does is decided here, and nothing is run."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import UsageError
from ..project.manifest import Project
from ..project.recipes import Cargo
from ..runtime.targets import TRIPLE, Target
from ..toolchain import cargo, emscripten, linker
from ..toolchain.toolchain import Toolchain, script
from .patched import PatchedCrate
from .request import BuildRequest, Profile

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
    "CARGO_PROFILE_RELEASE_INCREMENTAL": "true",
    "CARGO_PROFILE_RELEASE_DEBUG": "0",
}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is run to build a project: the command's environment and its folders."""

    project: Project
    target: Target
    toolchain: Toolchain
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
    def c_crates(self) -> Path:
        """The file in which the compiler shims note the crates that compile C."""
        return self.work / "c-crates"


def work_key(project: Project, sha256: str | None) -> str:
    """The name of a project's work folder: the same for the same folder, or the same archive."""
    origin = sha256 or str(project.folder)
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
    toolchain: Toolchain,
    request: BuildRequest,
    work: Path,
    environ: Mapping[str, str],
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
    env = dict(environ)
    rust = toolchain.rust
    env |= cargo.PROGRESS
    env |= _shims(toolchain, work)
    configuration = _configuration(toolchain, settings.cfg)
    configuration += [option for crate in crates for option in crate.configuration]
    env |= {
        "CARGO": str(script("wasmwheel-cargo")),
        cargo.PROGRAM: str(rust.cargo),
        cargo.ARGUMENTS: json.dumps([*configuration, *request.cargo_args]),
        "RUSTC": str(rust.rustc),
        "PATH": os.pathsep.join([str(rust.rustc.parent), environ.get("PATH", "")]),
        "CARGO_TARGET_DIR": str(work / f"target-{target.abi}-{request.profile}"),
        "MATURIN_PYEMSCRIPTEN_PLATFORM_VERSION": target.abi,
        "PYO3_CROSS_PYTHON_VERSION": target.python,
    }
    env |= _profile(request.profile)
    if request.offline:
        env["CARGO_NET_OFFLINE"] = "true"
    return Plan(
        project=project, target=target, toolchain=toolchain, request=request, work=work, env=env
    )


def _shims(toolchain: Toolchain, work: Path) -> dict[str, str]:
    """The variables that point cargo's build scripts at the compiler shims, and these onwards."""
    suffix = TRIPLE.replace("-", "_")
    c_compiler = toolchain.emscripten
    return {
        f"CC_{suffix}": str(script("wasmwheel-cc")),
        f"CXX_{suffix}": str(script("wasmwheel-cxx")),
        f"AR_{suffix}": str(script("wasmwheel-ar")),
        f"RANLIB_{suffix}": str(script("wasmwheel-ranlib")),
        f"CFLAGS_{suffix}": emscripten.CFLAGS,
        f"CXXFLAGS_{suffix}": emscripten.CXXFLAGS,
        emscripten.NOTES: str(work / "c-crates"),
        emscripten.FOLDER: str(c_compiler.folder) if c_compiler else "",
        linker.PROGRAM: str(toolchain.linker.program) if toolchain.linker else "",
    }


def _configuration(toolchain: Toolchain, cfg: Iterable[str]) -> list[str]:
    """Cargo's options that set the linker and the flags for the target.

    They are given as `--config` rather than as variables, which split flags at the spaces that a
    path may hold.
    """
    flags = ["-C", "relocation-model=pic"]
    if toolchain.sysroot.folder:
        flags += ["--sysroot", str(toolchain.sysroot.folder)]
    if not toolchain.rust.linker:
        # A distribution's rustc comes without rust-lld, and would say that it misses it.
        flags += ["-C", "link-self-contained=no"]
    flags += [f"--cfg={each}" for each in cfg]
    program = script("wasmwheel-ld") if toolchain.linker else "emcc"
    return [
        f"--config=target.{TRIPLE}.rustflags={json.dumps(flags)}",
        f"--config=target.{TRIPLE}.linker={json.dumps(str(program))}",
    ]


def _profile(profile: Profile) -> dict[str, str]:
    return DRAFT if profile == "draft" else {}
