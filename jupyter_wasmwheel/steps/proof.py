"""The step that proves: a wheel is audited and imported before it counts as done."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from packaging.requirements import Requirement

from ..checks import audit, dependencies, proofs, smoke
from ..checks.dependencies import Dependency, Resolution
from ..runtime import lock, packages
from ..site import publish
from ..site.lite import Site
from ..wheel import Wheel
from .destination import Destination
from .means import Means


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What the checks came to."""

    audit: audit.Audit
    smoke: smoke.Smoke | None
    dependencies: tuple[Dependency, ...]


def look_up(requires: Iterable[Requirement], destination: Destination, means: Means) -> Resolution:
    """Where requirements come from: what was built along, the site, Pyodide, or the index."""
    site = destination.site
    original = site.read_original_lock() if site else lock.read(destination.runtime.lock)
    shelves = [packages.of_wheels(means.beside, original)]
    if site:
        shelves.append(packages.of_site(site.read_lock(), site.beside, original))
    cdn = site is None or site.mode == "cdn"
    shelves.append(packages.of_index(original, means.index, means.store, means.emit, cdn=cdn))
    return dependencies.resolve(packages.holding(requires, original), shelves)


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
        site=site.beside if site else None,
        beside=means.beside,
        limits=means.limits,
    )
    needed, key = needs()
    proofs.keep(key, audited, smoked, means.store, means.emit)
    return Proof(audit=audited, smoke=smoked, dependencies=needed)


def bring(site: Site, needed: tuple[Dependency, ...], means: Means) -> None:
    """Bring what a wheel needs, and others have, into the site that it goes into."""
    wanted = [
        each.requirement
        for each in needed
        if each.source in ("pyodide", "pypi", "pypi-wasm") and not each.needed_by
    ]
    if wanted:
        publish.add_packages(site, wanted, means.index, means.store, means.emit, keep_going=True)
