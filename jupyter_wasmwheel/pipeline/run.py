"""The pipeline: run a request step by step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec import structs
from msgspec.structs import replace
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from ..api.errors import SourceError, ToolchainError, UsageError
from ..api.events import Emitter, Event, Phase, Phases, note
from ..api.report import (
    BuildReport,
    CCompiler,
    Dependency,
    PhaseTime,
    Publication,
    TargetInfo,
    ToolchainInfo,
)
from ..api.requests import BuildRequest, SourceRequest, TestRequest
from ..api.sanitize import redact
from ..checks import tests
from ..checks.test_session import TestOptions
from ..index import Index
from ..process.limits import DEFAULT, Limits, time_limit
from ..project import manifest, recipes, suite
from ..project.edits import Edits
from ..runtime.targets import Target
from ..site import lite, publish
from ..site.lite import Site
from ..site.publish import PublishResult
from ..store import Store
from ..toolchain.toolchain import Toolchain
from ..wheel import read
from .build import BuildResult, build_wheel, open_workspace
from .check import find_dependencies, run_checks
from .context import DEFAULT_OUT, BuildContext
from .environment import TargetEnvironment, choose_target, choose_toolchain, prepare_environment
from .publish import CheckedWheel, copy_to_output, publish_all
from .resolve import ResolvedSource, resolve_source

#: Packages of Pyodide that are built if its own wheels cannot be downloaded: cffi, which is small,
#: and without which no package with bindings by cffi can be imported.
ALWAYS_BUILT = {"cffi"}


class BuildOutput(CheckedWheel, frozen=True, kw_only=True):
    """A wheel in the output folder, how it was built and checked, and its built dependencies."""

    source: ResolvedSource
    environment: TargetEnvironment
    phases: Phases
    dependencies: tuple[BuildOutput, ...] = ()

    @property
    def all(self) -> tuple[BuildOutput, ...]:
        """All outputs: those of the dependencies, then this one."""
        return (*all_of(self.dependencies), self)


def all_of(outputs: Iterable[BuildOutput]) -> list[BuildOutput]:
    """Return outputs, each after those of its dependencies."""
    return [each for output in outputs for each in output.all]


def run_build(
    request: BuildRequest,
    store: Store,
    emit: Emitter,
    *,
    limits: Limits = DEFAULT,
    out: Path | None = None,
    variables: tuple[str, ...] = (),
) -> BuildReport:
    """Build a wheel, check it, and publish it if the request names a site."""
    if request.site and request.no_smoke:
        raise UsageError(
            "--no-smoke and --site cannot be combined.",
            "A wheel must be imported in Pyodide before it is published.",
            "Use only one of them.",
            code="request.publish-without-import",
        )
    site = lite.find(request.site, store) if request.site else None
    target = choose_target(request, site)
    published: tuple[PublishResult, ...] = ()
    with open_context(request, store, emit, limits, out, variables) as context:
        output = build(request, target, site, context)
        if site:
            published = publish_all(output.all, site, context)
    return report_of(output, {each.package.name: each for each in published})


def run_tests(
    request: TestRequest,
    store: Store,
    emit: Emitter,
    *,
    limits: Limits = DEFAULT,
    out: Path | None = None,
    variables: tuple[str, ...] = (),
) -> BuildReport:
    """Build a wheel, and run the project's tests with it in Pyodide."""
    target = choose_target(request, None)
    with open_context(request, store, emit, limits, out, variables) as context:
        output = build(request, target, None, context)
        context.phases.enter("test")
        wheels = [output.wheel, *(each.wheel for each in all_of(output.dependencies))]
        options = TestOptions(
            select=request.select, timeout=request.timeout, is_own=output.source.fetched.is_own
        )
        with time_limit("test", limits, f"The tests of {output.wheel.name}"):
            found = suite.find(output.source.project)
            tested = tests.run(found, wheels, output.environment.engine, context, options)
    return structs.replace(report_of(output), tests=tested)


def _subject(request: SourceRequest) -> str:
    """Return the name of a build for people, before its project is known."""
    return f"The build of {redact(request.source):.200}"


