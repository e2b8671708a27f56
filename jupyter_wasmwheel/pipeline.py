"""The way through: a source becomes a project, a plan, a wheel, its proof, and a site's package."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .build import (
    backend,
    cache,
    front_end,
    maturin,
    optimise,
    patched,
    plan,
    provenance,
    pyo3,
    seeds,
)
from .build.cache import Kept
from .build.patched import PatchedCrate
from .build.plan import Plan
from .build.request import BuildRequest, TestRequest
from .checks import audit, dependencies, proofs, smoke, tests
from .checks.dependencies import Dependency, Resolution
from .checks.tests import Tests
from .errors import SourceError, UsageError
from .events import Emitter, Event, Phase, Phases, note
from .index import Index
from .project import copy, edits, manifest, recipes, source, suite
from .project.copy import Copy
from .project.edits import Change, Edits, Patch
from .project.manifest import Project
from .project.recipes import Recipe
from .project.source import Fetched
from .report import Report
from .runtime import lock, node, packages, pyodide, snapshot, targets
from .runtime.node import Node
from .runtime.pyodide import Runtime
from .runtime.targets import Target
from .site import data, lite, publish
from .site.lite import Site
from .site.publish import Published
from .store import Store
from .toolchain import emscripten, headers, toolchain
from .toolchain.cargo import Crate
from .toolchain.toolchain import Toolchain
from .wheel import Wheel, read

#: Where wheels go when nobody says otherwise, as with `python -m build`.
OUT = Path("dist")


@dataclass(frozen=True, kw_only=True)
class Means:
    """What every step works with: where state lives, whom to tell, and whom to ask.

    `building` names the package and those that it is built along for, outermost first; `beside` are
    the wheels that were built along already.
    """

    store: Store
    emit: Emitter
    phases: Phases
    index: Index
    offline: bool = False
    building: tuple[str, ...] = ()
    beside: tuple[Wheel, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Given:
    """A source that is at hand, the project in it, and how that is edited before it is built."""

    fetched: Fetched
    project: Project
    edits: Edits
    changes: tuple[Change, ...]
    patches: tuple[Patch, ...]


@dataclass(frozen=True, kw_only=True)
class Destination:
    """Where a wheel is to run: its target, the exact runtime, the site if it goes into one."""

    target: Target
    runtime: Runtime
    node: Node
    site: Site | None


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


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What the checks came to."""

    audit: audit.Audit
    smoke: smoke.Smoke | None
    dependencies: tuple[Dependency, ...]


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A wheel that is where it was asked for, with how it was made and what proves it.

    `along` are the reports of what was built for it before.
    """

    wheel: Wheel
    destination: Destination
    made: Made
    proof: Proof
    along: tuple[Report, ...] = ()


def run(request: BuildRequest, store: Store, emit: Emitter) -> Report:
    """Build what is asked for, prove that it works, and publish it where a site is named."""
    plan.refuse_overriding(os.environ)
    site = lite.find(request.site, store) if request.site else None
    target = choose_target(request, site)
    with Phases(emit) as phases:
        means = means_of(request, store, emit, phases)
        given = take(request, target, means)
        finished = build(request, given, target, site, means)
        published = put_into(site, finished, given.edits.recipe, means) if site else None
    return report(request, given, finished, phases, published=published)


def test(request: TestRequest, store: Store, emit: Emitter) -> Report:
    """Build what is asked for, and run the project's own tests with it in its runtime."""
    plan.refuse_overriding(os.environ)
    target = choose_target(request, None)
    with Phases(emit) as phases:
        means = means_of(request, store, emit, phases)
        given = take(request, target, means)
        its_suite = suite.find(given.project)
        finished = build(request, given, target, None, means)
        phases.enter("test")
        wheels = [finished.wheel, *wheels_of(finished.along)]
        runtime, its_node = finished.destination.runtime, finished.destination.node
        tested = tests.run(
            *(its_suite, wheels, runtime, its_node, store, means.index, emit),
            is_own=given.fetched.is_own,
            select=request.select,
            timeout=request.timeout,
        )
    return report(request, given, finished, phases, tested=tested)


