"""The way through: a source becomes a project, a plan, a wheel, its proof, and a site's package."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .build import maturin, optimise, plan, pure
from .build.request import BuildRequest
from .checks import audit, dependencies, smoke
from .errors import SourceError, UsageError
from .events import Emitter, Phases, note
from .index import Index
from .project import copy, manifest, source
from .report import Report
from .runtime import lock, node, pyodide, snapshot, targets
from .runtime.pyodide import Runtime
from .runtime.targets import Target
from .site import lite, publish
from .site.lite import Site
from .store import Store
from .toolchain import toolchain
from .toolchain.cargo import Crate
from .toolchain.toolchain import Toolchain
from .wheel import Wheel, read

#: Where wheels go when nobody says otherwise, as with `python -m build`.
OUT = Path("dist")


def run(request: BuildRequest, store: Store, emit: Emitter) -> Report:
    """Build what is asked for, prove that it works, and publish it where a site is named."""
    with Phases(emit) as phases:
        site = lite.find(request.site, store) if request.site else None
        target = _target(request, site)
        plan.refuse_overriding(os.environ)

        phases.enter("source")
        fetched = source.fetch(
            source.parse(request.source), target, store, emit, offline=request.offline
        )
        if not fetched.is_own:
            note(emit, "Building runs this package's code on this machine, with your rights.")

        phases.enter("project")
        project = manifest.read(fetched.folder)
        note(emit, f"{project.label}, built by {project.backend}")
        index = Index(offline=request.offline)
        key = plan.work_key(project, fetched.sha256)
        with store.lock(key, emit), tempfile.TemporaryDirectory(prefix="wasmwheel-") as scratch:
            work = store.home / key
            private = copy.refresh(project, work / "source")
            if request.ignore_lock:
                copy.drop_lock_files(private)

            phases.enter("toolchain")
            its_node = node.get(store, emit, offline=request.offline)
            runtime = _runtime(site, target, its_node, store, emit, offline=request.offline)
            snapshot.get(runtime, its_node, store, emit)
            made = _make(request, project, private, target, its_node, work, store, emit, phases)
            phases.enter("optimise")
            tool = made.toolchain.wasm_opt if made.toolchain else None
            wheel = optimise.optimise(made.wheel, tool, Path(scratch), emit)

            proof = _prove(
                wheel, request.smoke, target, runtime, its_node, index, site, store, emit, phases
            )
            wheel = _deliver(wheel, request.out or OUT)
            published = None
            if site:
                phases.enter("publish")
                published = _publish(wheel, site, proof.dependencies, index, store, emit)

    return Report(
        wheel=wheel,
        target=target,
        runtime=runtime,
        toolchain=made.toolchain,
        profile=request.profile,
        phases=phases.seconds,
        crates=made.crates,
        crates_with_c=made.crates_with_c,
        audit=proof.audit,
        smoke=proof.smoke,
        dependencies=proof.dependencies,
        published=published,
    )


def _target(request: BuildRequest, site: Site | None) -> Target:
    """The target: the site's own where one is named, else what is asked for, else the default."""
    if site is None:
        return targets.find(request.target or targets.default_abi())
    if not request.smoke:
        raise UsageError(
            "--no-smoke and --site exclude each other.",
            "A wheel is published only after it has been imported in its runtime.",
            "Leave one of them away.",
        )
    if request.target and request.target != site.target.abi:
        raise UsageError(
            f"The site {request.site} is not for the target {request.target}.",
            f"It runs Pyodide {site.pyodide}, whose ABI is {site.target.abi}.",
            f"Leave --target away, or make a site for it: `jupyter wasmwheel site create DIR "
            f"--target {request.target}`.",
        )
    return site.target


def publish_wheel(path: Path, site: Site, store: Store, emit: Emitter) -> publish.Published:
    """Publish a wheel that is there already, once it has passed the same checks."""
    wheel = read(path)
    publish.refuse_foreign(site, wheel)
    index = Index()
    with Phases(emit) as phases:
        phases.enter("toolchain")
        its_node = node.get(store, emit)
        runtime = _runtime(site, site.target, its_node, store, emit)
        snapshot.get(runtime, its_node, store, emit)
        proof = _prove(
            wheel, True, site.target, runtime, its_node, index, site, store, emit, phases
        )
        phases.enter("publish")
        return _publish(wheel, site, proof.dependencies, index, store, emit)