def publish_wheels(
    paths: Sequence[Path], site: Site, store: Store, emit: Emitter, *, limits: Limits = DEFAULT
) -> tuple[PublishResult, ...]:
    """Check existing wheels, dependencies first, and publish all of them to a site, or none."""
    wheels = [read(path) for path in paths]
    for wheel in wheels:
        publish.require_target(site, wheel)
    with store.in_use(emit), Phases(emit) as phases:
        context = BuildContext(store=store, emit=emit, limits=limits, phases=phases)
        environment = prepare_environment(site.target, site, context)
        checked = []
        for wheel in wheels:
            recipe, _ = recipes.choose(recipes.AUTO, wheel.name, wheel.version)
            each = CheckedWheel(
                wheel=wheel,
                build=BuildResult(wheel=wheel),
                checks=run_checks(wheel, environment, context),
                edits=Edits(recipe=recipe),
            )
            checked.append(each)
            context = replace(context, built=(*context.built, wheel))
        return publish_all(checked, site, context)


@contextmanager
def open_context(
    request: SourceRequest,
    store: Store,
    emit: Emitter,
    limits: Limits,
    out: Path | None,
    variables: tuple[str, ...],
) -> Iterator[BuildContext]:
    """Yield the context of a run, and end its last phase afterwards."""
    with store.in_use(emit), Phases(emit) as phases:
        yield BuildContext(
            store=store,
            emit=emit,
            index=Index(offline=request.offline),
            limits=limits,
            phases=phases,
            out=out or DEFAULT_OUT,
            variables=variables,
            allow_network=request.allow_network,
        )


def build(
    request: SourceRequest, target: Target, site: Site | None, context: BuildContext
) -> BuildOutput:
    """Resolve a source, build it for a target, and check the wheel."""
    with time_limit("build", context.limits, _subject(request)):
        source = resolve_source(request, target, context)
        return _build_package(source, prepare_environment(target, site, context), context)


def _build_package(
    source: ResolvedSource, environment: TargetEnvironment, context: BuildContext
) -> BuildOutput:
    """Build a wheel and its dependencies, check it, and copy it to the output folder."""
    request = source.request
    name = canonicalize_name(source.project.name)
    context = replace(context, building=(*context.building, name))
    context.phases.enter("toolchain")
    chosen = None
    if source.project.crate:
        chosen = choose_toolchain(environment, source, context, with_rust=True)
    environment = replace(environment, toolchain=chosen)
    with open_workspace(source, context) as workspace:
        known = manifest.requirements(workspace.copy.folder)
        dependencies: tuple[BuildOutput, ...] = ()
        if known is not None:
            dependencies = build_missing_dependencies(known, request, environment, context)
        built = build_wheel(source, workspace, environment, context)
        if known is None:
            requires = built.wheel.requires
            dependencies = build_missing_dependencies(requires, request, environment, context)
        context = _with_built(context, dependencies)
        no_import = isinstance(request, BuildRequest) and request.no_smoke
        checked = run_checks(
            built.wheel, environment, context, with_import=not no_import, cached=built.cached
        )
        wheel = copy_to_output(built.wheel, context.out)
    return BuildOutput(
        wheel=wheel,
        build=built,
        checks=checked,
        edits=source.edits,
        notebook=source.notebook,
        source=source,
        environment=environment,
        phases=context.phases,
        dependencies=dependencies,
    )


def _with_built(context: BuildContext, outputs: Iterable[BuildOutput]) -> BuildContext:
    wheels = (each.wheel for each in all_of(outputs))
    return replace(context, built=(*context.built, *wheels))


def build_missing_dependencies(
    requires: Sequence[Requirement],
    request: SourceRequest,
    environment: TargetEnvironment,
    context: BuildContext,
) -> tuple[BuildOutput, ...]:
    """Build the dependencies without a wheel, if the request asks for it or always; note others."""
    outputs: list[BuildOutput] = []
    handled: set[str] = set()
    while True:
        now = _with_built(context, outputs)
        missing = [
            each
            for each in find_dependencies(requires, environment, now).without_file
            if each.source == "missing" or environment.site is None
            if canonicalize_name(each.name) not in (*context.building, *handled)
        ]
        if not missing:
            return tuple(outputs)
        wanted = missing[0]
        name = canonicalize_name(wanted.name)
        handled.add(name)
        if not request.with_dependencies and name not in ALWAYS_BUILT:
            where = "not available for Pyodide" if wanted.source == "missing" else "only on its CDN"
            text = f"{wanted.requirement} is {where}. --with-dependencies builds it too."
            note(context.emit, text)
            continue
        try:
            outputs.append(build_dependency(wanted, request, environment, now))
        except (SourceError, ToolchainError) as error:
            text = f"Cannot build the dependency {wanted.name}: {error.what} {error.why}"
            note(context.emit, text)


