"""Publishing: add a wheel to a site, and edit the site's lock so that `import` finds it.

The lock is the only record of published packages: their entries have a table `tool.wasmwheel`
with the time, the size, and the row of the package that they displaced, if any.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import canonicalize_name

from ..api.errors import Retry, SiteError
from ..api.events import Emitter, ignore, note
from ..runtime import lock
from ..runtime.context import RunContext
from ..runtime.lock import Entry, Lock
from ..runtime.packages import Candidate
from ..runtime.targets import Target
from ..safe_paths import Root
from ..wheel import Wheel
from . import addresses, contents, data, lite, packages, simple_index, transaction, wheels
from .lite import Site
from .transaction import Transaction


class PublishedPackage(Struct, frozen=True, kw_only=True):
    """A package that was published to a site; `size` is that of its wheel in bytes."""

    name: str
    version: str
    size: int
    sha256: str
    file_name: str
    published: str
    notebook: str


class NewPackage(Struct, frozen=True, kw_only=True):
    """A wheel to publish.

    `depends` are the packages to load with it; those that the site does not have are ignored.
    `built_with` is shown in the notebook. `shipped` are files that it fetches while it runs, by
    URL. `notebook` is the package's own; without it, one is generated.
    """

    wheel: Wheel
    depends: tuple[str, ...] = ()
    built_with: str | None = None
    shipped: Mapping[str, Path] = field(default_factory=dict)
    notebook: dict[str, Any] | None = None


class PublishResult(Struct, frozen=True, kw_only=True):
    """The result of publishing: the site, the package, and the URL of its notebook."""

    site: Site
    package: PublishedPackage
    url: str


def publish(
    site: Site,
    new_packages: Sequence[NewPackage],
    emit: Emitter,
    needed: Mapping[str, Candidate] = MappingProxyType({}),
) -> tuple[PublishResult, ...]:
    """Publish wheels to a site, all or none, so that `import` finds them in its notebooks.

    List wheels after the wheels that they depend on. `needed` are other packages that they require;
    the site keeps those that it has. Raise a SiteError if a wheel is for another target.
    """
    for each in new_packages:
        require_target(site, each.wheel)
    now = datetime.now(UTC)
    with locked(site, emit):
        notebooks: dict[str, dict[str, Any]] = {}
        published: list[PublishedPackage] = []
        updated: list[tuple[Entry, PublishedPackage]] = []
        with _transaction(site) as change:
            lite.update_assets(site)
            package_root = change.root(lite.PYODIDE)
            new = packages.add(needed, site.read_lock(), package_root)
            for each in new_packages:
                before = new.get(each.wheel.canonical_name)
                entry = _add(each, before, new, package_root, now)
                new = new.with_entry(entry)
                package = _package(entry)
                published.append(package)
                notebooks[package.notebook] = (
                    contents.with_site_kernel(each.notebook)
                    if each.notebook
                    else contents.notebook(each.wheel, each.built_with, now)
                )
                if before and before.published:
                    updated.append((before, package))
            older = {_package(before).notebook for before, _ in updated} - notebooks.keys()
            listed = contents.with_notebooks(site.root, notebooks, now, older)
            replaced = [
                wheels.own_folder(before)
                for before, package in updated
                if before.file_name != package.file_name
            ]
            changed = [each.name for each in published]
            index = simple_index.update(site.root, package_root, new, changed)
            # The lock comes last, because it names the others.
            change.decide(
                {**index.pages, **listed, lite.LOCK: new.dump()},
                outdated=_in_site(replaced),
                removed=[
                    *_in_site(data.unused(new, package_root)),
                    *(f"{contents.FILES}/{name}" for name in older),
                ],
            )
        with _cleaning_up(site, emit):
            change.finish()
            if updated:
                wheels.sweep_if_due(new, package_root, site.private)
    return tuple(
        PublishResult(site=site, package=each, url=addresses.address(site, each.notebook))
        for each in published
    )


def _add(new: NewPackage, before: Entry | None, into: Lock, root: Root, now: datetime) -> Entry:
    """Add the files of a package to a site, and return its entry for the lock."""
    wheel = new.wheel
    file_name = wheels.add(wheel.path, wheel.sha256, root, wheels.PUBLISHED)
    depends = [
        name
        for name in new.depends
        if into.get(name) and canonicalize_name(name) != wheel.canonical_name
    ]
    table = {
        "published": now.isoformat(timespec="milliseconds"),
        "size": wheel.size,
        "displaced": _displaced(before),
        "data": data.add(new.shipped, root),
    }
    entry = lock.entry_for(wheel, file_name, depends)
    return replace(entry, extra={"tool": {"wasmwheel": table}})


def remove(site: Site, name: str, emit: Emitter = ignore) -> PublishedPackage:
    """Remove a package from a site, and restore the package that it displaced.

    Raise a SiteError if no package of that name was published.
    """
    package_root = site.package_root
    with locked(site, emit):
        old = site.read_lock()
        entry = find_published(site, old, name)
        displaced = _displaced(entry)
        new = old.with_entry(Entry.parse(displaced)) if displaced else _without(old, entry.name)
        package = _package(entry)
        listed = contents.without_notebook(site.root, package.notebook)
        gone: list[str | None] = [*data.unused(new, package_root)]
        if all(other.file_name != entry.file_name for other in new.packages.values()):
            # At once: tabs that are fetching it still get all of it.
            gone.append(wheels.own_folder(entry))
        with _transaction(site) as change:
            index = simple_index.update(site.root, package_root, new, [package.name])
            change.decide(
                {**index.pages, **listed, lite.LOCK: new.dump()},
                removed=[
                    *_in_site(gone),
                    f"{contents.FILES}/{package.notebook}",
                    *index.removed,
                ],
            )
        with _cleaning_up(site, emit):
            change.finish()
            wheels.sweep_if_due(new, package_root, site.private)
    return package


def find_published(site: Site, lock: Lock, name: str) -> Entry:
    """Return the entry of a published package; raise a SiteError if there is no such package."""
    entry = lock.get(name)
    if entry is None or entry.published is None:
        raise SiteError(
            f"{name} is not published to site {site.name}.",
            "It is part of Pyodide." if entry else "The site has no package of that name.",
            f"List its packages with `jupyter wasmwheel site list {site.name}`.",
            code="publish.not-published",
        )
    return entry


def has_published(site: Site, name: str) -> bool:
    """Return whether a package is published to a site."""
    entry = site.read_lock().get(name)
    return entry is not None and entry.published is not None


def list_packages(site: Site) -> list[PublishedPackage]:
    """Return the packages that were published to a site, by name."""
    entries = site.read_lock().packages.values()
    return sorted(
        (_package(entry) for entry in entries if entry.published),
        key=lambda package: package.name,
    )


def add_packages(site: Site, names: Sequence[str], context: RunContext) -> list[str]:
    """Add packages and their requirements to a site; return the names of the new ones.

    They come from the site's Pyodide if the index has that version, else from the index. Raise a
    SourceError if one is not available.
    """
    wanted = packages.parse_requirements(names)
    original = site.read_original_lock()
    with locked(site, context.emit):
        old = site.read_lock()
        with _transaction(site) as change:
            new = packages.install(wanted, old, change.root(lite.PYODIDE), original, context)
            change.decide({lite.LOCK: new.dump()} if new is not old else {})
        change.finish()
    return sorted(set(new.packages) - set(old.packages))


def require_target(site: Site, wheel: Wheel) -> None:
    """Raise a SiteError, with both tags, if a wheel is for another target than the site."""
    if wheel.tags & supported_tags(site.target):
        return
    given = ", ".join(sorted({f"{tag.interpreter}-{tag.abi}-{tag.platform}" for tag in wheel.tags}))
    target = site.target
    raise SiteError(
        f"{wheel.path.name} cannot be published to the site {site.name}.",
        f"The wheel is for {given}; the site is for "
        f"{target.python_tag}-{target.python_tag}-{target.platform_tag}.",
        f"Build it for the site with `jupyter wasmwheel build --site {site.name}`, or publish it "
        "to a site for its target.",
        code="publish.target-mismatch",
    )


def supported_tags(target: Target) -> frozenset[Tag]:
    """Return the tags of the wheels that a target can load."""
    platforms = [target.platform_tag]
    abis = [target.python_tag]
    binary = cpython_tags(target.python_version, abis, platforms)
    pure = compatible_tags(target.python_version, target.python_tag, platforms)
    return frozenset((*binary, *pure))


@contextmanager
def locked(site: Site, emit: Emitter) -> Iterator[None]:
    """Hold the lock of a site, so that no other process changes it.

    Raise a SiteError if one of its files disappears all the same.
    """
    try:
        with transaction.lock_store(site.private).lock(transaction.LOCK_KEY, emit):
            lite.recover(site)
            if not simple_index.exists(site.root):
                simple_index.create(site.root, site.package_root, site.read_lock())
            yield
    except FileNotFoundError as error:
        raise SiteError(
            f"{error.filename} disappeared while site {site.name} was in use.",
            "Another program moved or removed it. pyodide-lock.json was not changed.",
            "Run it again when no other program changes the folder.",
            code="site.changed-during-use",
            remedies=[Retry()],
        ) from error


def _transaction(site: Site) -> AbstractContextManager[Transaction]:
    return transaction.transaction(site.root, site.private)


def _in_site(names: Iterable[str | None]) -> list[str]:
    """Return the paths of names in the folder of the lock, without the missing ones."""
    return [f"{lite.PYODIDE}/{name}" for name in names if name]


@contextmanager
def _cleaning_up(site: Site, emit: Emitter) -> Iterator[None]:
    """Report an error in a note: the lock is written, so the change is already done."""
    try:
        yield
    except (SiteError, OSError) as error:
        why = error.what if isinstance(error, SiteError) else error
        note(emit, f"Could not remove old files from site {site.name}: {why}")


def _displaced(before: Entry | None) -> dict[str, Any] | None:
    """Return the row to restore on removal: Pyodide's own, even after several updates."""
    if before is None:
        return None
    table = before.published
    row: dict[str, Any] | None = table.get("displaced") if table else before.row()
    return row


def _without(old: Lock, name: str) -> Lock:
    """Return a lock without a package, and without it in others' dependencies.

    Pyodide does not load a package with a missing dependency.
    """
    new = old.without(name)
    for entry in new.packages.values():
        if name in entry.depends:
            kept = tuple(other for other in entry.depends if other != name)
            new = new.with_entry(replace(entry, depends=kept))
    return new


def _package(entry: Entry) -> PublishedPackage:
    table = entry.extra["tool"]["wasmwheel"]
    return PublishedPackage(
        name=entry.name,
        version=entry.version,
        size=table["size"],
        sha256=entry.sha256,
        file_name=entry.file_name,
        published=table["published"],
        notebook=contents.notebook_name(entry.name, entry.version),
    )
