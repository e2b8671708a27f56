"""The fourth step: audit and import a wheel. It writes only to the cache of checks."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from packaging.requirements import Requirement

from ..api.events import note
from ..api.report import Audit, Smoke
from ..checks import audit, check_cache, dependencies, smoke
from ..checks.check_cache import CachedCheck
from ..checks.dependencies import Resolution
from ..runtime import packages
from ..wheel import Wheel
from .context import BuildContext
from .environment import TargetEnvironment


class CheckResult(Struct, frozen=True, kw_only=True):
    """The audit and the import of a wheel, and the resolution of its dependencies."""

    audit: Audit
    smoke: Smoke | None
    resolution: Resolution


def find_dependencies(
    requires: Iterable[Requirement], environment: TargetEnvironment, context: BuildContext
) -> Resolution:
    """Resolve requirements, and what these require in turn."""
    applicable = packages.applicable(requires, environment.original)
    return dependencies.resolve(applicable, environment.sources(context))


def run_checks(
    wheel: Wheel,
    environment: TargetEnvironment,
    context: BuildContext,
    *,
    with_import: bool = True,
    cached: bool = False,
) -> CheckResult:
    """Audit and import a wheel; raise a CheckError if that fails.

    A `cached` wheel that passed before, with the same packages, is not checked again.
    """
    engine = environment.engine
    context.phases.enter("audit")
    needed = find_dependencies(wheel.requires, environment, context)
    key = check_cache.key(wheel, engine, needed)
    if cached and with_import and (known := check_cache.find(key, context)):
        _note_all((*known.audit.remarks, *known.smoke.remarks), context)
        return CheckResult(audit=known.audit, smoke=known.smoke, resolution=needed)
    audited = audit.audit(wheel, environment.target, engine)
    audit.raise_if_failed(audited, wheel, engine.runtime)
    _note_all(audited.remarks, context)
    if not with_import:
        return CheckResult(audit=audited, smoke=None, resolution=needed)
    context.phases.enter("smoke")
    sources = environment.sources(context, cdn=True)
    imported = smoke.smoke([wheel], engine, context, sources=sources)
    _note_all(imported.remarks, context)
    check_cache.keep(key, CachedCheck(audit=audited, smoke=imported), context)
    return CheckResult(audit=audited, smoke=imported, resolution=needed)


def _note_all(remarks: Iterable[str], context: BuildContext) -> None:
    for text in remarks:
        note(context.emit, text)
