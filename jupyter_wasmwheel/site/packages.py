"""The packages of a site that others made: Pyodide's or the index's, with their files."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from ..errors import SourceError, UsageError
from ..events import Emitter, note
from ..index import Index
from ..runtime import packages
from ..runtime.lock import Entry, Lock, entry_for
from ..store import Store
from ..wheel import read
from . import wheels


def parse(names: Sequence[str]) -> list[Requirement]:
    """Requirements as a person writes them; a UsageError where one is none."""
    found = []
    for name in names:
        try:
            found.append(Requirement(name))
        except InvalidRequirement as error:
            raise UsageError(
                f"{name!r} is not the name of a package.",
                str(error).splitlines()[0],
                "Write a name such as `attrs`, or a name with a version such as `attrs==25.3.0`.",
            ) from error
    return found


def bring(
    wanted: Iterable[Requirement],
    into: Lock,
    beside: Path,
    original: Lock,
    index: Index,
    store: Store,
    emit: Emitter,
) -> Lock:
    """A site's lock with packages and all that they require added; their wheels go beside it.

    A package comes from the runtime's original lock where that one fits and the index has its
    file, else in its newest version from the index.
    """
    waiting: list[tuple[Requirement, str | None]] = [(one, None) for one in wanted]
    found: dict[str, Entry] = {}
    while waiting:
        requirement, needed_by = waiting.pop(0)
        name = canonicalize_name(requirement.name)
        if name in found or into.get(name):
            continue
        known = original.get(name)
        if known and known.package_type != "package" and needed_by:
            note(emit, f"Left out {name}: only Pyodide's CDN has it.")
            continue
        try:
            found[name], more = _one(requirement, known, beside, original, index, store, emit)
        except SourceError as error:
            raise _cannot_bring(requirement, needed_by, error) from error
        waiting += [(one, name) for one in more]
    for entry in found.values():
        into = into.with_entry(entry)
    for entry in found.values():
        there = tuple(name for name in entry.depends if into.get(name))
        into = into.with_entry(replace(entry, depends=there))
    return into


def _one(
    requirement: Requirement,
    known: Entry | None,
    beside: Path,
    original: Lock,
    index: Index,
    store: Store,
    emit: Emitter,
) -> tuple[Entry, list[Requirement]]:
    """The entry of one package, its wheel beside the lock, and what it requires in turn."""
    if known and requirement.specifier.contains(known.version, prereleases=True):
        try:
            path = packages.fetch(known, original, index, store, emit)
        except SourceError as error:
            if known.package_type != "package":
                raise
            note(emit, f"{error.what} Looking for another version of it.")
        else:
            sha256 = wheels.hash_of(path)
            file_name = wheels.put(path, sha256, beside, wheels.BROUGHT)
            entry = replace(known, file_name=file_name, sha256=sha256)
            return entry, [Requirement(canonicalize_name(name)) for name in known.depends]
    wheel = read(packages.newest(requirement, original, index, store, emit))
    needs = packages.requirements(wheel, original, requirement.extras)
    file_name = wheels.put(wheel.path, wheel.sha256, beside, wheels.BROUGHT)
    return entry_for(wheel, file_name, (need.name for need in needs)), needs


def _cannot_bring(needed: Requirement, needed_by: str | None, error: SourceError) -> SourceError:
    return SourceError(
        f"{needed} cannot be brought into the site"
        + (f", and {needed_by} needs it." if needed_by else "."),
        f"{error.what} {error.why}",
        "Build it for the site with `jupyter wasmwheel build pypi:"
        f"{needed.name} --site SITE`, or make a site that takes Pyodide's own packages from "
        "its CDN: `jupyter wasmwheel site create DIR --cdn`.",
    )


def with_kernel(into: Lock, folder: Path, beside: Path) -> Lock:
    """A lock with the wheels that the kernel's own release brings (piplite, ipykernel, …)."""
    for path in sorted(folder.glob("*.whl")):
        if path.name.startswith("widgetsnbextension"):
            continue  # two versions of a stub; %pip finds them where they are
        wheel = read(path)
        needs = [need.name for need in wheel.requires if into.get(need.name)]
        file_name = wheels.put(path, wheel.sha256, beside, wheels.BROUGHT)
        into = into.with_entry(entry_for(wheel, file_name, needs))
    return into


def with_stand_ins(into: Lock, preload: Sequence[str], beside: Path) -> Lock:
    """A lock with an empty wheel for each name that the kernel insists on and nobody can have.

    The kernel for Pyodide 0.29 wants `sqlite3`, which only the CDN has, and hangs without it;
    IPython runs without.
    """
    for name in preload:
        if not into.get(name):
            path = beside / f"{name}-0-py3-none-any.whl"
            path.write_bytes(_empty_wheel(name))
            wheel = read(path)
            file_name = wheels.put(path, wheel.sha256, beside, wheels.BROUGHT)
            path.unlink()
            into = into.with_entry(entry_for(wheel, file_name, ()))
    return into


def _empty_wheel(name: str) -> bytes:
    about = f"{name}-0.dist-info"
    members = {
        "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 0\n"
        "Summary: Stands in for a part of Pyodide that this site does not have.\n",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: jupyter-wasmwheel\n"
        "Root-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{about}/{member},,\n" for member in (*members, "RECORD"))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for member, text in (members | {"RECORD": record}).items():
            archive.writestr(zipfile.ZipInfo(f"{about}/{member}"), text)
    return out.getvalue()
