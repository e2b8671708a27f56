"""The environment of a project's tests: their packages, and the project's files."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from msgspec.structs import replace
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .. import text_files
from ..api.errors import LimitError
from ..api.events import note
from ..project import suite as suites
from ..project.suite import Suite
from ..runtime import packages
from ..runtime.context import RunContext
from ..runtime.lock import Lock
from ..runtime.packages import Candidate, PackageSource
from ..runtime.pyodide import Runtime
from ..wheel import Wheel, read
from . import pyodide_loader
from .pyodide_loader import LoadedPackages

#: The maximum size of a project's folder, which is copied into the runtime's memory.
MAX_PROJECT_BYTES = 256 * 1024**2


def load(
    suite: Suite, wheels: Sequence[Wheel], runtime: Runtime, context: RunContext
) -> LoadedPackages:
    """Return wheels and what the tests of the first one require.

    A package has the version of the runtime's own lock, as in a site, or the index's newest.
    """
    lock = runtime.read_lock()
    needed = _needed(suite, wheels[0], lock)
    sources = [_whole(packages.index_source(lock, context), lock)]
    wanted = [*map(str, needed), *_used(suite, lock)]
    loaded = pyodide_loader.lock_of_files(wheels, wanted, runtime, sources, context)
    declared = {requirement.name for requirement in needed}
    for name, why in loaded.unavailable.items():
        if name in declared:
            text = f"{name} is not available for Pyodide, so tests that need it cannot run. {why}"
            note(context.emit, text)
    return loaded


def _whole(source: PackageSource, lock: Lock) -> PackageSource:
    """Return a source whose candidates also have the requirements of their wheels.

    Pyodide's own entries omit some: that of pytest omits packaging.
    """

    def find(requirement: Requirement) -> Candidate | None:
        candidate = source(requirement)
        if candidate is None or candidate.path is None:
            return candidate
        needs = packages.requirements(read(candidate.path), lock, requirement.extras)
        return replace(candidate, needs=(*candidate.needs, *needs))

    return find


def _needed(suite: Suite, wheel: Wheel, lock: Lock) -> list[Requirement]:
    """Return what is declared for tests, or for development, or the plugins that the tests use."""
    for extras, groups in (
        (suites.TESTING, suite.requirements),
        (suites.DEVELOPMENT, suite.development),
    ):
        declared = [*_of_extras(wheel, lock, extras), *packages.applicable(groups, lock)]
        if declared:
            break
    else:
        declared = [Requirement(each.name) for each in suite.companions]
    return [*declared, Requirement("pytest")]


def _of_extras(wheel: Wheel, lock: Lock, extras: Sequence[str]) -> list[Requirement]:
    """Return what a wheel requires only with extras, including extras of itself that they name."""
    always = packages.requirements(wheel, lock)
    known = {*extras}
    while True:
        found = packages.requirements(wheel, lock, known)
        own = [each for each in found if canonicalize_name(each.name) == wheel.canonical_name]
        more = {extra for each in own for extra in each.extras} - known
        if not more:
            return [each for each in found if each not in [*always, *own]]
        known |= more


def _used(suite: Suite, lock: Lock) -> list[str]:
    """Return the packages of the runtime's lock that the tests import, as a notebook would."""
    texts = map(text_files.read_start, suite.sources)
    return sorted(
        {name for text in texts for name in pyodide_loader.packages_imported_by(text, lock)}
    )


def arguments(lock: Lock) -> Iterator[str]:
    """Yield pytest's arguments for the companions that are installed."""
    for companion in suites.companions():
        if lock.get(companion.name):
            yield from companion.arguments


def pack(suite: Suite, wheel: Wheel, into: Path) -> None:
    """Write the project into an archive, with the wheel's members among its sources.

    A package's folder that hides the installed package is so complete, as after `maturin develop`.
    """
    left = MAX_PROJECT_BYTES
    with zipfile.ZipFile(into, "w", strict_timestamps=False) as archive:
        for path in suites.files(suite.folder):
            left -= path.stat().st_size
            if left < 0:
                raise LimitError(
                    f"{suite.folder} is too large to run its tests.",
                    f"It holds more than {MAX_PROJECT_BYTES // 1024**2} MiB, and is copied into "
                    "Pyodide's memory.",
                    "Move files that do not belong to the project out of it.",
                    code="tests.project-too-large",
                )
            archive.write(path, path.relative_to(suite.folder).as_posix())
        names = set(archive.namelist())
        for base in map(PurePosixPath, suite.import_paths):
            added = {
                member: name
                for member in wheel.members
                if (name := (base / member).as_posix()) not in names
                and (suite.folder / base / PurePosixPath(member).parts[0]).is_dir()
            }
            for member, data in wheel.read_all(added):
                archive.writestr(added[member], data)
