"""The third step: build a wheel from a private copy of the project."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct
from msgspec.structs import replace

from .. import build_variables
from ..api.events import note
from ..api.report import Crate, Patch
from ..build import (
    backend,
    build_frontend,
    cache,
    crate_fetcher,
    maturin,
    optimize,
    patched_crates,
    plan,
    provenance,
    pyo3,
    sbom,
    seeds,
)
from ..build.cache import CachedWheel
from ..build.patched_crates import PatchedCrate
from ..build.plan import Plan
from ..process import confine
from ..project import copy, edits, manifest, recipes
from ..project.copy import Copy
from ..safe_paths import remove_tree
from ..toolchain import (
    cargo_config,
    cargo_policy,
    cargo_resolver,
    emscripten,
    headers,
    lock_file,
)
from ..toolchain import crates as crate_store
from ..toolchain.cargo_config import Rustflags
from ..toolchain.toolchain import Toolchain
from ..wheel import Wheel, read
from .context import BuildContext
from .environment import TargetEnvironment, choose_toolchain
from .resolve import ResolvedSource


class Workspace(Struct, frozen=True, kw_only=True):
    """The work folder of a project, its private copy in it, and a temporary folder."""

    folder: Path
    copy: Copy
    scratch: Path


class BuildResult(Struct, frozen=True, kw_only=True):
    """A wheel and how it was built; a pure wheel has no toolchain and no crates."""

    wheel: Wheel
    toolchain: Toolchain | None = None
    crates: tuple[Crate, ...] = ()
    crates_with_c: tuple[str, ...] = ()
    patches: tuple[Patch, ...] = ()
    confined: bool = False
    seeded: bool = False
    cached: bool = False


@contextmanager
def open_workspace(source: ResolvedSource, context: BuildContext) -> Iterator[Workspace]:
    """Update the private copy of a project, and lock it."""
    key = plan.work_key(source.project, source.fetched.origin or source.fetched.identity)
    with (
        context.store.lock(key, context.emit),
        TemporaryDirectory(prefix="wasmwheel-") as scratch,
    ):
        folder = context.store.home / key
        for left in folder.glob(f"{plan.TEMPORARY}*"):  # by a build that was killed
            remove_tree(left)
        private = copy.refresh(source.project, folder / "source", source.changes)
        if source.request.ignore_lock:
            private = copy.unlock(private)
        yield Workspace(folder=folder, copy=private, scratch=Path(scratch))


def build_wheel(
    source: ResolvedSource,
    workspace: Workspace,
    environment: TargetEnvironment,
    context: BuildContext,
) -> BuildResult:
    """Build a wheel, or return the cached one.

    Whether a build backend compiles Rust shows when it runs; then it is run again with a toolchain.
    """
    needs_rust = environment.toolchain is None and (workspace.folder / plan.RUST_NOTE).exists()
    if not needs_rust:
        try:
            return _build_wheel(source, workspace, environment, context)
        except build_frontend.NeedsRustError:
            note(context.emit, f"The build backend of {source.project.label} compiles Rust.")
    chosen = choose_toolchain(environment, source, context, with_rust=True)
    return _build_wheel(source, workspace, replace(environment, toolchain=chosen), context)


def _build_wheel(
    source: ResolvedSource,
    workspace: Workspace,
    environment: TargetEnvironment,
    context: BuildContext,
) -> BuildResult:
    private, chosen = workspace.copy, environment.toolchain
    planned = _plan(source, workspace, environment, context)
    patches = edits.show(
        [change for crate in planned.crates for change in crate.changes], context.emit
    )

    sources = copy.digest(private)

    def build(planned: Plan = planned) -> CachedWheel:
        return _compile(planned, workspace, environment, context, keep_seed=is_only)

    cached = False
    is_only = cache.note_sources(planned, sources)
    try:
        if chosen and not source.request.no_cache:
            key = cache.key(planned, private, sources, patches)
            if not is_only and not context.store.find(key):
                key = cache.key_in_folder(key, workspace.folder)
            built, cached = cache.get_or_build(key, build, context.store, context.emit)
        else:
            built = build()
    except build_frontend.NeedsCCompilerError:
        chosen = chosen or choose_toolchain(environment, source, context, with_rust=False)
        if chosen.emscripten is None:
            named = (source.project.name,)
            raise emscripten.missing_compiler(named, environment.target) from None
        include = _headers(environment, context)
        built = build(replace(planned, toolchain=chosen, headers=include))
    if chosen is None:
        label = source.project.label
        note(context.emit, f"{label} has nothing to compile. Its wheel works on every platform.")
    return BuildResult(
        wheel=built.wheel,
        toolchain=chosen,
        crates=built.crates,
        crates_with_c=built.crates_with_c,
        patches=patches,
        confined=built.confined,
        seeded=built.seeded and not cached,
        cached=cached,
    )


def _headers(environment: TargetEnvironment, context: BuildContext) -> Path:
    """Return the folder with the target's Python.h."""
    target, runtime = environment.target, environment.engine.runtime
    return headers.ensure_headers(target, runtime, context.index, context.store, context.emit)


