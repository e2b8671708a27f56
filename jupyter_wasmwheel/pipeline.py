"""The way through: a source becomes a project, a plan, a wheel, its proof, and a site's package."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .api.errors import SourceError
from .api.events import Emitter, Event, Phase, Phases, note
from .build import plan
from .build.request import BuildRequest, TestRequest
from .checks import tests
from .checks.dependencies import Dependency
from .checks.tests import Tests
from .index import Index
from .process.limits import Limits
from .project import copy, edits, manifest, recipes, source, suite
from .project.edits import Edits, Patch
from .project.manifest import Project
from .project.source import Fetched
from .report import Report
from .runtime import targets
from .runtime.targets import Target
from .site import data, lite, publish
from .site.lite import Site
from .site.publish import Published
from .steps.destination import Destination, choose_target, reach
from .steps.given import Given, take
from .steps.made import Made, make
from .steps.means import Means
from .steps.proof import Proof, look_up, prove
from .store import Store
from .wheel import Wheel, read

#: Where wheels go when nobody says otherwise, as with `python -m build`.
OUT = Path("dist")


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
    with store.in_use(emit), Phases(emit) as phases:
        means = means_of(request, store, emit, phases)
        given = take(request, target, means)
        finished = build(request, given, target, site, means)
        published = put_into(site, finished, given.edits, means, given.notebook) if site else None
    return report(request, given, finished, phases, published=published)


def test(request: TestRequest, store: Store, emit: Emitter) -> Report:
    """Build what is asked for, and run the project's own tests with it in its runtime."""
    plan.refuse_overriding(os.environ)
    target = choose_target(request, None)
    with store.in_use(emit), Phases(emit) as phases:
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
            limits=request.limits,
        )
    return report(request, given, finished, phases, tested=tested)


def means_of(request: BuildRequest, store: Store, emit: Emitter, phases: Phases) -> Means:
    """What the steps of a request work with."""
    index = Index(offline=request.offline)
    return Means(
        store=store,
        emit=emit,
        phases=phases,
        index=index,
        offline=request.offline,
        limits=request.limits,
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
        limits=request.limits,
        variables=request.variables,
    )

    def emit(event: Event) -> None:
        """Pass on what happens; the phases that count are those of the package itself."""
        if not isinstance(event, Phase):
            means.emit(event)

    with Phases(emit) as phases:
        its_means = replace(means, emit=emit, phases=phases)
        given = take(inner, destination.target, its_means)
        finished = build(inner, given, destination.target, destination.site, its_means)
        site, its = destination.site, given.edits
        published = put_into(site, finished, its, its_means, given.notebook) if site else None
    return report(inner, given, finished, phases, published=published)


def wheels_of(reports: Iterable[Report]) -> list[Wheel]:
    """The wheels of reports, and of those of what was built along for them."""
    return [wheel for each in reports for wheel in (*wheels_of(each.built_along), each.wheel)]


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


def publish_wheel(path: Path, site: Site, store: Store, emit: Emitter, limits: Limits) -> Published:
    """Publish a wheel that is there already, once it has passed the same checks."""
    wheel = read(path)
    publish.refuse_foreign(site, wheel)
    with store.in_use(emit), Phases(emit) as phases:
        means = Means(store=store, emit=emit, phases=phases, index=Index(), limits=limits)
        phases.enter("toolchain")
        destination = reach(site.target, site, means)
        proof = prove(wheel, destination, means, with_smoke=True)
        made = Made(wheel=wheel)
        finished = Finished(wheel=wheel, destination=destination, made=made, proof=proof)
        recipe, _ = recipes.choose(recipes.AUTO, wheel.name, wheel.version)
        return put_into(site, finished, Edits(recipe=recipe), means)


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


def put_into(
    site: Site,
    finished: Finished,
    its_edits: Edits,
    means: Means,
    notebook: dict[str, Any] | None = None,
) -> Published:
    """Publish a proven wheel, with what its recipe ships, and say what is nowhere to be had.

    What was made optional is loaded with it all the same where the site has it: it was not made
    useless, only not to be waited for. `notebook` is the project's own.
    """
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
    there += its_edits.make_optional
    toolchain = finished.made.toolchain
    built_with = toolchain.summary if toolchain else None
    wheel = finished.wheel
    recipe = its_edits.recipe
    shipped = (
        data.gather(recipe, wheel.version, means.store, means.emit, offline=means.offline)
        if recipe
        else publish.NOTHING
    )
    return publish.publish(
        *(site, wheel, there, means.emit),
        built_with=built_with,
        shipped=shipped,
        notebook=notebook,
    )
