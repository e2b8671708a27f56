"""The second step: all that a build and its checks run in and with, prepared once."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..api.errors import UsageError
from ..api.requests import SourceRequest
from ..runtime import engine, lock, node, packages, targets
from ..runtime.engine import Engine
from ..runtime.lock import Lock
from ..runtime.packages import PackageSource
from ..runtime.targets import Target
from ..site import lite
from ..site.lite import Site
from ..toolchain import toolchain
from ..toolchain.toolchain import Toolchain, ToolchainNeeds
from .context import BuildContext
from .resolve import ResolvedSource


@dataclass(frozen=True, kw_only=True)
class TargetEnvironment:
    """The target, its engine, the site that the wheel is for if any, and the toolchain.

    `original` is the lock that came with the runtime. A project that has nothing to compile, as far
    as it says, has no toolchain.
    """

    target: Target
    engine: Engine
    site: Site | None
    original: Lock
    toolchain: Toolchain | None = None

    def sources(self, context: BuildContext) -> list[PackageSource]:
        """Return where packages come from: wheels built before, the site, Pyodide, the index."""
        found = [packages.wheel_source(context.built, self.original)]
        if self.site:
            found.append(
                packages.site_source(self.site.read_lock(), self.site.package_root, self.original)
            )
        cdn = self.site is None or self.site.mode == "cdn"
        return [*found, packages.index_source(self.original, context, cdn=cdn)]


def choose_target(request: SourceRequest, site: Site | None) -> Target:
    """Return the target: the site's, else the one that is asked for, else the default."""
    if site and request.target and request.target != site.target.abi:
        raise UsageError(
            f"The site {site.name} is not for the target {request.target}.",
            f"It runs Pyodide {site.pyodide}, whose ABI is {site.target.abi}.",
            f"Omit --target, or create a site for it: `jupyter wasmwheel site create DIR "
            f"--target {request.target}`.",
            code="site.other-target",
        )
    return site.target if site else targets.find(request.target or targets.default_abi())


def prepare_environment(
    target: Target, site: Site | None, context: BuildContext
) -> TargetEnvironment:
    """Prepare Node.js, the runtime and its snapshot; a site's own runtime where there is one."""
    context.phases.enter("toolchain")
    if site:
        found = node.ensure_node(context.store, context.emit, offline=context.offline)
        ready = engine.with_runtime(lite.get_runtime(site, found, context), found, context)
    else:
        ready = engine.prepare(target, context)
    original = site.read_original_lock() if site else lock.read(ready.runtime.lock)
    return TargetEnvironment(target=target, engine=ready, site=site, original=original)


def with_toolchain(
    environment: TargetEnvironment, source: ResolvedSource, context: BuildContext
) -> TargetEnvironment:
    """Return the environment with the toolchain of a project, if it says that it compiles."""
    context.phases.enter("toolchain")
    project = source.project
    chosen = choose_toolchain(environment, source, context) if project.crate else None
    return replace(environment, toolchain=chosen)


def choose_toolchain(
    environment: TargetEnvironment, source: ResolvedSource, context: BuildContext
) -> Toolchain:
    """Return the toolchain for what a project is made of: Rust with a crate, else C."""
    request, project = source.request, source.project
    needs = ToolchainNeeds(
        linker=request.linker,
        optimize=request.profile == "release",
        channel=project.channel,
        with_rust=project.crate is not None,
        with_maturin=project.backend == "maturin",
    )
    return toolchain.choose(environment.target, environment.engine.node, context, needs)
