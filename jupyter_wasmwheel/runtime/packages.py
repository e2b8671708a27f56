"""Sources of packages for a runtime: wheels just built, a site, the user's package index, the CDN.

Pyodide's own files are on its CDN. The index has some of the same names and versions with other
bytes, so a lock must get the name and the sha256 of each file that comes from the index.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from ..api.errors import Retry, SourceError
from ..api.events import note
from ..index import configuration_digest
from ..safe_paths import Root
from ..store import Store
from ..wheel import Wheel, read
from .context import RunContext
from .lock import Entry, Lock, entry_for

#: The origin of a package, as in a report.
Source = Literal["pyodide", "pypi", "pypi-wasm", "site", "built"]

#: The folder beside a site's lock with its published wheels.
PUBLISHED = "wheels/"

#: The start of URLs in a lock, such as those of Pyodide's CDN.
URLS = ("https://", "http://")


class Candidate(Struct, frozen=True, kw_only=True):
    """An available package: its entry for a lock, its wheel and its requirements.

    `path` is None if only a URL is known, such as one of Pyodide's CDN.
    """

    entry: Entry
    source: Source
    path: Path | None
    needs: tuple[Requirement, ...]


#: A function that finds a candidate for a requirement. It returns None if it does not know the
#: package, and raises a SourceError if no candidate fits.
PackageSource = Callable[[Requirement], Candidate | None]


def wheel_source(wheels: Sequence[Wheel], lock: Lock) -> PackageSource:
    """Return the source of built wheels for the runtime of a lock."""
    known = {wheel.canonical_name: wheel for wheel in wheels}

    def find(requirement: Requirement) -> Candidate | None:
        wheel = known.get(canonicalize_name(requirement.name))
        return _candidate(wheel, lock, requirement, "built") if wheel else None

    return find


def site_source(lock: Lock, root: Root, original: Lock) -> PackageSource:
    """Return the source of a site: its lock's packages, with the files beneath the folder."""

    def find(requirement: Requirement) -> Candidate | None:
        entry = lock.get(requirement.name)
        if entry is None:
            return None
        here = not entry.file_name.startswith(URLS) and root.is_file(entry.file_name)
        return Candidate(
            entry=entry,
            source=_source(entry, original),
            path=root.path(entry.file_name) if here else None,
            needs=_depends(entry),
        )

    return find


def _source(entry: Entry, original: Lock) -> Source:
    """Return the origin of a site's entry: published to it, Pyodide's own, or from the index."""
    if entry.file_name.startswith(PUBLISHED):
        return "site"
    if original.get(entry.name):
        return "pyodide"
    return "pypi" if entry.file_name.endswith("-none-any.whl") else "pypi-wasm"


def index_source(original: Lock, context: RunContext, *, cdn: bool = False) -> PackageSource:
    """Return the source of the user's index for the runtime of a lock.

    The version is that of the lock if the index has it, or the newest. With `cdn`, a package that
    only Pyodide's CDN has is a candidate without a file. A direct reference (PEP 508) in the
    metadata of a wheel could name any file or server, so it is refused.
    """

    def find(requirement: Requirement) -> Candidate | None:
        if requirement.url:
            raise SourceError(
                f"{requirement.name} is required from a URL.",
                f"{requirement} is not fetched: only the package index is used.",
                f"Build {requirement.name} and publish it into the site, then try again.",
                code="requirement.direct-reference",
            )
        known = original.get(requirement.name)
        if known and not requirement.specifier.contains(known.version, prereleases=True):
            known = None
        try:
            return _fetched(requirement, known, original, context)
        except SourceError:
            if known is None or not cdn:
                raise
            return Candidate(entry=known, source="pyodide", path=None, needs=_depends(known))

    return find


def _fetched(
    requirement: Requirement, known: Entry | None, original: Lock, context: RunContext
) -> Candidate:
    """Fetch a candidate, in Pyodide's version if it has one."""
    if known:
        try:
            path = fetch(known, original, context)
        except SourceError:
            if known.package_type != "package":
                raise
        else:
            entry = _with_own_depends(known, read(path), original)
            return Candidate(entry=entry, source="pyodide", path=path, needs=_depends(entry))
    wheel = read(fetch_newest(requirement, original, context))
    return _candidate(wheel, original, requirement, "pypi" if wheel.is_pure else "pypi-wasm")


def _candidate(wheel: Wheel, lock: Lock, requirement: Requirement, source: Source) -> Candidate:
    needs = tuple(requirements(wheel, lock, requirement.extras))
    path = wheel.path.resolve()
    entry = entry_for(wheel, path.as_posix(), (need.name for need in needs))
    return Candidate(entry=entry, source=source, path=path, needs=needs)


def _with_own_depends(entry: Entry, wheel: Wheel, original: Lock) -> Entry:
    """Return Pyodide's entry with the dependencies of the index's wheel that Pyodide has.

    Pyodide patches some out of its own wheels: its httpx does not import httpcore.
    """
    needs = requirements(wheel, original)
    own = [canonicalize_name(need.name) for need in needs if original.get(need.name)]
    return replace(entry, depends=tuple(dict.fromkeys((*entry.depends, *own))))


def _depends(entry: Entry) -> tuple[Requirement, ...]:
    return tuple(Requirement(canonicalize_name(name)) for name in entry.depends)


