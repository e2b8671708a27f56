"""Publishing: a wheel's file put into a site, and the site's lock edited so that it is imported.

The lock is the one record of what is published: an entry of ours has a table `tool.wasmwheel`
with the time, the size, and the row of the package that it displaced, if there was one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import canonicalize_name

from ..api.errors import SiteError
from ..api.events import Emitter, ignore
from ..index import Index
from ..runtime import lock
from ..runtime.lock import Entry, Lock
from ..runtime.targets import Target
from ..store import Store
from ..wheel import Wheel
from . import addresses, contents, data, lite, packages, wheels
from .lite import Site

#: What is shipped with most packages.
NOTHING: Mapping[str, Path] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Package:
    """A package that was published to a site; `size` is its wheel's in bytes."""

    name: str
    version: str
    size: int
    sha256: str
    file_name: str
    published: str
    notebook: str


@dataclass(frozen=True, kw_only=True)
class Published:
    """What came of publishing: the site, the package, and the address of its notebook."""

    site: Site
    package: Package
    url: str


def publish(
    site: Site,
    wheel: Wheel,
    depends: Sequence[str],
    emit: Emitter,
    *,
    built_with: str | None = None,
    shipped: Mapping[str, Path] = NOTHING,
    notebook: dict[str, Any] | None = None,
) -> Published:
    """Put a wheel into a site, so that `import` finds it in every notebook that is opened then.

    `depends` are the packages that are to be loaded with it; those that the site does not have
    are left out. `built_with` goes into the notebook. `shipped` are files that it fetches while it
    runs, by their addresses. `notebook` is the package's own; without it, one is made that imports
    the package and lists what is in it. A SiteError where the wheel is for another target.
    """
    refuse_foreign(site, wheel)
    now = datetime.now(UTC)
    beside = site.beside
    with locked(site, emit):
        lite.renew(site)
        file_name = wheels.put(wheel.path, wheel.sha256, beside, wheels.PUBLISHED)
        old = site.read_lock()
        before = old.get(wheel.canonical_name)
        here = [name for name in depends if old.get(name)]
        here = [name for name in here if canonicalize_name(name) != wheel.canonical_name]
        ours = {
            "published": now.isoformat(timespec="milliseconds"),
            "size": wheel.size,
            "displaced": _displaced(before),
            "data": data.put(shipped, beside),
        }
        entry = replace(lock.entry_for(wheel, file_name, here), extra={"tool": {"wasmwheel": ours}})
        new = old.with_entry(entry)
        package = _package(entry)
        document = (
            contents.in_browser(notebook) if notebook else contents.notebook(wheel, built_with, now)
        )
        older = None
        if before and _ours(before) and before.version != entry.version:
            older = _package(before).notebook
        # What the lock names is there already: it is replaced last.
        listed = contents.added(site.root, package.notebook, document, now, older)
        site.root.replace({**listed, lite.LOCK: new.dump()})
        data.tidy(new, beside)
        if before and _ours(before) and before.file_name != file_name:
            wheels.let_go(before, beside)
            wheels.sweep_now_and_then(new, beside, site.private)
        if older:
            contents.remove(site.root, older)
    return Published(site=site, package=package, url=addresses.address(site, package.notebook))


def remove(site: Site, name: str, emit: Emitter = ignore) -> Package:
    """Take a package out of a site; a package that it displaced is there again.

    A SiteError where nothing of that name was published.
    """
    beside = site.beside
    with locked(site, emit):
        old = site.read_lock()
        entry = old.get(name)
        ours = _ours(entry) if entry else None
        if entry is None or ours is None:
            raise SiteError(
                f"{name} was not published to the site {site.name}.",
                "Pyodide itself brings it." if entry else "There is no package of that name.",
                f"`jupyter wasmwheel site list {site.name}` says what is in it.",
            )
        back = ours.get("displaced")
        new = old.with_entry(Entry.parse(back)) if back else _without(old, entry.name)
        package = _package(entry)
        listed = contents.removed(site.root, package.notebook)
        site.root.replace({**listed, lite.LOCK: new.dump()})
        data.tidy(new, beside)
        contents.remove(site.root, package.notebook)
        if all(other.file_name != entry.file_name for other in new.packages.values()):
            wheels.remove(entry, beside)
        wheels.sweep_now_and_then(new, beside, site.private)
    return package


