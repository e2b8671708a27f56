"""What a project's tests are run on: the packages that they need, and the project's own files."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ..api.errors import LimitError
from ..api.events import Emitter, note
from ..beneath import Root
from ..index import Index
from ..project import suite
from ..project.suite import Suite
from ..runtime import lock as locks
from ..runtime import packages
from ..runtime.lock import Lock
from ..runtime.packages import Offer, Shelf
from ..runtime.pyodide import Runtime
from ..store import Store
from ..wheel import Wheel, read
from . import loading

#: What a project's folder may hold, in bytes; it is copied into the memory of the runtime.
LARGEST = 256 * 1024**2


def load(
    its: Suite,
    wheels: Sequence[Wheel],
    runtime: Runtime,
    store: Store,
    index: Index,
    emit: Emitter,
) -> tuple[Lock, dict[str, str]]:
    """A lock of wheels and of all that the tests of the first one need; what is absent, and why.

    A package comes from the runtime's own lock where that one fits, as in a site, else in its
    newest version from the index.
    """
    base = Root(runtime.folder.resolve())
    lock = locks.read_beneath(base)
    needed = _needed(its, wheels[0], lock)
    shelf = _whole(packages.of_index(lock, index, store, emit), lock)
    wanted = [*map(str, needed), *_used(its, lock)]
    files, absent = loading.lock_of_files(wheels, wanted, base, index, store, emit, [shelf])
    declared = {requirement.name for requirement in needed}
    for name, why in absent.items():
        if name in declared:
            note(emit, f"{name} is nowhere to be had, so tests that need it cannot run. {why}")
    return files, absent


def _whole(shelf: Shelf, lock: Lock) -> Shelf:
    """A shelf on which each package needs what its wheel says as well.

    Pyodide's own entries leave some out: that of pytest leaves out packaging.
    """

    def whole(requirement: Requirement) -> Offer | None:
        offer = shelf(requirement)
        if offer is None or offer.path is None:
            return offer
        its = packages.requirements(read(offer.path), lock, requirement.extras)
        return replace(offer, needs=(*offer.needs, *its))

    return whole


def _needed(its: Suite, wheel: Wheel, lock: Lock) -> list[Requirement]:
    """What the tests need: what is declared for them, else for development, else what they use."""
    declared = [*_of_extras(wheel, lock, suite.TESTING), *packages.holding(its.requirements, lock)]
    if not declared:
        declared = [
            *_of_extras(wheel, lock, suite.DEVELOPMENT),
            *packages.holding(its.development, lock),
        ]
    if not declared:
        declared = [Requirement(each.name) for each in its.companions]
    return [*declared, Requirement("pytest")]


def _of_extras(wheel: Wheel, lock: Lock, extras: Sequence[str]) -> list[Requirement]:
    """What a wheel requires with extras only; where that is itself with others, what these add."""
    always = packages.requirements(wheel, lock)
    known = {*extras}
    while True:
        found = packages.requirements(wheel, lock, known)
        own = [each for each in found if canonicalize_name(each.name) == wheel.canonical_name]
        more = {extra for each in own for extra in each.extras} - known
        if not more:
            return [each for each in found if each not in [*always, *own]]
        known |= more


def _used(its: Suite, lock: Lock) -> list[str]:
    """The packages of the runtime's lock that the tests import; a notebook would load them too."""
    texts = (path.read_text(encoding="utf-8", errors="replace") for path in its.sources)
    return sorted({name for text in texts for name in loading.imported_by(text, lock)})


def arguments(lock: Lock) -> Iterator[str]:
    """What pytest is given for the companions that are there."""
    for companion in suite.companions():
        if lock.get(companion.name):
            yield from companion.arguments


def pack(its: Suite, wheel: Wheel, into: Path) -> None:
    """Write the project into an archive, with the wheel's members where its sources would be found.

    So a package whose folder stands in the way of the installed one is whole all the same, as it is
    after `maturin develop`.
    """
    left = LARGEST
    with zipfile.ZipFile(into, "w", strict_timestamps=False) as archive:
        for path in suite.files(its.folder):
            left -= path.stat().st_size
            if left < 0:
                raise LimitError(
                    f"{its.folder} is too large to run its tests.",
                    f"It holds more than {LARGEST // 1024**2} MiB, and it is copied into the "
                    "memory of Pyodide.",
                    "Move what is no part of the project out of it.",
                )
            archive.write(path, path.relative_to(its.folder).as_posix())
        there = set(archive.namelist())
        for base in map(PurePosixPath, its.import_paths):
            for member in wheel.members:
                top, name = PurePosixPath(member).parts[0], (base / member).as_posix()
                if (its.folder / base / top).is_dir() and name not in there:
                    archive.writestr(name, wheel.read(member))
