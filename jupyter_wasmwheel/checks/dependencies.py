"""Where each requirement of a package will come from, once it is in its runtime or in a site.

The sources of packages (runtime/packages.py) are asked one after the other; nothing is looked up
anywhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ..api.errors import SourceError
from ..api.report import Dependency
from ..runtime.packages import Candidate, PackageSource


@dataclass(frozen=True, kw_only=True)
class Resolution:
    """All that is needed, in the order found: the candidates, and why the rest is missing.

    Candidates are keyed by canonical name, reasons by the name as it is required.
    """

    dependencies: tuple[Dependency, ...]
    candidates: Mapping[str, Candidate]
    reasons: Mapping[str, str]

    @property
    def without_file(self) -> tuple[Dependency, ...]:
        """What no source has a file of: it is missing, or only an address is known."""
        return tuple(
            each
            for each in self.dependencies
            if each.source == "missing" or not self.candidates[canonicalize_name(each.name)].path
        )


def resolve(requirements: Iterable[Requirement], sources: Sequence[PackageSource]) -> Resolution:
    """Return where requirements come from, and what these require in turn.

    The first source that knows a package decides, as the runtime's loader has one version of each.
    Markers are not evaluated: the requirements are those that apply to the target.
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
            whose = f"{needed_by} requires {requirement}" if needed_by else f"It is {requirement}"
            other = f", but there is {version}" if version else ""
            reasons[requirement.name] = f"{whose}{other}. {reason}".rstrip()
    return Resolution(dependencies=tuple(found.values()), candidates=candidates, reasons=reasons)


def _ask(
    requirement: Requirement, sources: Sequence[PackageSource]
) -> tuple[Candidate | None, str]:
    """Return the first source's candidate, or why the last one that looked has none."""
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
