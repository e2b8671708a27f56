"""Where a wheel is to run: its target, and the runtime that proves it."""

from __future__ import annotations

from dataclasses import dataclass

from ..api.errors import UsageError
from ..build.request import BuildRequest
from ..runtime import node, pyodide, snapshot, targets
from ..runtime.node import Node
from ..runtime.pyodide import Runtime
from ..runtime.targets import Target
from ..site import lite
from ..site.lite import Site
from .means import Means


@dataclass(frozen=True, kw_only=True)
class Destination:
    """Where a wheel is to run: its target, the exact runtime, the site if it goes into one."""

    target: Target
    runtime: Runtime
    node: Node
    site: Site | None


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