def published(site: Site) -> list[Package]:
    """What was published to a site, by name."""
    entries = site.read_lock().packages.values()
    return sorted(
        (_package(entry) for entry in entries if _ours(entry)), key=lambda package: package.name
    )


def add_packages(
    site: Site,
    names: Sequence[str],
    index: Index,
    store: Store,
    emit: Emitter,
    *,
    keep_going: bool = False,
) -> list[str]:
    """Bring packages, and all that they require, into a site; the names of those that were new.

    They come from the site's Pyodide where the index has its version, else from the index. With
    `keep_going` one that cannot be had is noted and left out, else it is a SourceError.
    """
    wanted = packages.parse(names)
    original = site.read_original_lock()
    with locked(site, emit):
        old = site.read_lock()
        new = packages.bring(
            *(wanted, old, site.beside, original, index, store, emit), keep_going=keep_going
        )
        if new is not old:
            site.root.replace({lite.LOCK: new.dump()})
    return sorted(set(new.packages) - set(old.packages))


def refuse_foreign(site: Site, wheel: Wheel) -> None:
    """A SiteError where a wheel is for another target than the site's; both tags are named."""
    if wheel.tags & supported_tags(site.target):
        return
    given = ", ".join(sorted({f"{tag.interpreter}-{tag.abi}-{tag.platform}" for tag in wheel.tags}))
    target = site.target
    raise SiteError(
        f"{wheel.path.name} cannot be published to the site {site.name}.",
        f"The wheel is for {given}; the site is for "
        f"{target.python_tag}-{target.python_tag}-{target.platform_tag}.",
        f"Build it for the site with `jupyter wasmwheel build --site {site.name}`, or publish it "
        "to a site of its own target.",
    )


def supported_tags(target: Target) -> frozenset[Tag]:
    """The tags of the wheels that a target's runtime can load."""
    platforms = [target.platform_tag]
    abis = [target.python_tag]
    binary = cpython_tags(target.python_version, abis, platforms)
    pure = compatible_tags(target.python_version, target.python_tag, platforms)
    return frozenset((*binary, *pure))


@contextmanager
def locked(site: Site, emit: Emitter) -> Iterator[None]:
    """Hold a site as it is: nobody publishes to it meanwhile."""
    site.root.make_folder(f"{lite.PRIVATE}/locks")
    # Who holds a lock empties its file, through a link too.
    site.root.require_own_file(f"{lite.PRIVATE}/locks/lock.lock")
    with Store(home=site.folder / lite.PRIVATE).lock("lock", emit):
        yield


def _ours(entry: Entry) -> dict[str, Any] | None:
    """Our table in an entry, or None where the entry is Pyodide's own."""
    found: dict[str, Any] | None = entry.extra.get("tool", {}).get("wasmwheel")
    return found


def _displaced(before: Entry | None) -> dict[str, Any] | None:
    """The row that is to come back on removal: Pyodide's own, also under several of ours."""
    if before is None:
        return None
    ours = _ours(before)
    row: dict[str, Any] | None = ours.get("displaced") if ours else before.row()
    return row


def _without(old: Lock, name: str) -> Lock:
    """A lock without a package; Pyodide would load nothing that depends on a missing one."""
    new = old.without(name)
    for entry in new.packages.values():
        if name in entry.depends:
            kept = tuple(other for other in entry.depends if other != name)
            new = new.with_entry(replace(entry, depends=kept))
    return new


def _package(entry: Entry) -> Package:
    ours = entry.extra["tool"]["wasmwheel"]
    return Package(
        name=entry.name,
        version=entry.version,
        size=ours["size"],
        sha256=entry.sha256,
        file_name=entry.file_name,
        published=ours["published"],
        notebook=contents.notebook_name(entry.name, entry.version),
    )
