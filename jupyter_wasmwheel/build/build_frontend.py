"""The build frontend: runs the commands of a build, and returns the wheel or explains the error."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from msgspec import Struct, structs

from ..api.events import Emitter
from ..api.report import Crate
from ..process.limits import ResourceMonitor
from ..process.run import Command, run
from ..project.copy import Copy
from ..safe_paths import remove_tree
from ..toolchain import cargo, cargo_wrapper, emscripten, remap
from ..toolchain.scripts import script
from . import confinement, crate_fetcher
from .explain import explain, missing_c_compiler, needs_network
from .plan import C_MARK, NOTES, Plan


class Step(Protocol):
    """A function that runs a command of a build, and raises CommandFailedError if it fails."""

    def __call__(
        self,
        command: Sequence[str],
        folder: Path,
        more: Mapping[str, str],
        writable: Sequence[Path] = (),
    ) -> None:
        """Run a command in a folder with more variables, and more folders that it writes to."""


#: The output of cargo and setuptools when compiling is done.
COMPILED = ("Finished `", "installing to build", "running install_lib")


class FrontendOutput(Struct, frozen=True, kw_only=True):
    """A wheel, and the crates that were compiled for it."""

    wheel: Path
    crates: tuple[Crate, ...]
    crates_with_c: tuple[str, ...]


class CommandFailedError(Exception):
    """A command of a build that failed."""


class NeedsRustError(Exception):
    """A package that compiles Rust, built without a toolchain for it."""


class NeedsCCompilerError(Exception):
    """A package that compiles C itself, or with Python.h, without what that requires."""


def run_frontend(
    plan: Plan,
    copy: Copy,
    emit: Emitter,
    compiled: Callable[[], None],
    work: Callable[[Step], None],
) -> FrontendOutput:
    """Run the steps of a build; `compiled` is called when all is compiled and packing begins."""
    remove_tree(plan.wheels)
    plan.wheels.mkdir(parents=True)
    remove_tree(plan.work / NOTES)
    (plan.work / NOTES).mkdir()
    plan.cargo_target.mkdir(exist_ok=True)
    _write_shims(plan)
    crate = plan.project.crate
    base = copy.top / crate.parent.relative_to(copy.original) if crate else copy.folder

    def locate(name: str, folder: Path | None) -> str:
        path = remap.restore_path(name, plan.env)
        # meson compiles in a folder of the project, and names files from there.
        inner = path.removeprefix("../")
        path = inner if os.path.isfile(base / inner) else path
        return copy.locate(path, _workspace(folder or base, path))

    reader = cargo.CargoOutputReader(emit, locate, rename={str(copy.top): str(copy.original)})
    monitor = ResourceMonitor("build", plan.limits, plan.work, f"The build of {plan.project.label}")

    def on_line(stream: str, line: str) -> None:
        reader(stream, line)
        if line.lstrip().startswith(COMPILED):
            compiled()

    def step(
        command: Sequence[str],
        folder: Path,
        more: Mapping[str, str],
        writable: Sequence[Path] = (),
    ) -> None:
        env = {**plan.env, **more, **({"CARGO_NET_OFFLINE": "true"} if plan.fetches else {})}
        words = Command(words=command, cwd=folder, env=env, offline=plan.request.offline)
        with plan.temporary() as temporary:
            reachable = confinement.of_build(plan, copy, env, temporary, writable)
            words = structs.replace(words, confinement=reachable)
            if run(words, on_line=on_line, stop_when=lambda: bool(_missing(plan)), monitor=monitor):
                raise CommandFailedError

    def succeeds() -> bool:
        try:
            work(step)
        except CommandFailedError:
            return False
        return True

    is_current = not plan.fetches or crate_fetcher.is_current(plan, copy)
    fetched = is_current or crate_fetcher.fetch(plan, copy, reader, monitor)
    built = fetched and succeeds()
    if not built and plan.fetches and is_current and needs_network(reader):
        # Cargo's cache has been cleared since the last build.
        reader.tail.clear()
        fetched = crate_fetcher.fetch(plan, copy, reader, monitor)
        built = fetched and succeeds()
    with_c = emscripten.read_c_usage(plan.c_notes).names
    if with_c:
        (plan.cargo_target / C_MARK).touch()
    missing = _missing(plan)
    if missing:
        raise missing
    # A link would make another file of the user's the result.
    wheels = sorted(each for each in plan.wheels.glob("*.whl") if not each.is_symlink())
    if not built or not wheels:
        raise explain(plan, reader, without_network=plan.fetches and fetched)
    return FrontendOutput(wheel=wheels[0], crates=reader.crates, crates_with_c=with_c)


def _write_shims(plan: Plan) -> None:
    """Write the programs that are first on the build's PATH.

    Without a Rust, those that run `wasmwheel-cargo` note that the package needs one.
    """
    shutil.rmtree(plan.shims, ignore_errors=True)
    plan.shims.mkdir(parents=True)
    program = script("wasmwheel-cargo")
    rust = plan.toolchain and plan.toolchain.rust
    programs = dict.fromkeys(("cargo", cargo_wrapper.MATURIN, cargo_wrapper.STRIP), program)
    if not rust:
        programs["rustc"] = program
    elif plan.reads_metadata_only:
        programs["cargo"] = rust.cargo
    for name, source in programs.items():
        shim = plan.shims / f"{name}{program.suffix}"
        if os.name == "nt":
            shutil.copy2(source, shim)
        else:
            shim.symlink_to(source)
    emscripten.put_on_path(plan.shims)
    if plan.native_linker:
        plan.compiler_path.mkdir()
        (plan.compiler_path / "ld").symlink_to(plan.native_linker)


def _missing(plan: Plan) -> Exception | None:
    """Return the error if Rust or C is compiled and the plan has nothing to do it with."""
    if plan.rust_note.exists() and not (plan.toolchain and plan.toolchain.rust):
        return NeedsRustError()
    compiled = emscripten.read_c_usage(plan.c_notes)
    compiler = plan.toolchain and plan.toolchain.emscripten
    if compiled.needs_headers and not (compiler and plan.headers):
        return NeedsCCompilerError()
    if compiled.crates and not compiler:
        return missing_c_compiler(plan.project.label, compiled.crates, plan.target)
    return None


def _workspace(base: Path, name: str) -> Path:
    """Return the folder of rustc's relative paths: the workspace's, at or above the crate's."""
    for folder in (base, *base.parents):
        if os.path.exists(folder / name):  # printed text can be no path
            return folder
    return base