def means_of(request: BuildRequest, store: Store, emit: Emitter, phases: Phases) -> Means:
    """What the steps of a request work with."""
    index = Index(offline=request.offline)
    return Means(store=store, emit=emit, phases=phases, index=index, offline=request.offline)


def take(request: BuildRequest, target: Target, means: Means) -> Given:
    """Bring the source to hand and read what project it is; nothing of it is run."""
    means.phases.enter("source")
    fetched = source.fetch(
        source.parse(request.source), target, means.store, means.emit, offline=means.offline
    )
    if not fetched.is_own:
        note(means.emit, "Building runs this package's code on this machine, with your rights.")
    means.phases.enter("project")
    project = manifest.read(fetched.folder)
    note(means.emit, f"{project.label}, built by {project.backend}")
    its_edits = edits.choose(request.recipe, request.make_optional, project, means.emit)
    changes = edits.changes(its_edits, project)
    patches = edits.show(changes, means.emit)
    return Given(
        fetched=fetched, project=project, edits=its_edits, changes=changes, patches=patches
    )


def build(
    request: BuildRequest, given: Given, target: Target, site: Site | None, means: Means
) -> Finished:
    """Build a wheel on a private copy, prove it, and put it where it was asked for."""
    name = canonicalize_name(given.project.name)
    means = replace(means, building=(*means.building, name))
    key = plan.work_key(given.project, given.fetched.identity)
    with (
        means.store.lock(key, means.emit),
        tempfile.TemporaryDirectory(prefix="wasmwheel-") as scratch,
    ):
        work = means.store.home / key
        private = copy.refresh(given.project, work / "source", given.changes)
        if request.ignore_lock:
            copy.drop_lock_files(private)

        means.phases.enter("toolchain")
        destination = reach(target, site, means)
        known = manifest.requirements(private.folder)
        along: tuple[Report, ...] = ()
        if known is not None:
            along = provide(known, request, destination, means)
        made = make(request, given, private, destination, work, Path(scratch), means)
        if known is None:
            along = provide(made.wheel.requires, request, destination, means)
        means = replace(means, beside=(*means.beside, *wheels_of(along)))
        proof = prove(made.wheel, destination, means, with_smoke=request.smoke, cached=made.cached)
        wheel = deliver(made.wheel, request.out or OUT)
    return Finished(wheel=wheel, destination=destination, made=made, proof=proof, along=along)


def provide(
    requires: Sequence[Requirement], request: BuildRequest, destination: Destination, means: Means
) -> tuple[Report, ...]:
    """What is nowhere to be had: said or, if asked for, built, the needed before the needing."""
    along: list[Report] = []
    passed_over: set[str] = set()
    while True:
        now = replace(means, beside=(*means.beside, *wheels_of(along)))
        known = (*means.building, *passed_over)
        lacking = [
            each
            for each in look_up(requires, destination, now).without_file
            if each.source == "missing" or destination.site is None
            if canonicalize_name(each.name) not in known
        ]
        if not lacking:
            return tuple(along)
        wanted = lacking[0]
        passed_over.add(canonicalize_name(wanted.name))
        if not request.with_dependencies:
            who = "Nobody" if wanted.source == "missing" else "Only Pyodide's CDN"
            note(
                means.emit,
                f"{who} has {wanted.requirement} for the browser; "
                "--with-dependencies builds it along.",
            )
            continue
        try:
            along.append(build_along(wanted, request, destination, now))
        except SourceError as error:
            note(means.emit, f"{wanted.name} cannot be built along. {error.what} {error.why}")


