"""The step that compiles: a project on its private copy becomes a wheel."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from .. import build_variables
from ..api.events import note
from ..build import (
    backend,
    cache,
    front_end,
    maturin,
    optimise,
    patched,
    plan,
    provenance,
    pyo3,
    sbom,
    seeds,
)
from ..build.cache import Kept
from ..build.patched import PatchedCrate
from ..build.plan import Plan
from ..build.request import BuildRequest
from ..project import copy, edits
from ..project.copy import Copy
from ..project.edits import Patch
from ..project.manifest import Project
from ..toolchain import crates as vendored
from ..toolchain import emscripten, headers, toolchain
from ..toolchain.cargo import Crate
from ..toolchain.toolchain import Toolchain
from ..wheel import Wheel, read
from .destination import Destination
from .given import Given
from .means import Means


@dataclass(frozen=True, kw_only=True)
class Made:
    """What building came to; a pure wheel has no toolchain and no crates."""

    wheel: Wheel
    toolchain: Toolchain | None = None
    crates: tuple[Crate, ...] = ()
    crates_with_c: tuple[str, ...] = ()
    patches: tuple[Patch, ...] = ()
    seeded: bool = False
    cached: bool = False


def make(
    request: BuildRequest,
    given: Given,
    private: Copy,
    destination: Destination,
    work: Path,
    scratch: Path,
    means: Means,
) -> Made:
    """The wheel, built or as it was kept; a project that compiles nothing needs no toolchain."""
    project, recipe = given.project, given.edits.recipe
    chosen = choose_toolchain(request, project, destination, means) if project.crate else None
    crates: tuple[PatchedCrate, ...] = ()
    vendored.forget(private.top)
    if chosen and chosen.rust and request.offline:
        vendored.provide(private.folder, private.top, chosen.rust, means.store, means.emit)
    if chosen and chosen.rust:
        crates = patched.patched(
            *(recipe, project, private, chosen.rust, work), offline=request.offline
        )
    patches = edits.show([change for crate in crates for change in crate.changes], means.emit)
    environ = build_variables.for_build(os.environ, request.variables)
    config = pyo3.configuration(destination.target, means.store, means.emit)

    def planned(chosen: Toolchain | None, include: Path | None) -> Plan:
        return plan.make(
            *(project, destination.target, chosen, include, request, work, environ),
            pyo3_config=config,
            settings=recipe.cargo if recipe else plan.NO_SETTINGS,
            crates=crates,
        )

    def build(chosen: Toolchain | None, include: Path | None = None) -> Kept:
        return compile_wheel(planned(chosen, include), private, destination, scratch, means)

    cached = False
    try:
        if chosen and request.cache:
            key = cache.key(planned(chosen, None), copy.digest(private), patches)
            kept, cached = cache.get_or_build(key, lambda: build(chosen), means.store, means.emit)
        else:
            kept = build(chosen)
    except front_end.CompilesC:
        chosen = chosen or choose_toolchain(request, project, destination, means)
        kept = build(chosen, headers_for_c(project, chosen, destination, means))
    if chosen is None:
        note(means.emit, f"{project.label} has nothing to compile; its plain wheel runs anywhere.")
    return Made(
        wheel=kept.wheel,
        toolchain=chosen,
        crates=kept.crates,
        crates_with_c=kept.crates_with_c,
        patches=patches,
        seeded=kept.seeded and not cached,
        cached=cached,
    )


def compile_wheel(
    planned: Plan, private: Copy, destination: Destination, scratch: Path, means: Means
) -> Kept:
    """Compile a wheel, from a seed where there is one, and optimise it."""

    def packing() -> None:
        means.phases.enter("package")

    if planned.project.backend != "pure":
        means.phases.enter("compile")
    seeded = seeds.sow(planned, private, means.store) if planned.project.crate else False
    if planned.project.backend == "maturin":
        built = maturin.build(planned, private, means.emit, packing)
    else:
        runtime = destination.runtime
        built = backend.build(planned, private, runtime, means.store, means.emit, packing)
    packing()
    means.phases.enter("optimise")
    tool = planned.toolchain.wasm_opt if planned.toolchain else None
    plain = read(built.wheel)
    made_with = provenance.of_build(planned, built.crates_with_c)
    changed = sbom.settled(plain, planned.folders)
    changed |= provenance.written(made_with, plain) if made_with else {}
    wheel = optimise.optimise(plain, tool, changed, scratch, means.emit)
    return Kept(wheel=wheel, crates=built.crates, crates_with_c=built.crates_with_c, seeded=seeded)


def choose_toolchain(
    request: BuildRequest, project: Project, destination: Destination, means: Means
) -> Toolchain:
    """The toolchain for what a project is made of: Rust with a crate, else C."""
    return toolchain.choose(
        destination.target,
        destination.node,
        means.store,
        means.emit,
        linker_choice=request.linker,
        optimise=request.profile == "release",
        channel=project.channel,
        offline=means.offline,
        with_rust=project.crate is not None,
        with_maturin=project.backend == "maturin",
    )


def headers_for_c(
    project: Project, chosen: Toolchain, destination: Destination, means: Means
) -> Path:
    """The headers with which a package compiles C; a ToolchainError without a compiler."""
    target = destination.target
    if chosen.emscripten is None:
        raise emscripten.missing_compiler((project.name,), target)
    return headers.get(target, destination.runtime, means.index, means.store, means.emit)
