"""Publishing: a wheel's file put into a site, and the site's lock edited so that it is imported.

The lock is the one record of what is published: an entry of ours has a table `tool.wasmwheel`
with the time, the size, and the row of the package that it displaced, if there was one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import canonicalize_name

from ..api.errors import SiteError
from ..api.events import Emitter, ignore
from ..runtime import lock
from ..runtime.context import RunContext
from ..runtime.lock import Entry, Lock
from ..runtime.packages import Candidate
from ..runtime.targets import Target
from ..safe_paths import Root
from ..store import Store
from ..wheel import Wheel
from . import addresses, contents, data, lite, packages, wheels
from .lite import Site


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
class NewPackage:
    """A wheel to publish.

    `depends` are the packages that are loaded with it; those that the site does not have are left
    out. `built_with` goes into the notebook. `shipped` are files that it fetches while it runs, by
    their addresses. `notebook` is the package's own; without it, one is made that imports the
    package and lists what is in it.
    """

    wheel: Wheel
    depends: tuple[str, ...] = ()
    built_with: str | None = None
    shipped: Mapping[str, Path] = field(default_factory=dict)
    notebook: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Published:
    """The result of publishing: the site, the package, and the address of its notebook."""

    site: Site
    package: Package
    url: str


@dataclass(frozen=True)
class _AddingRoot(Root):
    """A folder that knows which files were added to it, so that they can be removed again."""

    added: list[str] = field(default_factory=list)

    def copy(self, source: Path, name: str) -> None:
        """Copy a file to a place, and note it where there was none."""
        if not self.is_file(name):
            self.added.append(name)
        super().copy(source, name)

    def roll_back(self) -> None:
        """Remove what was added."""
        for name in self.added:
            folder = name.rpartition("/")[0]
            self.remove(name)
            if not self.children(folder):
                self.remove(folder)


def publish(
    site: Site,
    new_packages: Sequence[NewPackage],
    emit: Emitter,
    needed: Mapping[str, Candidate] = MappingProxyType({}),
) -> tuple[Published, ...]:
    """Publish wheels to a site, all or none, so that `import` finds them in its notebooks.

    They come in the order of their needs. `needed` are packages of others that they require; those
    that the site has already stay as they are. A SiteError where a wheel is for another target.
    """
    for each in new_packages:
        refuse_foreign(site, each.wheel)
    now = datetime.now(UTC)
    with locked(site, emit):
        lite.update_assets(site)
        old = site.read_lock()
        beside = _AddingRoot(site.folder, lite.PYODIDE)
        notebooks: dict[str, dict[str, Any]] = {}
        done: list[Package] = []
        updated: list[tuple[Entry, Package]] = []
        try:
            new = packages.add(needed, old, beside)
            for each in new_packages:
                before = new.get(each.wheel.canonical_name)
                entry = _add(each, before, new, beside, now)
                new = new.with_entry(entry)
                package = _package(entry)
                done.append(package)
                notebooks[package.notebook] = (
                    contents.in_browser(each.notebook)
                    if each.notebook
                    else contents.notebook(each.wheel, each.built_with, now)
                )
                if before and _ours(before):
                    updated.append((before, package))
            older = {_package(before).notebook for before, _ in updated} - notebooks.keys()
            listed = contents.added(site.root, notebooks, now, older)
            # What the lock names is there already: it is replaced last.
            _replace(site, {**listed, lite.LOCK: new.dump()})
        except BaseException:
            beside.roll_back()
            raise
        data.tidy(new, beside)
        for before, package in updated:
            if before.file_name != package.file_name:
                wheels.let_go(before, beside)
        if updated:
            wheels.sweep_now_and_then(new, beside, site.private)
        for name in older:
            contents.remove(site.root, name)
    return tuple(
        Published(site=site, package=each, url=addresses.address(site, each.notebook))
        for each in done
    )


def _add(new: NewPackage, before: Entry | None, into: Lock, beside: Root, now: datetime) -> Entry:
    """Put the files of a package beside the lock, and return its entry."""
    wheel = new.wheel
    file_name = wheels.put(wheel.path, wheel.sha256, beside, wheels.PUBLISHED)
    here = [name for name in new.depends if into.get(name)]
    here = [name for name in here if canonicalize_name(name) != wheel.canonical_name]
    ours = {
        "published": now.isoformat(timespec="milliseconds"),
        "size": wheel.size,
        "displaced": _displaced(before),
        "data": data.put(new.shipped, beside),
    }
    entry = lock.entry_for(wheel, file_name, here)
    return replace(entry, extra={"tool": {"wasmwheel": ours}})


def _replace(site: Site, files: Mapping[str, bytes]) -> None:
    """Replace files of a site, in their order; put back what was there where that fails."""
    root = site.root
    before = {name: root.read(name) for name in files if root.is_file(name)}
    try:
        root.replace(files)
    except BaseException:
        root.replace({name: was for name, was in before.items() if root.read(name) != was})
        for name in filter(root.is_file, files.keys() - before.keys()):
            root.remove(name)
        raise


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
                f"{name} is not published to site {site.name}.",
                "Pyodide itself brings it." if entry else "There is no package of that name.",
                f"`jupyter wasmwheel site list {site.name}` says what is in it.",
                code="publish.not-published",
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


def add_packages(site: Site, names: Sequence[str], context: RunContext) -> list[str]:
    """Add packages, and all that they require, to a site; return the names of the new ones.

    They come from the site's Pyodide where the index has its version, else from the index. One that
    is not available is a SourceError.
    """
    wanted = packages.parse(names)
    original = site.read_original_lock()
    with locked(site, context.emit):
        old = site.read_lock()
        beside = _AddingRoot(site.folder, lite.PYODIDE)
        try:
            new = packages.bring(wanted, old, beside, original, context)
            if new is not old:
                site.root.replace({lite.LOCK: new.dump()})
        except BaseException:
            beside.roll_back()
            raise
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
        code="publish.target-mismatch",
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
