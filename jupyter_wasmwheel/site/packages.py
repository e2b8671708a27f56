"""The packages of a site that others made: Pyodide's or the index's, with their files."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from ..api.errors import SourceError, UsageError
from ..api.events import note
from ..api.report import Dependency
from ..checks import dependencies
from ..runtime.context import RunContext
from ..runtime.lock import Entry, Lock, entry_for
from ..runtime.packages import Candidate, index_source, site_source
from ..safe_paths import Root
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
                f"Invalid package name {name!r}.",
                str(error).splitlines()[0],
                "Write a name such as `attrs`, or a name with a version such as `attrs==25.3.0`.",
                code="site.invalid-package-name",
            ) from error
    return found


def bring(
    wanted: Iterable[Requirement], into: Lock, beside: Root, original: Lock, context: RunContext
) -> Lock:
    """Return a site's lock with packages and all that they require added, their wheels beside it.

    A package comes from the runtime's original lock where that one fits and the index has its
    file, else in its newest version from the index. What only Pyodide itself ships is noted and
    left out; a SourceError where anything else is missing.
    """
    here = site_source(into, beside, original)
    found = dependencies.resolve(wanted, [here, index_source(original, context)])
    for each in found.dependencies:
        if each.source == "missing":
            known = original.get(each.name)
            if not (each.needed_by and known and known.package_type != "package"):
                raise _cannot_bring(each, found.reasons[each.name])
            note(context.emit, f"Left out {each.name}. {found.reasons[each.name]}")
    return add(found.candidates, into, beside)


def add(candidates: Mapping[str, Candidate], into: Lock, beside: Root) -> Lock:
    """Return a lock with those packages added that have a file and are not in it."""
    entries = [
        _entry(candidate, candidate.path, beside)
        for name, candidate in candidates.items()
        if candidate.path and not into.get(name)
    ]
    for entry in entries:
        into = into.with_entry(entry)
    for entry in entries:
        there = tuple(name for name in entry.depends if into.get(name))
        into = into.with_entry(replace(entry, depends=there))
    return into


def _entry(candidate: Candidate, path: Path, beside: Root) -> Entry:
    """The entry of a package whose wheel is put beside the lock."""
    sha256 = wheels.hash_of(path)
    file_name = wheels.put(path, sha256, beside, wheels.BROUGHT)
    return replace(candidate.entry, file_name=file_name, sha256=sha256)


def _cannot_bring(needed: Dependency, reason: str) -> SourceError:
    return SourceError(
        f"{needed.requirement} cannot be brought into the site"
        + (f", and {needed.needed_by} needs it." if needed.needed_by else "."),
        reason,
        "Build it for the site with `jupyter wasmwheel build pypi:"
        f"{needed.name} --site SITE`, or make a site that takes Pyodide's own packages from "
        "its CDN: `jupyter wasmwheel site create DIR --cdn`.",
        code="site.dependency-not-available",
    )


def with_kernel(into: Lock, folder: Root, beside: Root) -> Lock:
    """A lock with the wheels that the kernel's own release brings (piplite, ipykernel, …)."""
    for name, _ in folder.children():
        if not name.endswith(".whl") or name.startswith("widgetsnbextension"):
            continue  # two versions of a stub; %pip finds them where they are
        folder.require_own_file(name)
        wheel = read(folder.path(name))
        needs = [need.name for need in wheel.requires if into.get(need.name)]
        file_name = wheels.put(wheel.path, wheel.sha256, beside, wheels.BROUGHT)
        into = into.with_entry(entry_for(wheel, file_name, needs))
    return into


def with_stand_ins(into: Lock, preload: Sequence[str], beside: Root) -> Lock:
    """A lock with an empty wheel for each name that the kernel insists on and nobody can have.

    The kernel for Pyodide 0.29 wants `sqlite3`, which only the CDN has, and hangs without it;
    IPython runs without.
    """
    with tempfile.TemporaryDirectory(prefix="wasmwheel-") as folder:
        for name in preload:
            if not into.get(name):
                path = Path(folder, f"{name}-0-py3-none-any.whl")
                path.write_bytes(_empty_wheel(name))
                wheel = read(path)
                file_name = wheels.put(path, wheel.sha256, beside, wheels.BROUGHT)
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
