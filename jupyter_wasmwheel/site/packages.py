"""The packages that a site has from others: from Pyodide or the package index."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace
from packaging.requirements import InvalidRequirement, Requirement

from ..api.errors import SourceError, UsageError
from ..api.events import note
from ..api.report import Dependency
from ..checks import dependencies
from ..package_metadata import parse_requirement
from ..runtime.context import RunContext
from ..runtime.lock import Lock, entry_for
from ..runtime.packages import Candidate, index_source, site_source
from ..safe_paths import Root
from ..wheel import read
from . import wheels


def parse_requirements(names: Sequence[str]) -> list[Requirement]:
    """Parse requirements; raise a UsageError if one is invalid."""
    found = []
    for name in names:
        try:
            found.append(parse_requirement(name))
        except InvalidRequirement as error:
            raise UsageError(
                f"Invalid package name {name!r}.",
                str(error).splitlines()[0],
                "Use a name such as `attrs`, or a name with a version such as `attrs==25.3.0`.",
                code="site.invalid-package-name",
            ) from error
    return found


def install(
    wanted: Iterable[Requirement], into: Lock, root: Root, original: Lock, context: RunContext
) -> Lock:
    """Return a site's lock with packages and their requirements added, and add their wheels.

    A package comes from Pyodide's original lock if that version fits and the index has its file,
    else in its newest version from the index. Parts that only Pyodide ships are left out, with a
    note. Raise a SourceError if anything else is missing.
    """
    site = site_source(into, root, original)
    found = dependencies.resolve(wanted, [site, index_source(original, context)])
    for each in found.dependencies:
        if each.source == "missing":
            known = original.get(each.name)
            if not (each.needed_by and known and known.package_type != "package"):
                raise _not_available(each, found.reasons[each.name])
            note(context.emit, f"Left out {each.name}. {found.reasons[each.name]}")
    return add(found.candidates, into, root)


def add(candidates: Mapping[str, Candidate], into: Lock, package_root: Root) -> Lock:
    """Return a lock with the packages added that have a file and that it does not have."""
    entries = []
    for name, candidate in candidates.items():
        if candidate.path and not into.get(name):
            sha256 = wheels.hash_of(candidate.path)
            file_name = wheels.add(candidate.path, sha256, package_root, wheels.DEPENDENCIES)
            entries.append(replace(candidate.entry, file_name=file_name, sha256=sha256))
    for entry in entries:
        into = into.with_entry(entry)
    for entry in entries:
        depends = tuple(name for name in entry.depends if into.get(name))
        into = into.with_entry(replace(entry, depends=depends))
    return into


def _not_available(needed: Dependency, reason: str) -> SourceError:
    required_by = f" (required by {needed.needed_by})" if needed.needed_by else ""
    return SourceError(
        f"Could not add {needed.requirement}{required_by} to the site.",
        reason,
        "Build it for the site with `jupyter wasmwheel build pypi:"
        f"{needed.name} --site SITE`, or create a site that uses the packages of Pyodide's "
        "CDN: `jupyter wasmwheel site create DIR --cdn`.",
        code="site.dependency-not-available",
    )


def with_kernel_wheels(into: Lock, folder: Root, package_root: Root) -> Lock:
    """Return a lock with the wheels of the kernel's release (piplite, ipykernel, …)."""
    for name, _ in folder.children():
        if not name.endswith(".whl") or name.startswith("widgetsnbextension"):
            continue  # two versions of a stub; %pip finds them in their folder
        folder.require_own_file(name)
        wheel = read(folder.path(name))
        needs = [need.name for need in wheel.requires if into.get(need.name)]
        file_name = wheels.add(wheel.path, wheel.sha256, package_root, wheels.DEPENDENCIES)
        into = into.with_entry(entry_for(wheel, file_name, needs))
    return into


def with_placeholders(into: Lock, preload: Sequence[str], package_root: Root) -> Lock:
    """Return a lock with empty wheels for names that the kernel requires and the site cannot have.

    The kernel for Pyodide 0.29 hangs without `sqlite3`, which only the CDN has.
    """
    with tempfile.TemporaryDirectory(prefix="wasmwheel-") as folder:
        for name in preload:
            if not into.get(name):
                path = Path(folder, f"{name}-0-py3-none-any.whl")
                path.write_bytes(_empty_wheel(name))
                wheel = read(path)
                file_name = wheels.add(path, wheel.sha256, package_root, wheels.DEPENDENCIES)
                into = into.with_entry(entry_for(wheel, file_name, ()))
    return into


def _empty_wheel(name: str) -> bytes:
    about = f"{name}-0.dist-info"
    members = {
        "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 0\n"
        "Summary: A placeholder for a part of Pyodide that this site does not have.\n",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: jupyter-wasmwheel\n"
        "Root-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{about}/{member},,\n" for member in (*members, "RECORD"))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for member, text in (members | {"RECORD": record}).items():
            archive.writestr(zipfile.ZipInfo(f"{about}/{member}"), text)
    return out.getvalue()
