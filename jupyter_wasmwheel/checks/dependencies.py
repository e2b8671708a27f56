"""Where each requirement of a package will come from, once it is in its runtime or in a site.

What there is is asked of shelves (runtime/packages.py), one after the other; nothing is looked up
anywhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ..api.errors import SourceError
from ..runtime import packages
from ..runtime.packages import Offer, Shelf

Source = Literal[packages.Source, "missing"]


@dataclass(frozen=True, kw_only=True)
class Dependency:
    """A requirement, of the package itself or, with `needed_by`, of another one that it needs.

    `version` is the one found, too old or too new where missing.
    """

    name: str
    requirement: str
    source: Source
    version: str | None
    needed_by: str | None = None

    def row(self) -> dict[str, str | None]:
        """The dependency as a report has it."""
        return {
            "name": self.name,
            "requirement": self.requirement,
            "from": self.source,
            "version": self.version,
            "needed_by": self.needed_by,
        }


@dataclass(frozen=True, kw_only=True)
class Resolution:
    """All that is needed, in the order found: the offers of what is there, why the rest is not.

    Offers are keyed by canonical name, reasons by the name as it is required.
    """

    dependencies: tuple[Dependency, ...]
    offers: Mapping[str, Offer]
    reasons: Mapping[str, str]

    @property
    def without_file(self) -> tuple[Dependency, ...]:
        """What nobody has a file of: it is missing, or only an address is known."""
        return tuple(
            each
            for each in self.dependencies
            if each.source == "missing" or not self.offers[canonicalize_name(each.name)].path
        )


def resolve(requirements: Iterable[Requirement], shelves: Sequence[Shelf]) -> Resolution:
    """Where requirements come from, and what these require in turn.

    The first shelf that knows a package decides, as the runtime's loader has one version of each.
    Markers are not looked at: whoever made the requirements did that, for the target.
    """
    waiting: list[tuple[Requirement, str | None]] = [(each, None) for each in requirements]
    found: dict[str, Dependency] = {}
    offers: dict[str, Offer] = {}
    reasons: dict[str, str] = {}
    while waiting:
        requirement, needed_by = waiting.pop(0)
        name = canonicalize_name(requirement.name)
        if name in found:
            continue
        offer, reason = _ask(requirement, shelves)
        fits = offer and requirement.specifier.contains(offer.entry.version, prereleases=True)
        found[name] = Dependency(
            name=requirement.name,
            requirement=str(requirement),
            source=offer.source if offer and fits else "missing",
            version=offer.entry.version if offer else None,
            needed_by=needed_by,
        )
        if offer and fits:
            offers[name] = offer
            waiting += [(need, requirement.name) for need in offer.needs]
        else:
            whose = f"{needed_by} requires {requirement}" if needed_by else f"It is {requirement}"
            other = f", but there is {offer.entry.version}" if offer else ""
            reasons[requirement.name] = f"{whose}{other}. {reason}".rstrip()
    return Resolution(dependencies=tuple(found.values()), offers=offers, reasons=reasons)


def _ask(requirement: Requirement, shelves: Sequence[Shelf]) -> tuple[Offer | None, str]:
    """The first shelf's offer, or why the last one that looked has none."""
    reason = ""
    for shelf in shelves:
        try:
            offer = shelf(requirement)
        except SourceError as error:
            reason = f"{error.what} {error.why}"
        else:
            if offer:
                return offer, ""
    return None, reason