def build_along(
    wanted: Dependency, request: BuildRequest, destination: Destination, means: Means
) -> Report:
    """Build what a package needs, by its own recipe, and publish it before the package."""
    note(means.emit, f"Building {wanted.requirement} along, for {means.building[-1]}.")
    named = Requirement(wanted.requirement)
    inner = BuildRequest(
        source=f"pypi:{named.name}{named.specifier}",
        target=request.target,
        site=request.site,
        profile=request.profile,
        linker=request.linker,
        out=request.out,
        smoke=request.smoke,
        with_dependencies=True,
        cache=request.cache,
        offline=request.offline,
    )

    def emit(event: Event) -> None:
        """Pass on what happens; the phases that count are those of the package itself."""
        if not isinstance(event, Phase):
            means.emit(event)

    with Phases(emit) as phases:
        its_means = replace(means, emit=emit, phases=phases)
        given = take(inner, destination.target, its_means)
        finished = build(inner, given, destination.target, destination.site, its_means)
        site = destination.site
        recipe = given.edits.recipe
        published = put_into(site, finished, recipe, its_means) if site else None
    return report(inner, given, finished, phases, published=published)


def wheels_of(reports: Iterable[Report]) -> list[Wheel]:
    """The wheels of reports, and of those of what was built along for them."""
    return [wheel for each in reports for wheel in (*wheels_of(each.built_along), each.wheel)]


def look_up(requires: Iterable[Requirement], destination: Destination, means: Means) -> Resolution:
    """Where requirements come from: what was built along, the site, Pyodide, or the index."""
    site = destination.site
    original = lock.read(site.original_lock if site else destination.runtime.lock)
    shelves = [packages.of_wheels(means.beside, original)]
    if site:
        shelves.append(packages.of_site(lock.read(site.lock), site.lock.parent, original))
    cdn = site is None or site.mode == "cdn"
    shelves.append(packages.of_index(original, means.index, means.store, means.emit, cdn=cdn))
    return dependencies.resolve(packages.holding(requires, original), shelves)


def report(
    request: BuildRequest,
    given: Given,
    finished: Finished,
    phases: Phases,
    *,
    published: Published | None = None,
    tested: Tests | None = None,
) -> Report:
    """The report of a request, once its last phase has ended."""
    made, proof = finished.made, finished.proof
    return Report(
        wheel=finished.wheel,
        target=finished.destination.target,
        runtime=finished.destination.runtime,
        toolchain=made.toolchain,
        profile=request.profile,
        phases=phases.seconds,
        crates=made.crates,
        crates_with_c=made.crates_with_c,
        seeded=made.seeded,
        cached=made.cached,
        recipe=given.edits.recipe,
        patches=(*given.patches, *made.patches),
        audit=proof.audit,
        smoke=proof.smoke,
        dependencies=proof.dependencies,
        built_along=finished.along,
        published=published,
        tests=tested,
    )


@dataclass(frozen=True, kw_only=True)
class Foreseen:
    """A source at hand, and what a build would change of it."""

    fetched: Fetched
    project: Project
    edits: Edits
    patches: tuple[Patch, ...]


def foresee(request: BuildRequest, store: Store, emit: Emitter) -> Foreseen:
    """Say what a build would change of its source, which is fetched; nothing is run."""
    target = targets.find(request.target or targets.default_abi())
    fetched = source.fetch(source.parse(request.source), target, store, emit)
    project = manifest.read(fetched.folder)
    its_edits = edits.choose(request.recipe, request.make_optional, project, emit)
    return Foreseen(
        fetched=fetched,
        project=project,
        edits=its_edits,
        patches=edits.patches_foreseen(its_edits, project),
    )


def publish_wheel(path: Path, site: Site, store: Store, emit: Emitter) -> Published:
    """Publish a wheel that is there already, once it has passed the same checks."""
    wheel = read(path)
    publish.refuse_foreign(site, wheel)
    with Phases(emit) as phases:
        means = Means(store=store, emit=emit, phases=phases, index=Index())
        phases.enter("toolchain")
        destination = reach(site.target, site, means)
        proof = prove(wheel, destination, means, with_smoke=True)
        made = Made(wheel=wheel)
        finished = Finished(wheel=wheel, destination=destination, made=made, proof=proof)
        recipe, _ = recipes.choose(recipes.AUTO, wheel.name, wheel.version)
        return put_into(site, finished, recipe, means)


def choose_target(request: BuildRequest, site: Site | None) -> Target:
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


