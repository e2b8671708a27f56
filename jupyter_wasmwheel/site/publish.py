"""Publishing: add a wheel to a site, and edit the site's lock so that `import` finds it.

The lock is the only record of published packages: their entries have a table `tool.wasmwheel`
with the time, the size, and the row of the package that they displaced, if any.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import canonicalize_name

from ..api.errors import Retry, SiteError
from ..api.events import Emitter, ignore, note
from ..runtime import lock
from ..runtime.context import RunContext
from ..runtime.lock import Entry, Lock
from ..runtime.packages import Candidate
from ..runtime.targets import Target
from ..safe_paths import MAX_FILE_BYTES, Root
from ..store import Store
from ..wheel import Wheel
from . import addresses, contents, data, lite, packages, wheels
from .lite import Site


@dataclass(frozen=True, kw_only=True)
class PublishedPackage:
    """A package that was published to a site; `size` is that of its wheel in bytes."""

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

    `depends` are the packages to load with it; those that the site does not have are ignored.
    `built_with` is shown in the notebook. `shipped` are files that it fetches while it runs, by
    URL. `notebook` is the package's own; without it, one is generated.
    """

    wheel: Wheel
    depends: tuple[str, ...] = ()
    built_with: str | None = None
    shipped: Mapping[str, Path] = field(default_factory=dict)
    notebook: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class PublishResult:
    """The result of publishing: the site, the package, and the URL of its notebook."""

    site: Site
    package: PublishedPackage
    url: str


@dataclass(frozen=True)
class _RevertibleRoot(Root):
    """A folder that records the files that were added to it, and can remove them again."""

    added: list[str] = field(default_factory=list)

    def copy(self, source: Path, name: str) -> None:
        """Copy a file, and record it if it is new."""
        if not self.is_file(name):
            self.added.append(name)
        super().copy(source, name)

    @contextmanager
    def reverting(self) -> Iterator[None]:
        """Remove the added files if the body fails."""
        try:
            yield
        except BaseException:
            for name in self.added:
                with contextlib.suppress(SiteError, OSError):
                    folder = name.rpartition("/")[0]
                    self.remove(name)
                    if not self.children(folder):
                        self.remove(folder)
            raise


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
        lite.update_assets(site)
        package_root = _RevertibleRoot(site.folder, lite.PYODIDE)
        notebooks: dict[str, dict[str, Any]] = {}
        published: list[PublishedPackage] = []
        updated: list[tuple[Entry, PublishedPackage]] = []
        with package_root.reverting():
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
                if before and _own_table(before):
                    updated.append((before, package))
            older = {_package(before).notebook for before, _ in updated} - notebooks.keys()
            listed = contents.with_notebooks(site.root, notebooks, now, older)
            # The lock comes last, because it names the others.
            _replace(site, {**listed, lite.LOCK: new.dump()})
        with _cleaning_up(site, emit):
            data.remove_unused(new, package_root)
            for before, package in updated:
                if before.file_name != package.file_name:
                    wheels.start_grace_period(before, package_root)
            for name in older:
                contents.remove_notebook(site.root, name)
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


def _replace(site: Site, files: Mapping[str, bytes]) -> None:
    """Replace files of a site in their order; restore them if that fails."""
    root = site.root
    before = {name: root.read(name, MAX_FILE_BYTES) for name in files if root.is_file(name)}
    try:
        root.replace(files)
    except BaseException:
        for name, data in files.items():
            with contextlib.suppress(SiteError, OSError):
                if root.read(name, MAX_FILE_BYTES) != data:
                    continue
                elif name in before:
                    root.replace({name: before[name]})
                else:
                    root.remove(name)
        raise


def remove(site: Site, name: str, emit: Emitter = ignore) -> PublishedPackage:
    """Remove a package from a site, and restore the package that it displaced.

    Raise a SiteError if no package of that name was published.
    """
    package_root = site.package_root
    with locked(site, emit):
        old = site.read_lock()
        entry = old.get(name)
        table = _own_table(entry) if entry else None
        if entry is None or table is None:
            raise SiteError(
                f"{name} is not published to site {site.name}.",
                "It is part of Pyodide." if entry else "The site has no package of that name.",
                f"List its packages with `jupyter wasmwheel site list {site.name}`.",
                code="publish.not-published",
            )
        displaced = table.get("displaced")
        new = old.with_entry(Entry.parse(displaced)) if displaced else _without(old, entry.name)
        package = _package(entry)
        listed = contents.without_notebook(site.root, package.notebook)
        _replace(site, {**listed, lite.LOCK: new.dump()})
        with _cleaning_up(site, emit):
            data.remove_unused(new, package_root)
            contents.remove_notebook(site.root, package.notebook)
            if all(other.file_name != entry.file_name for other in new.packages.values()):
                wheels.remove(entry, package_root)
            wheels.sweep_if_due(new, package_root, site.private)
    return package


def list_packages(site: Site) -> list[PublishedPackage]:
    """Return the packages that were published to a site, by name."""
    entries = site.read_lock().packages.values()
    return sorted(
        (_package(entry) for entry in entries if _own_table(entry)),
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
        package_root = _RevertibleRoot(site.folder, lite.PYODIDE)
        with package_root.reverting():
            new = packages.install(wanted, old, package_root, original, context)
            if new is not old:
                site.root.replace({lite.LOCK: new.dump()})
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
        site.root.make_folder(f"{lite.PRIVATE}/locks")
        # Locking a file empties it, even through a link.
        site.root.require_own_file(f"{lite.PRIVATE}/locks/lock.lock")
        with Store(home=site.folder / lite.PRIVATE).lock("lock", emit):
            yield
    except FileNotFoundError as error:
        raise SiteError(
            f"{error.filename} disappeared while site {site.name} was in use.",
            "Another program moved or removed it. pyodide-lock.json was not changed.",
            "Run it again when no other program changes the folder.",
            code="site.changed-during-use",
            remedies=[Retry()],
        ) from error


@contextmanager
def _cleaning_up(site: Site, emit: Emitter) -> Iterator[None]:
    """Report an error in a note: the lock is written, so the change is already done."""
    try:
        yield
    except (SiteError, OSError) as error:
        why = error.what if isinstance(error, SiteError) else error
        note(emit, f"Could not remove old files from site {site.name}: {why}")


def _own_table(entry: Entry) -> dict[str, Any] | None:
    """Return the table `tool.wasmwheel` of an entry, or None if the entry is Pyodide's own."""
    found: dict[str, Any] | None = entry.extra.get("tool", {}).get("wasmwheel")
    return found


def _displaced(before: Entry | None) -> dict[str, Any] | None:
    """Return the row to restore on removal: Pyodide's own, even after several updates."""
    if before is None:
        return None
    table = _own_table(before)
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
