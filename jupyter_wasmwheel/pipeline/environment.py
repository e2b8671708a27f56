"""The second step: prepare what a build and its checks need, once."""

from __future__ import annotations

from msgspec import Struct

from ..api.errors import UsageError
from ..api.requests import SourceRequest
from ..runtime import engine, node, packages, targets
from ..runtime.engine import Engine
from ..runtime.lock import Lock
from ..runtime.packages import PackageSource
from ..runtime.targets import Target
from ..site import lite
from ..site.lite import Site
from ..toolchain import rust, toolchain
from ..toolchain.toolchain import Toolchain, ToolchainNeeds
from .context import BuildContext
from .resolve import ResolvedSource


class TargetEnvironment(Struct, frozen=True, kw_only=True):
    """The target, its engine, the optional site for the wheel, and the toolchain.

    `original` is the lock that came with the runtime. A project without a crate has no toolchain
    until its build needs one.
    """

    target: Target
    engine: Engine
    site: Site | None
    original: Lock
    toolchain: Toolchain | None = None

    def sources(self, context: BuildContext, *, cdn: bool = False) -> list[PackageSource]:
        """Return the sources of packages: wheels built before, the site, Pyodide, the index.

        With `cdn`, packages that only Pyodide's CDN has are candidates even if the site is offline.
        """
        found = [packages.wheel_source(context.built, self.original)]
        if self.site:
            found.append(
                packages.site_source(self.site.read_lock(), self.site.package_root, self.original)
            )
        cdn = cdn or self.site is None or self.site.mode == "cdn"
        return [*found, packages.index_source(self.original, context, cdn=cdn)]


def choose_target(request: SourceRequest, site: Site | None) -> Target:
    """Return the target of the site, else the requested one, else the default."""
    if site and request.target and request.target != site.target.abi:
        raise UsageError(
            f"The site {site.name} does not support the target {request.target}.",
            f"It uses Pyodide {site.pyodide}, whose ABI is {site.target.abi}.",
            f"Omit --target, or create a site for it: `jupyter wasmwheel site create DIR "
            f"--target {request.target}`.",
            code="site.other-target",
        )
    return site.target if site else targets.find(request.target or targets.default_abi())


def prepare_environment(
    target: Target, site: Site | None, context: BuildContext
) -> TargetEnvironment:
    """Prepare Node.js, the runtime (the version of the site, if any) and its snapshot."""
    context.phases.enter("toolchain")
    if site:
        found = node.ensure_node(context.store, context.emit, offline=context.offline)
        ready = engine.with_runtime(lite.get_runtime(site, found, context), found, context)
    else:
        ready = engine.prepare(target, context)
    original = ready.runtime.read_lock()
    return TargetEnvironment(target=target, engine=ready, site=site, original=original)


def choose_toolchain(
    environment: TargetEnvironment,
    source: ResolvedSource,
    context: BuildContext,
    *,
    with_rust: bool,
) -> Toolchain:
    """Return the toolchain for a project: for Rust and C, or for C alone."""
    request, project = source.request, source.project
    needs = ToolchainNeeds(
        linker=request.linker,
        profile=request.profile,
        rust=rust.required(request.rust, project.channel),
        with_rust=with_rust,
        with_maturin=project.backend == "maturin",
    )
    return toolchain.choose(environment.target, environment.engine.node, context, needs)