def _plan(
    source: ResolvedSource,
    workspace: Workspace,
    environment: TargetEnvironment,
    context: BuildContext,
) -> Plan:
    """Return the plan of a build, after preparing its crates."""
    private, recipe, chosen = workspace.copy, source.edits.recipe, environment.toolchain
    rust = chosen and chosen.rust
    crate_store.ignore_vendored(private.top)
    copy.remove_false_lock_files(private)
    if rust:
        reachable = build_variables.for_download(os.environ, context.variables)
        cargo_policy.require_harmless(private.top, private.folder, reachable)
        if not source.project.is_own:
            cargo_policy.require_public(private.top, private.folder, reachable)
    if rust and context.offline:
        crate_store.use_vendored(private.folder, private.top, rust, context.store, context.emit)
    environ = build_variables.for_build(os.environ, context.variables)
    if rust and private.unlocked:
        resolver = cargo_resolver.for_project(
            rust, private.top, private.folder, environ, is_own=source.project.is_own
        )
        for path in copy.lock_files(private):
            kept = workspace.folder / "locks"
            lock_file.replace_unusable(path, resolver, kept, offline=context.offline)
    crates: tuple[PatchedCrate, ...] = ()
    if rust:
        crates = patched_crates.prepare(
            recipe, source.project, private, rust, workspace.folder, offline=context.offline
        )
        if source.request.recipe != recipes.NONE:
            crates += patched_crates.prepare_bundled(
                source.project,
                private,
                rust,
                workspace.folder,
                edited={each.name for each in crates},
                offline=context.offline,
            )
    # Those of the last build, which can have ended where Rust was first compiled.
    usage = emscripten.read_c_usage(workspace.folder / plan.C_NOTES)
    with_headers = chosen and chosen.emscripten and usage.needs_headers
    flags = Rustflags()
    if rust:
        flags = cargo_config.read(private.folder, rust, environ, source.request.cargo_args)
    for text in flags.notes(private.locate):
        note(context.emit, text)
    return Plan(
        project=source.project,
        target=environment.target,
        toolchain=chosen,
        headers=_headers(environment, context) if with_headers else None,
        request=source.request,
        work=workspace.folder,
        environ=environ,
        variables=context.variables,
        pyo3_config=pyo3.configuration(environment.target, context.store, context.emit),
        settings=recipe.cargo if recipe else recipes.NO_SETTINGS,
        crates=crates,
        rustflags=flags.used,
        limits=context.limits,
        maturin=manifest.maturin_settings(private.folder),
        unlocked=private.unlocked,
        wants_confinement=True,
    )


def _compile(
    planned: Plan,
    workspace: Workspace,
    environment: TargetEnvironment,
    context: BuildContext,
    *,
    keep_seed: bool,
) -> CachedWheel:
    """Compile a wheel, from a seed if there is one, and optimize it.

    What a first build compiles is kept as a seed only with `keep_seed`.
    """
    emit, phases, private = context.emit, context.phases, workspace.copy

    def on_package() -> None:
        phases.enter("package")

    if planned.toolchain or planned.project.backend != "pure":
        phases.enter("compile")
    if confine.is_wanted() and (lacking := confine.shortcoming()):
        note(emit, lacking)
    has_rust = planned.toolchain and planned.toolchain.rust
    is_plain = bool(has_rust) and seeds.is_plain(planned, private)
    seed = seeds.restore(planned, private, context.store) if has_rust else None
    fetches_nothing = seed is not None and is_plain and seeds.has_crates(seed, planned, private)
    if fetches_nothing:
        crate_fetcher.note_fetched(planned, private)
    if planned.project.is_maturin:

        def python() -> Path | None:
            return backend.python_for_maturin(planned, private, context.store, emit)

        built = maturin.build(planned, private, emit, on_package, python)
        if is_plain and keep_seed and seed is None:
            seeds.keep(planned, private, context.store, emit)
        if fetches_nothing:  # cargo has changed the lock file, which names the crate
            crate_fetcher.note_fetched(planned, private)
    else:
        runtime = environment.engine.runtime
        built = backend.build(planned, private, runtime, context.store, emit, on_package)
    on_package()
    phases.enter("optimise")
    tool = planned.toolchain.wasm_opt if planned.toolchain else None
    plain = read(built.wheel)
    built_with = provenance.describe(planned, built.crates_with_c)
    changed = sbom.normalize(plain, planned.folders)
    changed |= provenance.as_member(built_with, plain) if built_with else {}
    wheel = optimize.optimize(plain, tool, changed, workspace.scratch, planned.limits, emit)
    return CachedWheel(
        wheel=wheel,
        crates=built.crates,
        crates_with_c=built.crates_with_c,
        seeded=seed is not None,
        confined=confine.method() == confine.BUBBLEWRAP,
    )
