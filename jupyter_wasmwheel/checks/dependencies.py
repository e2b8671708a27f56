"""Resolution of a package's dependencies: ask the sources of packages (runtime/packages.py)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ..api.errors import SourceError
from ..api.report import Dependency
from ..api.sanitize import redact
from ..runtime.packages import Candidate, PackageSource


class Resolution(Struct, frozen=True, kw_only=True):
    """All dependencies in the order found, the candidates, and why others are missing.

    Candidates are keyed by canonical name, reasons by the name in the requirement.
    """

    dependencies: tuple[Dependency, ...]
    candidates: Mapping[str, Candidate]
    reasons: Mapping[str, str]

    @property
    def without_file(self) -> tuple[Dependency, ...]:
        """Return the dependencies without a file: missing ones, and those with only a URL."""
        return tuple(
            each
            for each in self.dependencies
            if each.source == "missing" or not self.candidates[canonicalize_name(each.name)].path
        )


def resolve(requirements: Iterable[Requirement], sources: Sequence[PackageSource]) -> Resolution:
    """Resolve requirements and their dependencies; the first source that knows a package decides.

    Markers are not evaluated: all requirements must apply to the target.
    """
    waiting: list[tuple[Requirement, str | None]] = [(each, None) for each in requirements]
    found: dict[str, Dependency] = {}
    candidates: dict[str, Candidate] = {}
    reasons: dict[str, str] = {}
    while waiting:
        requirement, needed_by = waiting.pop(0)
        name = canonicalize_name(requirement.name)
        if name in found:
            continue
        candidate, reason = _ask(requirement, sources)
        version = candidate.entry.version if candidate else None
        fits = version and requirement.specifier.contains(version, prereleases=True)
        found[name] = Dependency(
            name=requirement.name,
            requirement=str(requirement),
            source=candidate.source if candidate and fits else "missing",
            version=version,
            needed_by=needed_by,
        )
        if candidate and fits:
            candidates[name] = candidate
            waiting += [(need, requirement.name) for need in candidate.needs]
        else:
            subject = f"{needed_by} requires {requirement}" if needed_by else f"It is {requirement}"
            other = f", but {version} was found" if version else ""
            reasons[requirement.name] = redact(f"{subject}{other}. {reason}".rstrip())
    return Resolution(dependencies=tuple(found.values()), candidates=candidates, reasons=reasons)


def _ask(
    requirement: Requirement, sources: Sequence[PackageSource]
) -> tuple[Candidate | None, str]:
    """Return the candidate of the first source that has one, or the last source's error."""
    reason = ""
    for find in sources:
        try:
            candidate = find(requirement)
        except SourceError as error:
            reason = f"{error.what} {error.why}"
        else:
            if candidate:
                return candidate, ""
    return None, reason