def fetch(entry: Entry, lock: Lock, context: RunContext) -> Path:
    """Fetch the wheel of a lock's entry from the user's index or the CDN; keep it in the store.

    Libraries and parts of the standard library are not wheels; only Pyodide ships them.
    """
    title = f"{entry.name} {entry.version}"
    if entry.package_type != "package":
        raise _pyodide_only(title, f"It is a {entry.package_type.replace('_', ' ')}, not a package")
    try:
        requirement = Requirement(f"{canonicalize_name(entry.name)}=={entry.version}")
    except InvalidRequirement as error:
        raise _pyodide_only(title, f"{error} (in the lock)") from error
    if kept := context.store.find(_key(lock, entry.name, entry.version, entry.sha256[:16])):
        return _wheel_in(kept)
    try:
        return fetch_newest(requirement, lock, context)
    except SourceError as error:
        if lock.files_url is None:
            raise _pyodide_only(title, f"{error.what} {error.why}") from error
        unknown = error
    try:
        return _fetch_from_cdn(entry, lock, context)
    except SourceError as error:
        why = f"{unknown.what} {error.what} {error.why}"
        raise _pyodide_only(title, why) from error


def _fetch_from_cdn(entry: Entry, lock: Lock, context: RunContext) -> Path:
    """Fetch the file that a lock's entry names, with its hash, and keep it in the store."""
    url = f"{lock.files_url}{entry.file_name}"

    def fill(folder: Path) -> None:
        context.index.download(url, f"sha256:{entry.sha256}", folder)
        note(context.emit, f"Fetched {entry.file_name} from {urlsplit(url).netloc}.")

    key = _key(lock, entry.name, entry.version, entry.sha256[:16])
    return _wheel_in(context.store.install(key, fill, context.emit))


def fetch_newest(requirement: Requirement, lock: Lock, context: RunContext) -> Path:
    """Fetch the newest wheel on the user's index that fits a requirement and a lock's runtime.

    It is pure or has the ABI's platform tag (PEP 783), and is kept in the store. The index is not
    asked for an exact version (`==`) that the store has; offline, the store's newest is used.
    """
    (exact,) = requirement.specifier if len(requirement.specifier) == 1 else (None,)
    if exact and exact.operator == "==":
        key = _key(lock, requirement.name, exact.version, configuration_digest())
        kept = context.store.find(key)
        if kept:
            return _wheel_in(kept)
    try:
        platform = f"pyemscripten_{lock.abi}_wasm32"
        found = context.index.find_wheel(requirement, python_version(lock), platform)
    except SourceError:
        kept = _newest_kept(requirement, lock, context.store) if context.offline else None
        if not kept:
            raise
        return _wheel_in(kept)

    def fill(folder: Path) -> None:
        note(context.emit, f"Fetching {found.link.filename} from the package index.")
        context.index.fetch(found, folder)

    key = _key(lock, requirement.name, found.version or "unknown", configuration_digest())
    return _wheel_in(context.store.install(key, fill, context.emit))


def python_version(lock: Lock) -> tuple[int, int]:
    """Return the major and minor version of a lock's Python."""
    major, minor = lock.python.split(".")[:2]
    return int(major), int(minor)


def marker_environment(lock: Lock) -> dict[str, str]:
    """Return the environment of markers (PEP 508) in the runtime of a lock."""
    platform = str(lock.head["info"].get("platform", ""))
    return {
        "implementation_name": "cpython",
        "implementation_version": lock.python,
        "os_name": "posix",
        "platform_machine": "wasm32",
        "platform_python_implementation": "CPython",
        "platform_release": platform.removeprefix("emscripten_").replace("_", "."),
        "platform_system": "Emscripten",
        "platform_version": "#1",
        "python_full_version": lock.python,
        "python_version": "{}.{}".format(*python_version(lock)),
        "sys_platform": "emscripten",
    }


def requirements(wheel: Wheel, lock: Lock, extras: Iterable[str] = ()) -> list[Requirement]:
    """Return what a wheel with extras requires in the runtime of a lock."""
    return applicable(wheel.requires, lock, extras)


def applicable(
    requirements: Iterable[Requirement], lock: Lock, extras: Iterable[str] = ()
) -> list[Requirement]:
    """Return the requirements whose markers hold in the runtime of a lock."""
    environment = marker_environment(lock)
    contexts = [environment | {"extra": extra} for extra in ("", *extras)]
    return [
        requirement
        for requirement in requirements
        if requirement.marker is None or any(map(requirement.marker.evaluate, contexts))
    ]


def _key(lock: Lock, name: str, version: str, origin: str) -> str:
    """Return the key of a wheel; `origin` is a digest of its index or, from the CDN, its own."""
    return f"packages/{lock.abi}/{canonicalize_name(name)}-{version}-{origin}"


def _newest_kept(requirement: Requirement, lock: Lock, store: Store) -> Path | None:
    """Return the folder of the store's newest wheel that fits a requirement."""
    place, stem = f"packages/{lock.abi}", f"{canonicalize_name(requirement.name)}-"
    roots = (*store.read_only, store.home)
    folders = [path for root in roots for path in (root / place).glob(f"{stem}*-*")]
    versions = [(path.name.removeprefix(stem).rpartition("-")[0], path) for path in folders]
    fitting = [
        (Version(version), path)
        for version, path in versions
        if version[:1].isdigit() and requirement.specifier.contains(version)
    ]
    return max(fitting)[1] if fitting else None


def _wheel_in(folder: Path) -> Path:
    (wheel,) = folder.glob("*.whl")
    return wheel


def _pyodide_only(title: str, why: str) -> SourceError:
    return SourceError(
        f"Could not fetch a wheel of Pyodide's package {title}.",
        why if why.endswith(".") else f"{why}.",
        "Check the network and `pip config list`. To use packages that only Pyodide's CDN has, "
        "create the site with `jupyter wasmwheel site create --cdn`.",
        code="pyodide.package-not-available",
        remedies=[Retry()],
    )