def _runtime(
    site: Site | None,
    target: Target,
    its_node: node.Node,
    store: Store,
    emit: Emitter,
    *,
    offline: bool = False,
) -> Runtime:
    """The runtime to check against: the site's own, which it has beside it unless on a CDN."""
    if site and site.mode == "offline":
        return pyodide.in_folder(site.lock.parent)
    return pyodide.get(target, its_node, store, emit, offline=offline)


@dataclass(frozen=True, kw_only=True)
class _Proof:
    """What the checks came to."""

    audit: audit.Audit
    smoke: smoke.Smoke | None
    dependencies: tuple[dependencies.Dependency, ...]


def _prove(
    wheel: Wheel,
    with_smoke: bool,
    target: Target,
    runtime: Runtime,
    its_node: node.Node,
    index: Index,
    site: Site | None,
    store: Store,
    emit: Emitter,
    phases: Phases,
) -> _Proof:
    """Audit and import a wheel; a CheckError where it does not hold."""
    phases.enter("audit")
    audited = audit.audit(wheel, target, runtime, its_node, store, emit)
    audit.require(audited, wheel, runtime)
    needed = dependencies.resolve(
        wheel,
        lock.read(site.original_lock if site else runtime.lock),
        lock.read(site.lock) if site else None,
    )
    smoked = None
    if with_smoke:
        phases.enter("smoke")
        site_lock = site.lock if site else None
        smoked = smoke.smoke([wheel], runtime, its_node, store, index, emit, site_lock=site_lock)
    return _Proof(audit=audited, smoke=smoked, dependencies=needed)


@dataclass(frozen=True, kw_only=True)
class _Made:
    """What the compile and package phases came to."""

    wheel: Wheel
    toolchain: Toolchain | None = None
    crates: tuple[Crate, ...] = ()
    crates_with_c: tuple[str, ...] = ()


def _make(
    request: BuildRequest,
    project: manifest.Project,
    private: copy.Copy,
    target: Target,
    its_node: node.Node,
    work: Path,
    store: Store,
    emit: Emitter,
    phases: Phases,
) -> _Made:
    """Choose the toolchain and build the wheel; a pure project needs none."""
    if project.backend == "setuptools-rust":
        raise SourceError(
            f"{project.label} is built by setuptools-rust, which is not supported yet.",
            "This version builds projects whose backend is maturin.",
            "Follow the changelog: setuptools-rust comes next.",
        )
    if project.backend == "pure":
        phases.enter("package")
        return _Made(wheel=read(pure.build(project, private, work, emit)))
    chosen = toolchain.choose(
        target,
        its_node,
        store,
        emit,
        linker_choice=request.linker,
        optimise=request.profile == "release",
        channel=project.channel,
        offline=request.offline,
    )
    planned = plan.make(project, target, chosen, request, work, os.environ)
    phases.enter("compile")
    built = maturin.build(planned, private, emit, lambda: phases.enter("package"))
    return _Made(
        wheel=read(built.wheel),
        toolchain=chosen,
        crates=built.crates,
        crates_with_c=built.crates_with_c,
    )


def _deliver(wheel: Wheel, folder: Path) -> Wheel:
    """Put the finished wheel into its folder, whole."""
    folder.mkdir(parents=True, exist_ok=True)
    place = folder.resolve() / wheel.path.name
    beside = place.with_name(place.name + ".part")
    try:
        shutil.copyfile(wheel.path, beside)
        os.replace(beside, place)
    finally:
        beside.unlink(missing_ok=True)
    return read(place)


def _publish(
    wheel: Wheel,
    site: Site,
    needed: tuple[dependencies.Dependency, ...],
    index: Index,
    store: Store,
    emit: Emitter,
) -> publish.Published:
    """Publish the wheel and bring what it needs from Pyodide's distribution into the site."""
    for each in needed:
        if each.source == "missing":
            note(emit, f"{each.requirement} is nowhere to be had; the import works without it.")
    wanted = [each.name for each in needed if each.source == "pyodide"]
    if wanted:
        publish.add_packages(site, wanted, index, store, emit)
    there = [each.name for each in needed if each.source != "missing"]
    return publish.publish(site, wheel, there, emit)