def reach(target: Target, site: Site | None, means: Means) -> Destination:
    """Get Node, the runtime and its snapshot ready; a site's own runtime is the one that counts."""
    store, emit, offline = means.store, means.emit, means.offline
    its_node = node.get(store, emit, offline=offline)
    runtime = (
        lite.runtime(site, its_node, store, emit, offline=offline)
        if site
        else pyodide.get(target, its_node, store, emit, offline=offline)
    )
    snapshot.get(runtime, its_node, store, emit)
    return Destination(target=target, runtime=runtime, node=its_node, site=site)


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
    if chosen and chosen.rust:
        crates = patched.patched(
            *(recipe, project, private, chosen.rust, work), offline=request.offline
        )
    patches = edits.show([change for crate in crates for change in crate.changes], means.emit)
    config = pyo3.configuration(destination.target, means.store, means.emit)

    def planned(chosen: Toolchain | None, include: Path | None) -> Plan:
        return plan.make(
            *(project, destination.target, chosen, include, request, work, os.environ),
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
    added = provenance.written(made_with, plain) if made_with else {}
    wheel = optimise.optimise(plain, tool, added, scratch, means.emit)
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


def prove(
    wheel: Wheel, destination: Destination, means: Means, *, with_smoke: bool, cached: bool = False
) -> Proof:
    """Audit and import a wheel; a CheckError where it does not hold.

    A cached wheel that was proven before, against the very same, is not proven again.
    """
    site, runtime, its_node = destination.site, destination.runtime, destination.node

    def needs() -> tuple[tuple[Dependency, ...], str]:
        found = look_up(wheel.requires, destination, means)
        return found.dependencies, proofs.key(wheel, runtime, its_node, found)

    means.phases.enter("audit")
    needed, key = needs()
    if cached and with_smoke and (known := proofs.find(key, means.store)):
        return Proof(audit=known[0], smoke=known[1], dependencies=needed)
    audited = audit.audit(wheel, destination.target, runtime, its_node, means.store, means.emit)
    audit.require(audited, wheel, runtime)
    if not with_smoke:
        return Proof(audit=audited, smoke=None, dependencies=needed)
    means.phases.enter("smoke")
    if site:
        bring(site, needed, means)
    smoked = smoke.smoke(
        [wheel],
        runtime,
        its_node,
        means.store,
        means.index,
        means.emit,
        site_lock=site.lock if site else None,
        beside=means.beside,
    )
    needed, key = needs()
    proofs.keep(key, audited, smoked, means.store, means.emit)
    return Proof(audit=audited, smoke=smoked, dependencies=needed)


def deliver(wheel: Wheel, folder: Path) -> Wheel:
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


def bring(site: Site, needed: tuple[Dependency, ...], means: Means) -> None:
    """Bring what a wheel needs, and others have, into the site that it goes into."""
    wanted = [
        each.requirement
        for each in needed
        if each.source in ("pyodide", "pypi", "pypi-wasm") and not each.needed_by
    ]
    if wanted:
        publish.add_packages(site, wanted, means.index, means.store, means.emit, keep_going=True)


def put_into(site: Site, finished: Finished, recipe: Recipe | None, means: Means) -> Published:
    """Publish a proven wheel, with what its recipe ships, and say what is nowhere to be had."""
    means.phases.enter("publish")
    needed = finished.proof.dependencies
    for each in needed:
        if each.source == "missing":
            for_whom = f", which {each.needed_by} requires," if each.needed_by else ""
            text = (
                f"{each.requirement}{for_whom} is nowhere to be had; the import works without it."
            )
            note(means.emit, text)
    there = [each.name for each in needed if each.source != "missing" and not each.needed_by]
    toolchain = finished.made.toolchain
    built_with = toolchain.summary if toolchain else None
    wheel = finished.wheel
    shipped = (
        data.gather(recipe, wheel.version, means.store, means.emit, offline=means.offline)
        if recipe
        else publish.NOTHING
    )
    return publish.publish(site, wheel, there, means.emit, built_with=built_with, shipped=shipped)
