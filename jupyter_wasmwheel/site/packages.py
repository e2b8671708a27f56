"""The packages of a site that others made: Pyodide's or the index's, with their files."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from ..api.errors import SourceError, UsageError
from ..api.events import Emitter, note
from ..beneath import Root
from ..checks import dependencies
from ..checks.dependencies import Dependency
from ..index import Index
from ..runtime.lock import Entry, Lock, entry_for
from ..runtime.packages import Offer, of_index, of_site
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
    beside: Root,
    original: Lock,
    index: Index,
    store: Store,
    emit: Emitter,
    *,
    keep_going: bool = False,
) -> Lock:
    """A site's lock with packages and all that they require added; their wheels go beside it.

    A package comes from the runtime's original lock where that one fits and the index has its
    file, else in its newest version from the index. With `keep_going` what cannot be had is noted
    and left out, as what only Pyodide itself ships always is; else it is a SourceError.
    """
    here = of_site(into, beside, original)
    found = dependencies.resolve(wanted, [here, of_index(original, index, store, emit)])
    for each in found.dependencies:
        if each.source == "missing":
            known = original.get(each.name)
            ships = each.needed_by and known and known.package_type != "package"
            if not ships and not keep_going:
                raise _cannot_bring(each, found.reasons[each.name])
            note(emit, f"Left out {each.name}. {found.reasons[each.name]}")
    entries = [
        _entry(offer, offer.path, beside)
        for name, offer in found.offers.items()
        if offer.path and not into.get(name)
    ]
    for entry in entries:
        into = into.with_entry(entry)
    for entry in entries:
        there = tuple(name for name in entry.depends if into.get(name))
        into = into.with_entry(replace(entry, depends=there))
    return into


def _entry(offer: Offer, path: Path, beside: Root) -> Entry:
    """The entry of a package whose wheel is put beside the lock."""
    sha256 = wheels.hash_of(path)
    file_name = wheels.put(path, sha256, beside, wheels.BROUGHT)
    return replace(offer.entry, file_name=file_name, sha256=sha256)


def _cannot_bring(needed: Dependency, reason: str) -> SourceError:
    return SourceError(
        f"{needed.requirement} cannot be brought into the site"
        + (f", and {needed.needed_by} needs it." if needed.needed_by else "."),
        reason,
        "Build it for the site with `jupyter wasmwheel build pypi:"
        f"{needed.name} --site SITE`, or make a site that takes Pyodide's own packages from "
        "its CDN: `jupyter wasmwheel site create DIR --cdn`.",
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