def build_dependency(
    wanted: Dependency,
    request: SourceRequest,
    environment: TargetEnvironment,
    context: BuildContext,
) -> BuildOutput:
    """Build a dependency with its own recipe, to be published with the package."""
    note(context.emit, f"Building {wanted.requirement}, a dependency of {context.building[-1]}.")
    named = Requirement(wanted.requirement)
    known = environment.original.get(named.name)
    if known and known.version in named.specifier:
        named.specifier = SpecifierSet(f"=={known.version}")
    inner = BuildRequest(
        source=f"pypi:{named.name}{named.specifier}",
        target=environment.target.abi,
        profile=request.profile,
        rust=request.rust,
        linker=request.linker,
        no_smoke=isinstance(request, BuildRequest) and request.no_smoke,
        with_dependencies=True,
        no_cache=request.no_cache,
        offline=request.offline,
        allow_network=request.allow_network,
    )

    outer = context.emit

    def emit(event: Event) -> None:
        """Forward all events but phases: those of the package count."""
        if not isinstance(event, Phase):
            outer(event)

    with Phases(emit) as phases:
        context = replace(context, emit=emit, phases=phases)
        source = resolve_source(inner, environment.target, context)
        return _build_package(source, environment, context)


def report_of(
    output: BuildOutput, published: dict[str, PublishResult] | None = None
) -> BuildReport:
    """Return the report of a build whose last phase has ended."""
    wheel, built, target = output.wheel, output.build, output.environment.target
    found = (published or {}).get(wheel.canonical_name)
    recipe = output.edits.recipe
    return BuildReport(
        name=wheel.name,
        version=wheel.version,
        wheel=str(wheel.path),
        sha256=wheel.sha256,
        size=wheel.size,
        target=TargetInfo(
            abi=target.abi,
            pyodide=output.environment.engine.runtime.version,
            python=target.python,
            platform_tag=target.platform_tag,
        ),
        toolchain=_toolchain(built.toolchain, built.crates_with_c, target),
        profile=output.source.request.profile,
        phases=tuple(
            PhaseTime(name=name, seconds=round(seconds, 3))
            for name, seconds in output.phases.seconds.items()
        ),
        crates=built.crates,
        confined=built.confined,
        cached=built.cached,
        seeded=built.seeded,
        recipe=recipe.summary() if recipe else None,
        patches=(*output.source.patches, *built.patches),
        audit=output.checks.audit,
        smoke=output.checks.smoke,
        dependencies=output.checks.resolution.dependencies,
        built_along=tuple(report_of(each, published) for each in output.dependencies),
        published=Publication(site=str(found.site.folder), url=found.url) if found else None,
    )


def _toolchain(
    toolchain: Toolchain | None, crates_with_c: tuple[str, ...], target: Target
) -> ToolchainInfo | None:
    """Return the toolchain for the report, or None for a pure wheel."""
    if toolchain is None:
        return None
    rust, sysroot, tool = toolchain.rust, toolchain.sysroot, toolchain.wasm_opt
    c_compiler = toolchain.emscripten if crates_with_c or not toolchain.linker else None
    return ToolchainInfo(
        rustc=f"{rust.version} ({rust.commit[:9]})" if rust else None,
        std=sysroot.origin if sysroot else None,
        linker=f"wasm-ld {toolchain.linker.version}" if toolchain.linker else "emcc",
        emscripten=CCompiler(
            version=c_compiler.version, wanted=target.emscripten, crates=crates_with_c
        )
        if c_compiler
        else None,
        wasm_opt=tool.version if tool else None,
        maturin=toolchain.maturin,
    )
