"""Where each requirement of a wheel will come from, once it is in its runtime or in a site.

Locks are taken as data; nothing is looked up anywhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from packaging.requirements import Requirement

from ..runtime import packages
from ..runtime.lock import Entry, Lock
from ..wheel import Wheel

Source = Literal["pyodide", "pypi", "pypi-wasm", "site", "built", "missing"]

#: The folder beside a site's lock where what is published to it goes.
PUBLISHED = "wheels/"


@dataclass(frozen=True, kw_only=True)
class Dependency:
    """A requirement of a wheel. `version` is the one found, too old or too new where missing."""

    name: str
    requirement: str
    source: Source
    version: str | None

    def row(self) -> dict[str, str | None]:
        """The dependency as a report has it."""
        return {
            "name": self.name,
            "requirement": self.requirement,
            "from": self.source,
            "version": self.version,
        }


def resolve(
    wheel: Wheel, runtime_lock: Lock, site_lock: Lock | None = None
) -> tuple[Dependency, ...]:
    """The requirements that hold in a runtime, extras left out, and where each one comes from.

    What a site's lock has wins over the runtime's own, as it does when the site is used.
    """
    return tuple(
        _find(requirement, runtime_lock, site_lock)
        for requirement in packages.requirements(wheel, runtime_lock)
    )


def _find(requirement: Requirement, runtime_lock: Lock, site_lock: Lock | None) -> Dependency:
    own = runtime_lock.get(requirement.name)
    entry = (site_lock and site_lock.get(requirement.name)) or own
    source: Source = "missing"
    if entry and requirement.specifier.contains(entry.version, prereleases=True):
        source = "pyodide" if own and not _published(entry) else "site"
    return Dependency(
        name=requirement.name,
        requirement=str(requirement),
        source=source,
        version=entry.version if entry else None,
    )


def _published(entry: Entry) -> bool:
    return entry.file_name.startswith(PUBLISHED)
